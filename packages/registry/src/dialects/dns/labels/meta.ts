/**
 * What an instance's meta is in DNS. Keys that begin with a dialect's name and a dot are that dialect's notes to itself,
 * whoever registered the instance: TXT records neither show nor set nor clear them.
 */
import { type Bytes, type Instance, toBytes } from "../../../core/index.ts";

/** Where an SRV record's priority is kept. */
export const PRIORITY_META = "dns.priority";

const STRING_BYTES_MAX = 255;
const PRIORITY_MAX = 65_535;

/** Matches the keys of notes. */
export type Notes = RegExp;

export function toNotes(dialects: readonly string[]): Notes {
  return new RegExp(`^(?:${dialects.join("|")})\\.`, "i");
}

/**
 * Meta as the strings of RFC 6763 §6.3: `key=value`, sorted. What cannot be said so is left out: a key with "=" or
 * other characters than printable ASCII, and what is longer than a string can be. §6.1: never no string at all.
 */
export function toStrings(meta: Instance["meta"], notes: Notes): readonly Bytes[] {
  const strings: Bytes[] = [];
  for (const key of Object.keys(meta).sort()) {
    if (notes.test(key) || !/^[ -<>-~]+$/.test(key)) continue;
    const string = `${key}=${toBytes(meta[key] as string)}`;
    if (string.length <= STRING_BYTES_MAX) strings.push(string);
  }
  return strings.length === 0 ? [""] : strings;
}

/** The priority of the instance's SRV records: 0, unless its meta says another one. */
export function priorityOf(meta: Instance["meta"]): number {
  const text = meta[PRIORITY_META];
  if (text === undefined || !/^\d{1,5}$/.test(text)) return 0;
  return Number(text) <= PRIORITY_MAX ? Number(text) : 0;
}
