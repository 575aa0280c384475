/**
 * What is stored begins with the version of its format and a CRC-32 of all that follows. Reading it never throws: what
 * is not intact is refused.
 */
import { crc32 } from "node:zlib";
import { type Outcome, ok, refuse } from "../core/index.ts";
import { ByteReader, Torn } from "./bytes.ts";

/** Version of everything stored. A higher one is refused by older programs. */
export const FORMAT = 1;
export const HEAD_BYTES = 5;

/** Fills in the head, for which the caller left room. Returns the same bytes. */
export function seal(bytes: Buffer): Buffer {
  bytes[0] = FORMAT;
  bytes.writeUInt32LE(crc32(bytes.subarray(HEAD_BYTES)), 1);
  return bytes;
}

/** Whether these bytes are what was written, as far as the checksum can tell. */
export function isIntact(bytes: Buffer, start = 0, end = bytes.length): boolean {
  if (end - start < HEAD_BYTES || bytes[start] !== FORMAT) return false;
  // Rows come by the hundred thousand: a plain view is made quicker than a part of a Buffer.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + start + HEAD_BYTES, end - start - HEAD_BYTES);
  return bytes.readUInt32LE(start + 1) === crc32(body);
}

/** What `read` makes of the bytes behind the head; it must take all of them. `what` is the subject of the refusal. */
export function unseal<T>(
  bytes: Buffer,
  start: number,
  end: number,
  what: string,
  read: (input: ByteReader) => T,
): Outcome<T> {
  if (end - start < HEAD_BYTES) return refuse("invalid", `${what} is too short`);
  if (bytes[start] !== FORMAT)
    return refuse("unsupported", `${what} has format ${bytes[start]}; this program knows ${FORMAT}`);
  if (!isIntact(bytes, start, end)) return refuse("invalid", `${what} does not match its checksum`);
  try {
    const input = new ByteReader(bytes, start + HEAD_BYTES, end);
    const value = read(input);
    return input.atEnd ? ok(value) : refuse("invalid", `${what} has bytes left over`);
  } catch (error) {
    if (error instanceof Torn) return refuse("invalid", `${what} is damaged: ${error.message}`);
    throw error;
  }
}
