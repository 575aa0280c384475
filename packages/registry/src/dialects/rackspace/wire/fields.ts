/**
 * The rules of single fields. Each check answers what is wrong in the API's own words, or undefined. Lengths count
 * characters (code points), not UTF-16 units.
 */

export type Metadata = Readonly<Record<string, string>>;

const SERVICE_ID = /^[a-z0-9_.-]{3,65}$/i;
const SERVICE_ID_CHARACTERS = /^[a-z0-9_.-]*$/i;
const VALUE_ID = /^(\/[a-z0-9_-]{3,50}\/?){0,10}([a-z0-9_.-]{3,170})?$/i;
const MARKER_CHARACTERS = /^[a-z0-9\-:_./]*$/i;

const TAGS_MAX = 10;
const TAG_LENGTH_MAX = 55;
const METADATA_MAX = 20;
const METADATA_LENGTH_MAX = 255;
const VALUE_LENGTH_MAX = 1024;
const TIMEOUT_S_MIN = 3;
const TIMEOUT_S_MAX = 120;
const SESSION_ID_LENGTH_MAX = 15;

export const MARKER_LENGTH_MAX = 255;
/** Ids of values may be longer than the original's markers, and a page must be able to begin at any of them. */
export const VALUE_MARKER_LENGTH_MAX = 500;

/** Code points of a text, counted only as far as it takes to know that there are more than `enough`. */
function countCharacters(text: string, enough: number): number {
  if (text.length > 2 * enough) return enough + 1;
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Half a surrogate pair has no UTF-8: stored, it would come back as another character. */
const HALF_PAIR = /\p{Surrogate}/u;

function checkLength(text: string, min: number, max: number): string | undefined {
  const length = countCharacters(text, max);
  if (length < min || length > max) return `String is not in range (${min}..${max})`;
  return HALF_PAIR.test(text) ? "Invalid characters" : undefined;
}

export function isServiceId(id: string): boolean {
  return SERVICE_ID.test(id);
}

export function checkServiceId(id: unknown): string | undefined {
  if (typeof id !== "string") return "Not a string";
  return checkLength(id, 3, 65) ?? (SERVICE_ID_CHARACTERS.test(id) ? undefined : "Invalid characters");
}

export function checkSessionId(id: unknown): string | undefined {
  if (typeof id !== "string") return "Not a string";
  return checkLength(id, 1, SESSION_ID_LENGTH_MAX);
}

/** The rule for namespaces, which end in a slash. Keys must not: see `isValueId`. */
export function checkNamespace(id: string): string | undefined {
  return checkLength(id, 3, 500) ?? (VALUE_ID.test(id) ? undefined : "Invalid characters");
}

/** A key that ends in a slash could be set but never read: GET takes it for a namespace. So it cannot be set. */
export function checkValueId(id: string): string | undefined {
  return checkNamespace(id) ?? (id.endsWith("/") ? "Invalid characters" : undefined);
}

export function isValueId(id: string): boolean {
  return checkValueId(id) === undefined;
}

export function checkMarker(marker: string, lengthMax: number): string | undefined {
  return checkLength(marker, 0, lengthMax) ?? (MARKER_CHARACTERS.test(marker) ? undefined : "Invalid characters");
}

export function checkTags(tags: unknown): string | undefined {
  if (tags === null) return undefined;
  if (!Array.isArray(tags)) return "Not an array";
  for (const tag of tags as readonly unknown[]) {
    if (typeof tag !== "string") return "Not a string";
    const wrong = checkLength(tag, 1, TAG_LENGTH_MAX);
    if (wrong !== undefined) return wrong;
  }
  return checkCount(tags.length, TAGS_MAX, " (duplicates are allowed)");
}

export function checkMetadata(metadata: unknown): string | undefined {
  if (metadata === null) return undefined;
  if (typeof metadata !== "object" || Array.isArray(metadata)) return "Not a hash";
  const entries = Object.entries(metadata as object);
  for (const [key, value] of entries) {
    const wrongKey = checkLength(key, 1, METADATA_LENGTH_MAX);
    if (wrongKey !== undefined) return `Key ${key}: ${wrongKey}`;
    const wrong = typeof value === "string" ? checkLength(value, 1, METADATA_LENGTH_MAX) : "Not a string";
    if (wrong !== undefined) return `Value for key '${key}': ${wrong}`;
  }
  return checkCount(entries.length, METADATA_MAX, "");
}

function checkCount(count: number, max: number, note: string): string | undefined {
  return count > max ? `Object needs to have between 0 and ${max} items${note}` : undefined;
}

export function checkTimeout(timeout: unknown): string | undefined {
  const seconds = toInteger(timeout);
  if (seconds === undefined) return "Invalid integer";
  if (seconds >= TIMEOUT_S_MIN && seconds <= TIMEOUT_S_MAX) return undefined;
  return `Value out of range (${TIMEOUT_S_MIN}..${TIMEOUT_S_MAX})`;
}

export function checkValue(value: unknown): string | undefined {
  return typeof value === "string" ? checkLength(value, 1, VALUE_LENGTH_MAX) : "Not a string";
}

/** Numbers, and what the original takes for one: "30", "30.0" and [30], but neither true nor "0x1e". */
export function toInteger(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length === 1 ? toInteger(value[0]) : undefined;
  if (typeof value !== "number" && typeof value !== "string") return undefined;
  const text = String(value);
  const integer = Number.parseInt(text, 10);
  return integer === Number(text) ? integer : undefined;
}

/** A copy that keeps a key named `__proto__` a plain key. */
export function toMetadata(metadata: unknown): Metadata {
  return metadata === null ? {} : (Object.fromEntries(Object.entries(metadata as object)) as Metadata);
}
