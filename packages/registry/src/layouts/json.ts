/** The values of entries that hold an object as JSON. */
import { type Bytes, fromBytes } from "../core/index.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Longer values are no registrations. */
const LENGTH_MAX = 64 * 1024;

export function isObject(raw: unknown): raw is JsonObject {
  return typeof raw === "object" && raw !== null && !Array.isArray(raw);
}

export function parseObject(bytes: Bytes): JsonObject | undefined {
  if (bytes.length > LENGTH_MAX || !bytes.startsWith("{")) return undefined;
  try {
    const raw: unknown = JSON.parse(fromBytes(bytes));
    return isObject(raw) ? raw : undefined;
  } catch {
    return undefined;
  }
}

export function sameStrings(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

/** Those members that are texts; undefined for what is no object. */
export function stringsOf(raw: unknown): Readonly<Record<string, string>> | undefined {
  if (!isObject(raw)) return undefined;
  return Object.fromEntries(Object.entries(raw).filter((one): one is [string, string] => typeof one[1] === "string"));
}
