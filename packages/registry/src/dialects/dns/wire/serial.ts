/** Serials of zones: RFC 1982. */
import type { Resource } from "./message.ts";

/** The serial of a SOA record; 0 of others. */
export function serialOf({ data }: Resource): number {
  return data.kind === "authority" ? data.serial : 0;
}

/** RFC 1982 §3.2. */
export function isNewer(serial: number, than: number): boolean {
  return serial !== than && (serial - than) >>> 0 < 2 ** 31;
}
