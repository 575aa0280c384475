/** Small parts of messages as bytes, for what is digested, compared or kept instead of written into a message. */
import type { Bytes } from "../../../core/index.ts";
import type { Name } from "./message.ts";

/** A number of 16 bits. */
export function two(value: number): Bytes {
  return String.fromCharCode((value >>> 8) & 0xff, value & 0xff);
}

/** A string of at most 255 bytes with its length before it. */
export function counted(string: Bytes): Bytes {
  return String.fromCharCode(string.length) + string;
}

/** A name, uncompressed, in the case it is in. */
export function nameOnWire(name: Name): Bytes {
  return `${name.map(counted).join("")}\0`;
}
