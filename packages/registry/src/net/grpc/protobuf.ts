/** As much of the protocol buffers as messages written by hand need. Longs are numbers, exact up to 2^53, or bigints. */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Of a varint: ten bytes have all 64 bits. */
const VARINT_BYTES_MAX = 10;

/** Shorter texts are written faster one by one. */
const TEXT_SHORT = 48;

/** Writes fields, lowest first. What is put in is not to change before the end, other messages among it. */
export class Message {
  /** Numbers are varints, all else is bytes; a text comes after its length. */
  readonly #parts: (number | string | Buffer | Message)[] = [];
  /** In bytes. */
  #size = 0;

  /** A long, an enum or a flag. Left out when it is 0 or false, as in the third version of the language. */
  number(field: number, value: number | boolean | undefined): this {
    const whole = Number(value ?? 0);
    return whole === 0 ? this : this.present(field, whole);
  }

  /** Left out when it is empty. */
  bytes(field: number, value: Buffer | string | undefined): this {
    if (value !== undefined && value.length > 0) this.#add(field, value, Buffer.byteLength(value));
    return this;
  }

  /** Written also when it is empty. */
  message(field: number, value: Message | undefined): this {
    if (value !== undefined) this.#add(field, value, value.#size);
    return this;
  }

  /** Written also when it is 0 or empty: the second version of the language tells that from what is not there. */
  present(field: number, value: number | bigint | Buffer | undefined): this {
    if (Buffer.isBuffer(value)) this.#add(field, value, value.length);
    else if (value !== undefined) {
      const tag = field * 8 + VARINT;
      // A number below 0 takes ten bytes, as it has all 64 bits.
      const part = typeof value === "bigint" || value < 0 ? wide(BigInt.asUintN(64, BigInt(value))) : value;
      this.#parts.push(tag, part);
      this.#size += varintSize(tag) + (typeof part === "number" ? varintSize(part) : part.length);
    }
    return this;
  }

  #add(field: number, value: string | Buffer | Message, size: number): void {
    const tag = field * 8 + BYTES;
    this.#parts.push(tag, size, value);
    this.#size += varintSize(tag) + varintSize(size) + size;
  }

  /** `before`: so many bytes at the beginning are left free. */
  end(before = 0): Buffer {
    const bytes = Buffer.allocUnsafe(before + this.#size);
    this.#write(bytes, before);
    return bytes;
  }

  #write(bytes: Buffer, from: number): number {
    let at = from;
    let length = 0;
    for (const part of this.#parts) {
      if (typeof part === "number") {
        length = part;
        let rest = part;
        for (; rest > 127; rest = Math.floor(rest / 128)) bytes[at++] = (rest % 128) | 128;
        bytes[at++] = rest;
      } else if (typeof part === "string") {
        if (length > TEXT_SHORT || length !== part.length) at += bytes.write(part, at, length, "utf8");
        else for (let nth = 0; nth < length; nth++) bytes[at++] = part.charCodeAt(nth);
      } else if (part instanceof Message) at = part.#write(bytes, at);
      else {
        bytes.set(part, at);
        at += part.length;
      }
    }
    return at;
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

function wide(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/**
 * Told of each field in its order: a number, with its sign in 64 bits, or bytes that lie in the message. A number that
 * is beyond 2^53 comes with the bytes that hold it: see `toLong`.
 */
export type Visit = (field: number, number: number, bytes: Buffer) => void;

const NONE = Buffer.alloc(0);

/**
 * Told of each field of a part of a buffer: of a number its first 53 bits, without a sign; of bytes undefined. Both lie
 * from `start` up to `end`.
 */
export type Scan = (field: number, number: number | undefined, start: number, end: number) => void;

/** As `readFields`, of what lies from `from` up to `to`: nothing is made for a field. */
export function scanFields(message: Buffer, from: number, to: number, visit: Scan): void {
  let at = from;
  let start = from;
  const next = (): number => {
    start = at;
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      if (at >= to || at - start >= VARINT_BYTES_MAX) throw new RangeError("a message is torn");
      const byte = message[at++] as number;
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < to) {
    const tag = next();
    const field = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === VARINT) {
      const value = next();
      visit(field, value, start, at);
    } else if (kind === BYTES) {
      const end = next() + at;
      if (end > to) throw new RangeError("a message is torn");
      visit(field, undefined, at, end);
      at = end;
    } else if (kind === FIXED64) at += 8;
    else if (kind === FIXED32) at += 4;
    else throw new RangeError(`a message has a field of kind ${kind}`);
  }
}

/** Throws a `RangeError` when it is no message. */
export function readFields(message: Buffer, visit: Visit): void {
  scanFields(message, 0, message.length, (field, number, start, end) => {
    if (number === undefined) return visit(field, 0, message.subarray(start, end));
    if (number < Number.MAX_SAFE_INTEGER) return visit(field, number, NONE);
    const wide = message.subarray(start, end);
    visit(field, Number(toLong(0, wide)), wide);
  });
}

/** All 64 bits of what a visit was told of a number. */
export function toLong(number: number, bytes: Buffer): bigint {
  if (bytes.length === 0) return BigInt(number);
  let value = 0n;
  for (const [place, byte] of bytes.entries()) value |= BigInt(byte & 127) << BigInt(7 * place);
  return BigInt.asIntN(64, value);
}
