/** Byte strings: see the type `Bytes`. Which keys are reserved. */
import type { Bytes, KeyRange } from "./types.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII.
const ASCII = /^[\x00-\x7f]*$/;

/** The UTF-8 bytes of a text. */
export function toBytes(text: string): Bytes {
  return ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** The text whose UTF-8 these bytes are; bytes that are not UTF-8 become U+FFFD. */
export function fromBytes(bytes: Bytes): string {
  return ASCII.test(bytes) ? bytes : Buffer.from(bytes, "latin1").toString("utf8");
}

export function toBuffer(bytes: Bytes): Buffer {
  return Buffer.from(bytes, "latin1");
}

export function fromBuffer(buffer: Uint8Array): Bytes {
  return Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength).toString("latin1");
}

/** The end of the range of all keys with this prefix: `entries(prefix, prefixEnd(prefix))`. "" means to the end. */
export function prefixEnd(prefix: Bytes): Bytes {
  for (let i = prefix.length - 1; i >= 0; i--) {
    const byte = prefix.charCodeAt(i);
    if (byte < 0xff) return prefix.slice(0, i) + String.fromCharCode(byte + 1);
  }
  return "";
}

export function isInRange({ from, to }: KeyRange, key: Bytes): boolean {
  return to === undefined ? key === from : key >= from && (to === "" || key < to);
}

/** Bytewise for byte strings; by UTF-16 code unit for names. */
export function compareStrings(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The registry's own account, for accounts, tokens and the like. Clients cannot name it: it is no legal name. */
export const SYSTEM_ACCOUNT = "_rollcall";

/**
 * Keys that begin with byte 0 belong to a dialect (`\0rackspace/…`) or to the registry itself (`\0rollcall/…`). They are
 * hidden from all other dialects and do not count for limits.
 */
export function isReserved(key: Bytes): boolean {
  return key.charCodeAt(0) === 0;
}

/** Up to which revision the history of an account's keys is gone, in decimal. */
export const FLOOR_KEY: Bytes = "\0rollcall/floor";
