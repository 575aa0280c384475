/**
 * Fields of protocol buffers, written into a buffer that is as long as they are: each message says its size first. Fields
 * that are 0, false or empty are left out, as the third version of the language has it. Field numbers are below 16.
 */
import { HEAD_BYTES } from "../../../net/grpc/method.ts";

const VARINT = 0;
const BYTES = 2;
const BELOW_ZERO_BYTES = 10;
/** Five groups of seven bits: a long is taken apart there, as arithmetic of bigints is slow. */
const LOW_BYTES = 5;
const LOW_BITS = 35n;
const LOW_MASK = (1n << LOW_BITS) - 1n;

/** Of a number without its field. */
export function varintSize(value: number): number {
  if (value < 0) return BELOW_ZERO_BYTES;
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** Of a number's field; 0 when it is left out. */
export function numberSize(value: number): number {
  return value === 0 ? 0 : 1 + varintSize(value);
}

export function longSize(value: bigint): number {
  if (value === 0n) return 0;
  if (value < 0n) return 1 + BELOW_ZERO_BYTES;
  const high = Number(value >> LOW_BITS);
  return 1 + (high === 0 ? varintSize(Number(value)) : LOW_BYTES + varintSize(high));
}

export function flagSize(value: boolean): number {
  return value ? 2 : 0;
}

/** Of a field of bytes, or of a message: by its length. */
export function spanSize(length: number): number {
  return 1 + varintSize(length) + length;
}

export function bytesSize(value: string): number {
  return value === "" ? 0 : spanSize(value.length);
}

export class Writer {
  readonly #bytes: Buffer;
  #at = HEAD_BYTES;

  /** For a message of this size, behind the bytes that are left free for the head of gRPC's frame. */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(HEAD_BYTES + size);
  }

  number(field: number, value: number): this {
    if (value === 0) return this;
    if (value < 0) return this.long(field, BigInt(value));
    this.#bytes[this.#at++] = field * 8 + VARINT;
    this.#varint(value);
    return this;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#bytes[this.#at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  long(field: number, value: bigint): this {
    if (value === 0n) return this;
    this.#bytes[this.#at++] = field * 8 + VARINT;
    const whole = BigInt.asUintN(64, value);
    const high = Number(whole >> LOW_BITS);
    let low = Number(whole & LOW_MASK);
    if (high > 0)
      for (let nth = 0; nth < LOW_BYTES; nth++) {
        this.#bytes[this.#at++] = (low % 128) | 128;
        low = Math.floor(low / 128);
      }
    this.#varint(high > 0 ? high : low);
    return this;
  }

  flag(field: number, value: boolean): this {
    return this.number(field, value ? 1 : 0);
  }

  /** A character for each byte, as the core has them. */
  bytes(field: number, value: string): this {
    if (value === "") return this;
    this.span(field, value.length);
    this.#at += this.#bytes.write(value, this.#at, "latin1");
    return this;
  }

  /** Begins a message of this size, also one of 0: its fields follow. */
  span(field: number, size: number): this {
    this.#bytes[this.#at++] = field * 8 + BYTES;
    this.#varint(size);
    return this;
  }

  /** What is encoded already. */
  raw(encoded: Uint8Array): this {
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
    return this;
  }

  /** The message, whole. Throws when it is not as long as it was said to be. */
  end(): Buffer {
    if (this.#at !== this.#bytes.length)
      throw new Error(`a message of ${this.#bytes.length} bytes was written in ${this.#at}`);
    return this.#bytes;
  }
}
