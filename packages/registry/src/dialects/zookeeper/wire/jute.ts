/**
 * Records as the protocol has them: numbers with the greatest byte first; texts and byte strings behind a length, of which
 * -1 means none; lists behind a count. Texts stay the bytes that they came as.
 */
import type { Bytes } from "../../../core/index.ts";

/** Reads, and notes in `isBad` when the bytes end too early or a length makes no sense; what is read then is empty. */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;
  isBad = false;

  /** From one place to another. */
  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  #take(size: number): number {
    const at = this.#at;
    if (size > this.left) {
      this.isBad = true;
      return -1;
    }
    this.#at = at + size;
    return at;
  }

  int(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#bytes.readInt32BE(at);
  }

  long(): bigint {
    const at = this.#take(8);
    return at < 0 ? 0n : this.#bytes.readBigInt64BE(at);
  }

  bool(): boolean {
    const at = this.#take(1);
    return at >= 0 && this.#bytes[at] !== 0;
  }

  /** A text or a byte string; null for none. */
  bytes(): Bytes | null {
    const length = this.int();
    if (length === -1 || this.isBad) return null;
    if (length < 0) {
      this.isBad = true;
      return null;
    }
    const at = this.#take(length);
    return at < 0 ? null : this.#bytes.toString("latin1", at, at + length);
  }

  /** All that is left. */
  rest(): Bytes {
    return this.#bytes.toString("latin1", this.#take(this.left), this.#end);
  }

  /** A list of at most as many as there are bytes for, each of at least `bytesMin`; null for none. */
  list<T>(bytesMin: number, read: () => T): T[] | null {
    const count = this.int();
    if (count === -1 || this.isBad) return null;
    if (count < 0 || count * bytesMin > this.left) {
      this.isBad = true;
      return null;
    }
    const found: T[] = [];
    for (let nth = 0; nth < count && !this.isBad; nth++) found.push(read());
    return found;
  }
}

const LENGTH_BYTES = 4;

/** Writes records, or frames one behind the other, each with its length before it. */
export class Writer {
  #bytes: Buffer;
  #at = 0;
  /** Of the frame at hand. */
  #start = 0;

  constructor(sizeHint: number) {
    this.#bytes = Buffer.allocUnsafe(sizeHint);
  }

  /** Of all that was written. */
  get size(): number {
    return this.#at;
  }

  #room(size: number): number {
    const at = this.#at;
    if (at + size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, at + size));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    this.#at = at + size;
    return at;
  }

  /** What follows is a frame. */
  begin(): this {
    this.#start = this.#room(LENGTH_BYTES);
    return this;
  }

  /** It is whole. */
  end(): this {
    this.#bytes.writeInt32BE(this.#at - this.#start - LENGTH_BYTES, this.#start);
    return this;
  }

  int(value: number): this {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value | 0, at);
    return this;
  }

  /** A number, or 64 bits. */
  long(value: number | bigint): this {
    const at = this.#room(8);
    if (typeof value === "bigint") this.#bytes.writeBigInt64BE(BigInt.asIntN(64, value), at);
    else {
      this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), at);
      this.#bytes.writeUInt32BE(value >>> 0, at + 4);
    }
    return this;
  }

  bool(value: boolean): this {
    const at = this.#room(1);
    this.#bytes[at] = value ? 1 : 0;
    return this;
  }

  bytes(value: Bytes | null): this {
    if (value === null) return this.int(-1);
    this.int(value.length);
    const at = this.#room(value.length);
    this.#bytes.write(value, at, "latin1");
    return this;
  }

  /** What was encoded before. */
  raw(value: Buffer): this {
    const at = this.#room(value.length);
    value.copy(this.#bytes, at);
    return this;
  }

  /** What was written. Nothing is to be written after it. */
  all(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }
}
