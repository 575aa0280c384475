/**
 * What an instance's meta is in DNS. Keys that begin with a dialect's name and a dot are that dialect's notes to itself,
 * whoever registered the instance: TXT records neither show nor set nor clear them.
 */
import { type Bytes, fromBytes, type Instance, toBytes } from "../../../core/index.ts";

/** The priority of the instance's SRV records. */
export const PRIORITY_META = "dns.priority";
/** The origin of the zone file that registered the instance, as `showOrigin` writes it. */
export const FILE_META = "dns.file";

const STRING_BYTES_MAX = 255;
const PRIORITY_MAX = 65_535;

/** Matches the keys of notes. */
export type Notes = RegExp;

export function toNotes(dialects: readonly string[]): Notes {
  return new RegExp(`^(?:${dialects.join("|")})\\.`, "i");
}

/**
 * Meta as the strings of RFC 6763 §6.3: `key=value`, sorted. Left out are keys with "=" or other characters than
 * printable ASCII, and pairs that are longer than a string can be. §6.1: there is one string at least.
 */
export function toStrings(meta: Instance["meta"], notes: Notes): readonly Bytes[] {
  const strings: Bytes[] = [];
  for (const key of Object.keys(meta).sort()) {
    const value = meta[key] as string;
    // No character takes less than a byte.
    if (key.length + 1 + value.length > STRING_BYTES_MAX) continue;
    if (notes.test(key) || !/^[ -<>-~]+$/.test(key)) continue;
    const string = `${key}=${toBytes(value)}`;
    if (string.length <= STRING_BYTES_MAX) strings.push(string);
  }
  return strings.length === 0 ? [""] : strings;
}

/** The pairs of such strings without notes. §6.4: strings without a key say nothing; the first string of a key counts. */
export function fromStrings(strings: readonly Bytes[], notes: Notes): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const string of strings) {
    const text = fromBytes(string);
    const equals = text.indexOf("=");
    const key = equals < 0 ? text : text.slice(0, equals);
    if (key === "" || pairs.has(key) || notes.test(key)) continue;
    pairs.set(key, equals < 0 ? "" : text.slice(equals + 1));
  }
  return pairs;
}

/** 0, unless the meta has another priority. */
export function priorityOf(meta: Instance["meta"]): number {
  const text = meta[PRIORITY_META];
  if (text === undefined || !/^\d{1,5}$/.test(text)) return 0;
  return Number(text) <= PRIORITY_MAX ? Number(text) : 0;
}

/** The origin of the zone file that registered the instance; undefined for others. */
export function fileOf({ via, meta }: Pick<Instance, "via" | "meta">): string | undefined {
  return via === "dns" ? meta[FILE_META] : undefined;
}
