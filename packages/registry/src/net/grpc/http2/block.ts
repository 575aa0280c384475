/** @live A block of fields that comes in several frames: RFC 9113 §4.3. */
import { ERRORS, expect } from "./wire.ts";

/** Of a block of fields, packed. */
const BLOCK_BYTES_MAX = 32 * 1024;
/** Frames that a block may be cut into. */
const BLOCK_FRAMES_MAX = 64;

export class Block {
  readonly id: number;
  /** Those of its first frame. */
  readonly flags: number;
  readonly #pieces: Buffer[];
  #bytes: number;

  constructor(id: number, flags: number, piece: Buffer) {
    this.id = id;
    this.flags = flags;
    this.#pieces = [Buffer.from(piece)];
    this.#bytes = piece.length;
  }

  /** Throws a `Broken` when it becomes too long. */
  add(piece: Buffer): void {
    this.#bytes += piece.length;
    const frames = this.#pieces.push(Buffer.from(piece));
    expect(this.#bytes <= BLOCK_BYTES_MAX && frames <= BLOCK_FRAMES_MAX, ERRORS.calm);
  }

  whole(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}
