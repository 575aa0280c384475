/**
 * What is stored begins with the version of its format and a CRC-32 of all that follows. Reading it never throws: what
 * is not intact is refused.
 */
import { crc32 } from "node:zlib";
import { type Outcome, ok, refuse } from "../core/index.ts";
import { ByteReader, Torn } from "./bytes.ts";

/**
 * Version of everything stored, each thing with its own: what an older program wrote is read as it is, and written in this
 * one when it changes. A higher one is refused. 2: keys know when they were created, and may be detached. 3: checks say how
 * they are run. 4: statuses, overrides and holds say since and until when, services when they changed, commits who asked.
 */
export const FORMAT = 4;
export const HEAD_BYTES = 5;

/** Fills in the head, for which the caller left room. Returns the same bytes. */
export function seal(bytes: Buffer): Buffer {
  bytes[0] = FORMAT;
  bytes.writeUInt32LE(checksum(bytes.subarray(HEAD_BYTES), FORMAT), 1);
  return bytes;
}

/** From 2 on the format is part of it: a flipped bit must not make one format of another. */
function checksum(body: Uint8Array, format: number): number {
  return format === 1 ? crc32(body) : crc32(body, format);
}

function isKnown(format: number | undefined): format is number {
  return format !== undefined && format >= 1 && format <= FORMAT;
}

/** Whether these bytes are what was written, as far as the checksum can tell. */
export function isIntact(bytes: Buffer, start = 0, end = bytes.length): boolean {
  const format = bytes[start];
  if (end - start < HEAD_BYTES || !isKnown(format)) return false;
  // Rows come by the hundred thousand: a plain view is made quicker than a part of a Buffer.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + start + HEAD_BYTES, end - start - HEAD_BYTES);
  return bytes.readUInt32LE(start + 1) === checksum(body, format);
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
  if (!isKnown(bytes[start]))
    return refuse("unsupported", `${what} has format ${bytes[start]}; this program knows 1 to ${FORMAT}`);
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
