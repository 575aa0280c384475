/** @live The beginning of connections on a port with TLS: those that fail are told in the log, plain requests are answered. */
import type { Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { SeldomLog } from "../log.ts";
import { looksLikeHttp } from "./first-bytes.ts";

/** Why a certificate of a client is refused; others are told by OpenSSL's own word. */
const UNVERIFIED: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "it has signed itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its authority is not ours",
  UNABLE_TO_GET_ISSUER_CERT: "its authority is not ours",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its authority is not ours",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its authority is not ours",
};

const FAILURES: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "a client was refused: it has no certificate",
  ERR_TLS_HANDSHAKE_TIMEOUT: "a client did not finish its TLS handshake in time",
  ECONNRESET: "a client went away during its TLS handshake",
};

/** Tells the log why handshakes fail. */
export function tellFailures(server: Server, log: SeldomLog): void {
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const refused = socket.authorizationError as unknown;
    const address = socket.remoteAddress ?? (socket as { _parent?: Socket })._parent?.remoteAddress;
    log.warn(address, refused ? sayRefused(String(refused)) : sayFailed(error), { code: refused ?? error.code });
  });
}

function sayRefused(code: string): string {
  return `a client was refused: its certificate is not accepted: ${UNVERIFIED[code] ?? code}`;
}

function sayFailed(error: NodeJS.ErrnoException): string {
  const { code = "" } = error;
  const known = FAILURES[code];
  if (known !== undefined) return known;
  const word = code.replace("ERR_SSL_", "").replaceAll("_", " ").toLowerCase();
  const alert = /\balert (.+)$/.exec(word)?.[1];
  // RFC 8446 §6.2: the client says why it ends the handshake.
  return alert === undefined
    ? `a TLS handshake failed: ${word}`
    : `a client refused our side of a TLS handshake: ${alert}`;
}

/** Waits for the first bytes: what begins a plain request goes to `plain`, all else to `secure`, none of it lost. */
export function sortOut(socket: Socket, waitMs: number, secure: () => void, plain: () => void): void {
  const end = (): void => void socket.destroy();
  const take = (): void => {
    const first: Buffer | null = socket.read();
    if (first === null) return;
    socket.off("readable", take);
    socket.off("end", end);
    socket.off("timeout", end);
    socket.off("error", end);
    socket.setTimeout(0);
    socket.unshift(first);
    if (looksLikeHttp(first)) plain();
    else secure();
  };
  socket.setTimeout(waitMs);
  socket.on("timeout", end);
  socket.on("end", end);
  socket.on("error", end);
  socket.on("readable", take);
}
