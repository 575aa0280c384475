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
