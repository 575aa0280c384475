/** Frames: a length of 32 bits and so many bytes. A connection may begin with a word of four letters instead. */
import { Reader } from "./jute.ts";

const LENGTH_BYTES = 4;

/** Cuts what comes in into frames; holds no more than one that is not whole, and what came behind it. */
export class Frames {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
  /** Of the first chunk so much is taken. */
  #at = 0;
  #length = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that came and are in no frame yet. */
  get waiting(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** The first four bytes as text, while they are no part of a frame yet. */
  word(): string | undefined {
    if (this.#length < LENGTH_BYTES) return undefined;
    const first = this.#join(LENGTH_BYTES);
    return first.toString("latin1", this.#at, this.#at + LENGTH_BYTES);
  }

  /** The next frame; undefined until it is there; "wrong" when its length is none: there is no telling what follows. */
  next(): Reader | "wrong" | undefined {
    if (this.#length < LENGTH_BYTES) return undefined;
    const size = this.#join(LENGTH_BYTES).readInt32BE(this.#at);
    if (size <= 0 || size > this.#bytesMax) return "wrong";
    if (this.#length < LENGTH_BYTES + size) return undefined;
    const first = this.#join(LENGTH_BYTES + size);
    const start = this.#at + LENGTH_BYTES;
    this.#at = start + size;
    this.#length -= LENGTH_BYTES + size;
    if (this.#at === first.length) {
      this.#chunks.shift();
      this.#at = 0;
    }
    return new Reader(first, start, start + size);
  }

  /** A buffer that has so many bytes from where it is taken. */
  #join(bytes: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (first.length - this.#at >= bytes) return first;
    const joined = Buffer.concat([first.subarray(this.#at), ...this.#chunks.slice(1)]);
    this.#chunks = [joined];
    this.#at = 0;
    return joined;
  }
}
