/** How a connection begins. */
import type { Bytes } from "../../../core/index.ts";
import { type Reader, Writer } from "./jute.ts";

export const PASSWORD_BYTES = 16;
const GREETING_BYTES = 64;
const NO_PASSWORD: Bytes = "\0".repeat(PASSWORD_BYTES);

export interface ConnectRequest {
  readonly lastZxidSeen: bigint;
  readonly timeoutMs: number;
  /** 0 for a new one. */
  readonly session: bigint;
  readonly password: Bytes;
  /** Older clients say nothing of it, and are told nothing. */
  readonly readOnly: boolean | undefined;
}

/** Undefined when it is none. */
export function readConnect(reader: Reader): ConnectRequest | undefined {
  reader.int();
  const [lastZxidSeen, timeoutMs, session] = [reader.long(), reader.int(), reader.long()];
  const password = reader.bytes() ?? "";
  if (reader.isBad) return undefined;
  return { lastZxidSeen, timeoutMs, session, password, readOnly: reader.left > 0 ? reader.bool() : undefined };
}

export interface Granted {
  readonly session: bigint;
  readonly password: Bytes;
  readonly timeoutMs: number;
}

/** That there is no such session: clients read it so. */
export const EXPIRED: Granted = { session: 0n, password: NO_PASSWORD, timeoutMs: 0 };

export function writeConnected({ readOnly }: ConnectRequest, { session, password, timeoutMs }: Granted): Buffer {
  const writer = new Writer(GREETING_BYTES).begin().int(0).int(timeoutMs).long(session).bytes(password);
  if (readOnly !== undefined) writer.bool(false);
  return writer.end().all();
}
