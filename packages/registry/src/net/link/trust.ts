/** Whom a node takes for another one: TLS 1.3 with a shared key, as docs/decisions/0013-link.md says; or anybody, on loopback. */
import { hkdfSync } from "node:crypto";
import type { ConnectionOptions, TlsOptions } from "node:tls";
import { isLoopback } from "../hosts/loopback.ts";

/** Keys that nodes share. With the first one connections are made, all of them are taken. */
export interface KeyTrust {
  readonly keys: readonly string[];
}

/** `loopback`: no key and no TLS, and no address but those of this machine. */
export type Trust = KeyTrust | "loopback";

const KEY_LENGTH_MIN = 32;

/** A key of OpenSSL's outside of certificates is bound to this hash, and so to this cipher: RFC 8446 §4.2.11. */
const TLS = { minVersion: "TLSv1.3", ciphers: "TLS_AES_128_GCM_SHA256" } as const;

export interface Secured {
  readonly server: TlsOptions;
  readonly client: ConnectionOptions;
}

/** What both ends need for TLS; nothing on loopback. Throws a sentence for people when a key is too short. */
export function secure(trust: Trust): Secured | undefined {
  if (trust === "loopback") return undefined;
  const keys = trust.keys.map(derive);
  const [first] = keys;
  if (first === undefined) throw new Error("there is no key for the link");
  const byName = new Map(keys.map(({ identity, psk }) => [identity, psk]));
  return {
    // Without a certificate the server has nothing to offer to those who have no key.
    server: { ...TLS, pskCallback: (_socket, identity) => byName.get(identity) ?? null },
    client: {
      ...TLS,
      pskCallback: () => first,
      // A server may pass the key over and show a certificate; only then this is asked. None is good enough here.
      ca: [],
      checkServerIdentity: () => new Error("it shows a certificate, and does not have the key of the link"),
    },
  };
}

/** Throws a sentence for people where an address is not for this trust. */
export function checkHost(trust: Trust, host: string): void {
  if (trust === "loopback" && !isLoopback(host))
    throw new Error(`a link beyond this machine needs a key, and ${host} is not a loopback address`);
}

/** The key as TLS has it, and a name for it, from which nobody learns more of it than from a handshake. */
function derive(key: string): { readonly psk: Buffer; readonly identity: string } {
  if (key.length < KEY_LENGTH_MIN)
    throw new Error(`a key of the link has at least ${KEY_LENGTH_MIN} characters, as from "openssl rand -hex 32"`);
  const from = (info: string, bytes: number): Buffer => Buffer.from(hkdfSync("sha256", key, "", info, bytes));
  return { psk: from("rollcall link", 32), identity: from("rollcall link, name of the key", 8).toString("hex") };
}
