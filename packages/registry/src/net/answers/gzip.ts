/** Bodies compressed as they are made, part by part: no answer waits for the whole of another. */
import { constants, crc32, deflateRawSync, gzipSync } from "node:zlib";
import { type Body, Holding, type Part, toBuffer } from "./parts.ts";

/** Shorter ones gain too little. */
const BYTES_MIN = 8 * 1024;
/** Up to here a body is compressed in one go, which takes some ms. */
const WHOLE_BYTES_MAX = 256 * 1024;
const LEVEL = 1;

/** What many are answered with is compressed once: whole bodies, and parts of longer ones. */
const wholes = new WeakMap<Buffer, Buffer>();
const pieces = new WeakMap<Buffer, Buffer>();

/** The body as `Content-Encoding: gzip` has it; undefined for one that is short. A list is always taken for long. */
export function zip(body: Body): Body | undefined {
  if (typeof body === "string" || Buffer.isBuffer(body)) {
    if (body.length < BYTES_MIN) return undefined;
    return body.length > WHOLE_BYTES_MAX ? zipParts([body]) : zipWhole(body);
  }
  return body instanceof Holding ? new Holding(zipParts(body), body.heldBytes) : zipParts(body);
}

function zipWhole(body: Part): Buffer {
  const known = Buffer.isBuffer(body) ? wholes.get(body) : undefined;
  if (known !== undefined) return known;
  const zipped = gzipSync(body, { level: LEVEL });
  if (Buffer.isBuffer(body)) wholes.set(body, zipped);
  return zipped;
}

/** RFC 1952 §2.3: no flags, no time, the quickest method, an unknown system. */
const HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);
/** RFC 1951 §3.2: a last block without contents. */
const LAST_BLOCK = Buffer.from([3, 0]);

/** Each part ends on a byte, so that it can be compressed by itself. */
function* zipParts(parts: Iterable<Part>): Iterable<Buffer> {
  let [checksum, length] = [0, 0];
  let head = HEAD;
  for (const part of parts)
    for (const bytes of slices(toBuffer(part))) {
      checksum = crc32(bytes, checksum);
      length += bytes.length;
      yield Buffer.concat([head, deflate(bytes)]);
      head = Buffer.alloc(0);
    }
  const end = Buffer.alloc(8);
  end.writeUInt32LE(checksum, 0);
  end.writeUInt32LE(length % 2 ** 32, 4);
  yield Buffer.concat([head, LAST_BLOCK, end]);
}

const SLICE_BYTES = 64 * 1024;

function* slices(bytes: Buffer): Iterable<Buffer> {
  if (bytes.length <= SLICE_BYTES * 2) yield bytes;
  else for (let at = 0; at < bytes.length; at += SLICE_BYTES) yield bytes.subarray(at, at + SLICE_BYTES);
}

function deflate(bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes;
  const known = pieces.get(bytes);
  if (known !== undefined) return known;
  const deflated = deflateRawSync(bytes, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
  pieces.set(bytes, deflated);
  return deflated;
}
