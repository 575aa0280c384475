/** @live Who a connection is, what it may know of itself, and what needs no node. */
import { createHash } from "node:crypto";
import {
  type Bytes,
  fromBytes,
  type LeaseId,
  type Outcome,
  ok,
  type Principal,
  toBuffer,
} from "../../../core/index.ts";
import type { Answer, Desk, Guest, Handle } from "../desk.ts";
import { toCode } from "../refusals.ts";
import type { Realm } from "../sessions/realm.ts";
import { ERRORS } from "../wire/codes.ts";
import type { Reader } from "../wire/jute.ts";
import { BAD, DONE, fail, show } from "./answers.ts";

const FAILED: Answer = { error: ERRORS.authFailed, isLast: true };

/** `user:password` as lists of rights know it. */
export function digestOf(credentials: Bytes): Bytes {
  const user = credentials.slice(0, credentials.indexOf(":"));
  return `${user}:${createHash("sha1").update(toBuffer(credentials)).digest("base64")}`;
}

/**
 * Shows credentials. A password that is a token of the registry takes the connection into its account: its session goes
 * along, without what it had.
 */
export async function authenticate(desk: Desk, guest: Guest, reader: Reader): Promise<Answer> {
  reader.int();
  const [scheme, credentials] = [reader.bytes(), reader.bytes()];
  if (reader.isBad) return BAD;
  // By its address a connection is known anyway.
  if (scheme === "ip") return { ...DONE, zxid: 0 };
  if (scheme !== "digest" || credentials === null || !credentials.includes(":")) return FAILED;
  const digest = digestOf(credentials);
  guest.show(digest, digest === desk.settings.superDigest);
  const token = fromBytes(credentials.slice(credentials.indexOf(":") + 1));
  const known = desk.access.authenticate(token);
  if (!known.ok) return { ...DONE, zxid: 0 };
  const moved = await settle(desk, guest, known.value, token);
  return moved.ok ? { ...DONE, zxid: 0 } : FAILED;
}

async function settle(desk: Desk, guest: Guest, principal: Principal, token: string): Promise<Outcome<true>> {
  const { sessions, realms, settings } = desk;
  const account = principal.account ?? settings.account;
  if (guest.realm?.account === account) {
    guest.settle(guest.realm, token);
    return ok(true);
  }
  const begun = await sessions.begin(account, guest.begun, guest.at);
  if (!begun.ok && begun.refusal !== "exists") return begun;
  const before: Realm | undefined = guest.realm;
  guest.settle(realms.of(account), token);
  if (before !== undefined) await sessions.end(before.account, guest.session as LeaseId);
  return ok(true);
}

export const whoAmI: Handle = (_desk, { guest }) => {
  const { address, digests, isSuper } = guest.who;
  const known = digests.map((digest): readonly [Bytes, Bytes] => ["digest", digest.slice(0, digest.indexOf(":"))]);
  known.push(["ip", address]);
  if (isSuper) known.push(["super", ""]);
  return show((writer) => {
    writer.int(known.length);
    for (const [scheme, user] of known) writer.bytes(scheme).bytes(user);
  });
};

/** Resolves once this node has all that was acknowledged anywhere before. */
export const sync: Handle = async ({ registry }, { reader }) => {
  const path = reader.bytes();
  if (path === null) return BAD;
  const current = await registry.latest();
  return current.ok ? show((writer) => writer.bytes(path)) : fail(toCode(current));
};

/** There is no mechanism to go on with: the client is told so by an empty token. */
export const sasl: Handle = () => show((writer) => writer.bytes(null));

/** The nodes of the registry are not for clients to choose. */
export const reconfig: Handle = () => fail(ERRORS.reconfigDisabled);
