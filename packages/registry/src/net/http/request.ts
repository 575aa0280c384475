/** A request as handlers see it, whichever way it came. */
import { type Outcome, ok, refuse } from "../../outcome.ts";

export interface Request {
  /** HEAD is shown as GET. */
  readonly method: string;
  /** As sent: percent-escapes and double slashes intact. */
  readonly path: string;
  /** The raw query string without "?". */
  readonly search: string;
  /** Names and values by turns. */
  readonly rawHeaders: readonly string[];
  /**
   * From "Authorization: Bearer …" or "X-Auth-Token: …"; undefined when there is neither. Refused as `invalid` when both
   * are there and differ: whoever stands in front may have looked at the other one.
   */
  readonly token: Outcome<string | undefined>;
  /** Bytes of body that the headers announce: 0 for none, -1 when only its end will tell. */
  readonly bodyBytes: number;
  /** The client's address; empty when it is gone. */
  readonly remoteAddress: string;
  /** For the log of requests: whoever lets the request in notes the account and the name of who asks. */
  account?: string;
  who?: string;
  /** The first value of a header. `lower` is its name in lower case. */
  header(lower: string): string | undefined;
  /**
   * Reads the whole body. `done` is called exactly once, at once when the body is there. Refused as `too-large`, after
   * which the connection ends with the answer; or as `unavailable` when the client goes away before the body's end.
   */
  takeBody(bytesMax: number, done: (body: Outcome<Buffer>) => void): void;
}

/** Looks a header up without building the map of all of them. */
export function findHeader(raw: readonly string[], lower: string): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === lower.length && (name === lower || name.toLowerCase() === lower)) return raw[i + 1];
  }
  return undefined;
}

/** All values of a header that may be there several times. */
export function findHeaders(raw: readonly string[], lower: string): string[] {
  return raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === lower);
}

const NO_TOKEN: Outcome<undefined> = ok(undefined);

/** The token in the raw values of the two headers that may carry one. */
export function tokenIn(authorization: string | undefined, authToken: string | undefined): Outcome<string | undefined> {
  if (authorization === undefined) return authToken === undefined ? NO_TOKEN : ok(authToken);
  // RFC 9110 §11.1: the scheme is case-insensitive. Another scheme is no token of ours, yet not the same as none.
  const token = authorization.replace(/^bearer +/i, "");
  if (authToken === undefined || authToken === token) return ok(token);
  return refuse("invalid", "Authorization and X-Auth-Token say different things; send one of them");
}
