/** Fields of protocol buffers, read one after the other without an object for each. */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
/** Of a varint: ten bytes have all 64 bits. */
const VARINT_BYTES_MAX = 10;
/** So many bytes of a varint are exact as a number, with less than 2^49. */
const SHORT_BYTES = 7;

const TORN = "unexpected EOF";

/** Throws a `RangeError` where the bytes are no message. Bytes come as the core has them, a character for each. */
export class Reader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;
  #kind = 0;
  /** The number of the field that is to be read. */
  field = 0;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  get size(): number {
    return this.#end - this.#at;
  }

  /** Moves to the next field; false when there is none. The one before must have been read or skipped. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.#kind = tag % 8;
    if (this.field === 0) throw new RangeError("proto: illegal tag 0");
    return true;
  }

  #varint(): number {
    const bytes = this.#bytes;
    let value = 0;
    let unit = 1;
    const limit = Math.min(this.#end, this.#at + VARINT_BYTES_MAX);
    while (this.#at < limit) {
      const byte = bytes[this.#at++] as number;
      value += (byte & 127) * unit;
      if (byte < 128) return value;
      unit *= 128;
    }
    throw new RangeError(this.#at >= this.#end ? TORN : "proto: integer overflow");
  }

  #expect(kind: number): void {
    if (this.#kind !== kind) throw new RangeError(`proto: wrong wireType = ${this.#kind} for field ${this.field}`);
  }

  /** Of 64 bits with a sign. Beyond 2^53 it is rounded. */
  number(): number {
    this.#expect(VARINT);
    const start = this.#at;
    const value = this.#varint();
    return this.#at - start <= SHORT_BYTES ? value : Number(this.#wide(start));
  }

  /** The same, exact, in decimal. */
  decimal(): string {
    this.#expect(VARINT);
    const start = this.#at;
    const value = this.#varint();
    return this.#at - start <= SHORT_BYTES ? String(value) : this.#wide(start).toString();
  }

  #wide(start: number): bigint {
    let value = 0n;
    for (let i = start; i < this.#at; i++) value |= BigInt((this.#bytes[i] as number) & 127) << BigInt(7 * (i - start));
    return BigInt.asIntN(64, value);
  }

  flag(): boolean {
    return this.number() !== 0;
  }

  #span(): number {
    this.#expect(BYTES);
    const length = this.#varint();
    const end = this.#at + length;
    if (end > this.#end) throw new RangeError(TORN);
    return end;
  }

  bytes(): string {
    const end = this.#span();
    const text = this.#bytes.toString("latin1", this.#at, end);
    this.#at = end;
    return text;
  }

  message(): Reader {
    const end = this.#span();
    const inner = new Reader(this.#bytes, this.#at, end);
    this.#at = end;
    return inner;
  }

  /** Each number of a repeated field: packed, or one of them alone. */
  numbers(take: (value: number) => void): void {
    if (this.#kind === VARINT) return take(this.number());
    const inner = this.message();
    inner.#kind = VARINT;
    while (inner.size > 0) take(inner.number());
  }

  skip(): void {
    if (this.#kind === VARINT) this.#varint();
    else if (this.#kind === BYTES) this.#at = this.#span();
    else if (this.#kind === FIXED64) this.#at += 8;
    else if (this.#kind === FIXED32) this.#at += 4;
    else throw new RangeError(`proto: illegal wireType ${this.#kind}`);
    if (this.#at > this.#end) throw new RangeError(TORN);
  }
}
