/** Entries: any JSON value of a client's own, kept as the text that it is. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { decodeJson } from "../../../net/routes/json.ts";
import { compact, depthOf, membersOf, parseText, quote } from "./text.ts";

/** Of an entry without blanks, in ASCII. */
export const BLOB_LENGTH_MAX = 32 * 1024;
/** Answers to other nodes hold entries three levels deep, and those nodes have bounds of their own. */
const DEPTH_MAX = 24;

/** When the client wrote the entry last, by its own clock: a heartbeat changes nothing else. */
const UPDATED_AT = "updated_at";

/** The entry in a body. */
export function readBlob(body: Buffer): Outcome<string> {
  const decoded = decodeJson(body);
  return decoded.ok ? toBlob(body.toString("utf8")) : decoded;
}

/** The entry in valid JSON. */
export function toBlob(json: string): Outcome<string> {
  const blob = compact(json);
  if (blob.length > BLOB_LENGTH_MAX)
    return refuse("too-large", `the entry is longer than ${BLOB_LENGTH_MAX} characters in ASCII`);
  return depthOf(blob) > DEPTH_MAX
    ? refuse("invalid", `the entry is nested deeper than ${DEPTH_MAX} levels`)
    : ok(blob);
}

/** What an entry says besides the time: two that are equal in it are the same entry. */
export function contentOf(blob: string): string {
  // Most entries are objects; a name that is not there as text is not there at all.
  if (!blob.includes(`"${UPDATED_AT}"`)) return blob;
  const members = blob.startsWith("{") ? membersOf(blob) : undefined;
  if (members === undefined) return blob;
  const rest = members.filter(({ name }) => name !== UPDATED_AT);
  return `{${rest.map(({ name = "", value }) => `${quote(name)}:${value}`).join(",")}}`;
}

/** Where the instance of an entry is reached, as the original's users write it. */
export interface Reached {
  readonly host: string;
  /** 0 where none is said. */
  readonly port: number;
}

const HOST_LENGTH_MAX = 255;
const CONTROL = /\p{C}/u;

export function reachedBy(blob: string): Reached {
  const value = parseText(blob);
  const { host, port } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const isHost = typeof host === "string" && host.length <= HOST_LENGTH_MAX && !CONTROL.test(host);
  const number = typeof port === "string" && /^[0-9]{1,5}$/.test(port) ? Number(port) : port;
  const isPort = Number.isInteger(number) && (number as number) > 0 && (number as number) <= 65535;
  return { host: isHost ? host : "", port: isPort ? (number as number) : 0 };
}

/** The entry of an instance that came another way. */
export function writeBlob({ host, port }: Reached, updatedAtMs: number): string {
  const when = new Date(Math.min(Math.max(updatedAtMs, 0), 253_402_300_799_000)).toISOString();
  return `{"host":${quote(host)},"port":${port === 0 ? "null" : port},"${UPDATED_AT}":"${when}"}`;
}
