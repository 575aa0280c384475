/**
 * How much there is in JSON text, found out over its bytes before any of it is made: parsing holds everybody up, and a
 * megabyte of brackets, of empty objects or of names that are all different takes far longer than one of text.
 */
import { type Refused, refuse } from "../../outcome.ts";

/** Smaller bodies cannot hold enough to matter. Most are, and are not looked at. */
const UNBOUNDED_BYTES = 4096;
/** No protocol of ours nests deeper than 8. */
const DEPTH_MAX = 32;
/** Names that are not the same. An object of them is a table of its own, where others share their shapes. */
const NAMES_MAX = 2000;
/** From here on it is quicker to let the runtime look for the end of a string. */
const NEAR_BYTES = 32;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Why these bytes are not parsed: `too-large` for more than `valuesMax` values, which are all members, entries, lists
 * and objects, or for too many names; `invalid` when they nest too deeply. What is not JSON is left to the parser.
 */
export function findExcess(body: Buffer, valuesMax: number): Refused | undefined {
  if (body.length < UNBOUNDED_BYTES) return undefined;
  const names = new Set<number>();
  let [depth, values, from, end] = [0, 1, 0, 0];
  for (let at = 0; at < body.length; at++) {
    switch (body[at]) {
      case QUOTE:
        [from, end] = [at, endOfString(body, at)];
        if (end < 0) return undefined;
        at = end;
        continue;
      case OPEN_LIST:
      case OPEN_OBJECT:
        if (++depth > DEPTH_MAX) return refuse("invalid", `the body is nested deeper than ${DEPTH_MAX} levels`);
        break;
      case CLOSE_LIST:
      case CLOSE_OBJECT:
        if (--depth < 0) return undefined;
        continue;
      case COLON:
        if (names.add(hashOf(body, from, end)).size > NAMES_MAX)
          return refuse("too-large", `the body has more than ${NAMES_MAX} different names`);
        // A name has one colon.
        end = from;
        continue;
      case COMMA:
        break;
      default:
        continue;
    }
    if (++values > valuesMax) return refuse("too-large", `the body holds more than ${valuesMax} values`);
  }
  return undefined;
}

/** The place of the quote that ends the string beginning here; -1 when none does. */
function endOfString(body: Buffer, start: number): number {
  for (let at = start + 1; ; ) {
    const near = Math.min(body.length, at + NEAR_BYTES);
    for (; at < near; at++) {
      if (body[at] === QUOTE) return at;
      if (body[at] === BACKSLASH) at++;
    }
    const end = body.indexOf(QUOTE, at);
    if (end < 0) return -1;
    let first = end;
    while (first > at && body[first - 1] === BACKSLASH) first--;
    if ((end - first) % 2 === 0) return end;
    at = end + 1;
  }
}

/** FNV-1a. Two names with the same hash count as one, which makes the bound a little wider. */
function hashOf(body: Buffer, from: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = from; at < end; at++) hash = Math.imul(hash ^ (body[at] as number), 0x01000193);
  return hash;
}
