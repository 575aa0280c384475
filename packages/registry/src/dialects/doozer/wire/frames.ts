/** Frames: a length of 32 bits, and a message of so many bytes. */
import { LIMITS } from "../../../core/index.ts";
import { Gathered } from "../../../net/gathered.ts";

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
  readonly #held = new Gathered();
  #skip = 0;

  /** Bytes that came and are in no frame yet. */
  get waiting(): number {
    return this.#held.length;
  }

  push(chunk: Buffer): void {
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    if (skipped < chunk.length) this.#held.push(chunk.subarray(skipped));
  }

  /** The next frame; undefined until it is there; "wrong" when no more can be told of what comes. */
  next(): Frame | "wrong" | undefined {
    const { bytes: held } = this.#held;
    if (held.length < HEADER_BYTES) return undefined;
    const size = held.readInt32BE(0);
    if (size < 0 || size > SKIPPED_BYTES_MAX) return "wrong";
    const isWhole = size <= FRAME_BYTES_MAX;
    const needed = HEADER_BYTES + (isWhole ? size : HEAD_BYTES);
    if (held.length < needed) return undefined;
    const bytes = held.subarray(HEADER_BYTES, needed);
    const end = Math.min(held.length, HEADER_BYTES + size);
    this.#skip = HEADER_BYTES + size - end;
    this.#held.drop(end);
    return { bytes, isWhole };
  }
}
