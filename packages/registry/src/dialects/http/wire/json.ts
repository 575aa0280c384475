/** The outer layer of the native API: JSON bodies, byte-string keys in paths, entity tags, durations. Pure and bounded. */
import { isUtf8 } from "node:buffer";
import { type Bytes, LIMITS, type Outcome, ok, refuse } from "../../../core/index.ts";

export const BODY_BYTES_MAX = 2 * 1024 * 1024;

/** How long a poll may wait. */
export const WAIT_MS_MAX = 5 * 60_000;

/** What JSON.parse made of a body. */
export type Json = unknown;

/** Decodes a JSON body. Refused as `invalid` with the reason in words. */
export function decodeJson(body: Buffer): Outcome<Json> {
  if (body.length === 0) return refuse("invalid", "the body is empty; expected JSON");
  if (!isUtf8(body)) return refuse("invalid", "the body is not valid UTF-8");
  const text = body.toString("utf8");
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return refuse("invalid", `the body is not valid JSON: ${(error as Error).message}`);
  }
  // Only an escape can bring half a surrogate pair into valid UTF-8. Such text cannot be stored or sent again.
  if (text.includes("\\u") && !isWellFormed(value)) return refuse("invalid", "the body escapes half a surrogate pair");
  return ok(value);
}

function isWellFormed(root: Json): boolean {
  // A stack of our own: JSON may be nested deeper than the engine's.
  const open: Json[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === "string") {
      if (LONE_SURROGATE.test(value)) return false;
    } else if (value !== null && typeof value === "object") {
      for (const [name, member] of Object.entries(value)) open.push(name, member);
    }
  }
  return true;
}

const LONE_SURROGATE = /\p{Cs}/u;

/** The content types that a JSON body may have; none at all is taken for JSON. */
export function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined || contentType === "application/json") return true;
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return type === "application/json" || type === "application/merge-patch+json";
}

/** The bytes that a raw path tail or query value stands for, percent-decoded once. */
export function decodeKey(raw: string): Outcome<Bytes> {
  if (raw.length > LIMITS.keyBytesMax * 3) return refuse("too-large", `key is longer than ${LIMITS.keyBytesMax} bytes`);
  let key = raw;
  if (raw.includes("%")) {
    let bad = false;
    key = raw.replace(/%(..?)?/gs, (whole, digits: string | undefined) => {
      if (digits === undefined || !/^[0-9A-Fa-f]{2}$/.test(digits)) {
        bad = true;
        return whole;
      }
      return String.fromCharCode(Number.parseInt(digits, 16));
    });
    if (bad) return refuse("invalid", "bad percent-escape in the key");
  }
  if (key.length > LIMITS.keyBytesMax) return refuse("too-large", `key is longer than ${LIMITS.keyBytesMax} bytes`);
  return ok(key);
}

/** Percent-encodes a key so that `decodeKey` gives it back; slashes stay. */
export function encodeKey(key: Bytes): string {
  return key.replace(
    /[^A-Za-z0-9\-._~/]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^([0-9]{1,15}(?:\.[0-9]{1,6})?)(ms|s|m|h)?$/;

/** "500ms", "10s", "5m", "2h" or a number of seconds, in ms; undefined for anything else. */
export function decodeDuration(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isFinite(value) && value >= 0 ? Math.round(value * 1000) : undefined;
  if (typeof value !== "string") return undefined;
  const match = DURATION.exec(value);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * (UNITS[match[2] ?? "s"] as number));
}

/** A revision or another non-negative safe integer in decimal; undefined for anything else. */
export function decodeCount(text: string): number | undefined {
  if (!/^[0-9]{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : undefined;
}

export function encodeTag(revision: number): string {
  return `"${revision}"`;
}

/** RFC 9110 §13.1.2: whether one of the listed tags, or "*", is this one. Weak comparison. */
export function matchesTag(list: string, tag: string): boolean {
  if (list === tag) return true;
  if (list.trim() === "*") return true;
  for (const item of list.split(",")) if (item.trim().replace(/^W\//, "") === tag) return true;
  return false;
}

/** What a condition header asks for: anything (`*`), or one revision. */
export type Condition = "any" | number;

/** Decodes `If-Match: "12"` or `*`. One revision only: a key has one at a time. */
export function decodeCondition(header: string, name: string): Outcome<Condition> {
  const text = header.trim();
  if (text === "*") return ok("any");
  const match = /^"([0-9]{1,16})"$/.exec(text);
  const revision = match === null ? undefined : decodeCount(match[1] as string);
  return revision === undefined
    ? refuse("invalid", `${name} must be * or one revision in quotes, such as "42"`)
    : ok(revision);
}

export function toTime(ms: number): string {
  return new Date(ms).toISOString();
}
