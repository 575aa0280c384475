/** Frames: a length of 32 bits and so many bytes. A connection may begin with a word of four letters instead. */

const LENGTH_BYTES = 4;

/** Cuts what comes in into frames; holds no more than one that is not whole, and what came behind it. */
export class Frames {
  readonly #bytesMax: number;
  #chunks: Buffer[] = [];
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
    return this.#length < LENGTH_BYTES ? undefined : this.#join(LENGTH_BYTES).toString("latin1", 0, LENGTH_BYTES);
  }

  /** The next frame; undefined until it is there; "wrong" when its length is none: there is no telling what follows. */
  next(): Buffer | "wrong" | undefined {
    if (this.#length < LENGTH_BYTES) return undefined;
    const size = this.#join(LENGTH_BYTES).readInt32BE(0);
    if (size <= 0 || size > this.#bytesMax) return "wrong";
    const end = LENGTH_BYTES + size;
    if (this.#length < end) return undefined;
    const first = this.#join(end);
    const frame = first.subarray(LENGTH_BYTES, end);
    this.#length -= end;
    if (first.length === end) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(end);
    return frame;
  }

  /** A buffer that begins with so many bytes. */
  #join(bytes: number): Buffer {
    const first = this.#chunks[0] as Buffer;
    if (first.length >= bytes) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
