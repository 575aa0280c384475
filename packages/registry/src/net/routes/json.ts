/** JSON bodies: what counts as one, and its value. */
import { isUtf8 } from "node:buffer";
import { type Outcome, ok, refuse } from "../../outcome.ts";
import { trimOws } from "../http/ows.ts";
import { findExcess } from "./json-bounds.ts";

/** What JSON.parse made of a body. */
export type Json = unknown;

/** Values that a body may hold where its route says nothing else. */
export const VALUES_MAX = 10_000;

/** Refused as `invalid`, or as `too-large` for more than `valuesMax` values, with the reason in words. */
export function decodeJson(body: Buffer, valuesMax: number = VALUES_MAX): Outcome<Json> {
  if (body.length === 0) return refuse("invalid", "the body is empty; expected JSON");
  const excess = findExcess(body, valuesMax);
  if (excess !== undefined) return excess;
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
  const type = trimOws(contentType.split(";", 1)[0] ?? "").toLowerCase();
  return type === "application/json" || type === "application/merge-patch+json";
}

/** RFC 9110 §8.3.1: the character set that a content type names, in lower case; quoted or not. */
export function charsetOf(contentType: string | undefined): string | undefined {
  if (contentType?.includes(";") !== true) return undefined;
  const match = /;[ \t]*charset=(?:"([^"]*)"|([^;]*))/i.exec(contentType);
  return match === null ? undefined : (match[1] ?? trimOws(match[2] as string)).toLowerCase();
}

/** From so many digits on a number may be more than the runtime's numbers hold exactly. */
const LONG = /[0-9]{16}/;
/** A whole number of 64 bits has no more. */
const DIGITS_MAX = 20;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** As `decodeJson`, where whole numbers of 16 digits or more come as text. */
export function decodeGoJson(body: Buffer, valuesMax?: number): Outcome<Json> {
  return decodeJson(keepLong(body), valuesMax);
}
/** Puts quotes around long whole numbers. */
function keepLong(body: Buffer): Buffer {
  const text = body.toString("latin1");
  if (!LONG.test(text)) return body;
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] as number;
    if (byte === QUOTE) {
      at = endOfString(body, at);
      continue;
    }
    if (!isDigit(byte)) continue;
    const start = at;
    while (isDigit(body[at + 1])) at++;
    const isWhole = !isNumberSign(body[start - 1]) && !isNumberSign(body[at + 1]);
    const length = at + 1 - start;
    if (length < 16 || length > DIGITS_MAX || !isWhole) continue;
    parts.push(text.slice(from, start), `"${text.slice(start, at + 1)}"`);
    from = at + 1;
  }
  parts.push(text.slice(from));
  return Buffer.from(parts.join(""), "latin1");
}

function endOfString(body: Buffer, start: number): number {
  for (let at = start + 1; at < body.length; at++) {
    if (body[at] === BACKSLASH) at++;
    else if (body[at] === QUOTE) return at;
  }
  return body.length;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** `.`, `e`, `E`, `+`, `-`: parts of a number that is not whole and positive. */
function isNumberSign(byte: number | undefined): boolean {
  return byte === 0x2e || byte === 0x65 || byte === 0x45 || byte === 0x2b || byte === 0x2d;
}

const ESCAPED = /[<>&\u2028\u2029]/g;

/** JSON as Go writes it. Members that are undefined are left out. */
export function encodeGoJson(value: unknown): string {
  const json = JSON.stringify(value) ?? "null";
  return json.replace(ESCAPED, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
