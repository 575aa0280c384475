/** Frames: a length of 32 bits, and a message of so many bytes. */
import { LIMITS } from "../../../core/index.ts";

/** A value of the greatest size, a path, and what else a request says. */
export const FRAME_BYTES_MAX = LIMITS.valueBytesMax + 2 * LIMITS.keyBytesMax + 1024;
/** A longer one is no mistake of somebody who speaks this protocol. */
const SKIPPED_BYTES_MAX = 64 * 1024 * 1024;
const HEADER_BYTES = 4;
/** Of a message that is too long, so many bytes are kept: what it says first. */
const HEAD_BYTES = 32;

/** `bytes`: all of it, or the beginning of one that is too long. */
export interface Frame {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

/** Cuts what comes in into frames; holds no more than one that is not whole. */
export class Frames {
  #chunks: Buffer[] = [];
  #length = 0;
  #skip = 0;

  /** Bytes that came and are in no frame yet. */
  get waiting(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    if (skipped === chunk.length) return;
    this.#chunks.push(chunk.subarray(skipped));
    this.#length += chunk.length - skipped;
  }

  /** The next frame; undefined until it is there; "wrong" when no more can be told of what comes. */
  next(): Frame | "wrong" | undefined {
    if (this.#length < HEADER_BYTES) return undefined;
    const size = this.#join(HEADER_BYTES).readInt32BE(0);
    if (size < 0 || size > SKIPPED_BYTES_MAX) return "wrong";
    const isWhole = size <= FRAME_BYTES_MAX;
    const needed = HEADER_BYTES + (isWhole ? size : HEAD_BYTES);
    if (this.#length < needed) return undefined;
    const bytes = this.#join(needed).subarray(HEADER_BYTES, needed);
    this.#drop(needed);
    if (!isWhole) this.#skipOn(size - HEAD_BYTES);
    return { bytes, isWhole };
  }

  /** A buffer that begins with so many bytes. */
  #join(bytes: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (first.length >= bytes) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }

  #drop(bytes: number): void {
    const first = this.#chunks[0] as Buffer;
    this.#length -= bytes;
    if (first.length === bytes) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(bytes);
  }

  #skipOn(bytes: number): void {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#length = 0;
    this.#skip = bytes;
    for (const chunk of chunks) this.push(chunk);
  }
}
