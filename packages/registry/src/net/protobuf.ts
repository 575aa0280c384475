/** As much of the protocol buffers as messages written by hand need. Longs are numbers, exact up to 2^53, or bigints. */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Of a varint: ten bytes have all 64 bits. */
const VARINT_BYTES_MAX = 10;

/** Writes fields, lowest first. */
export class Message {
  readonly #parts: Buffer[] = [];

  /** A long, an enum or a flag. Left out when it is 0 or false, as in the third version of the language. */
  number(field: number, value: number | boolean | undefined): this {
    const whole = Number(value ?? 0);
    return whole === 0 ? this : this.present(field, whole);
  }

  /** Left out when it is empty. */
  bytes(field: number, value: Buffer | string | undefined): this {
    if (value !== undefined && value.length > 0) this.#add(field, Buffer.from(value as string, "utf8"));
    return this;
  }

  /** Written also when it is empty. */
  message(field: number, value: Message | undefined): this {
    if (value !== undefined) this.#add(field, value.end());
    return this;
  }

  /** Written also when it is 0 or empty: the second version of the language tells that from what is not there. */
  present(field: number, value: number | bigint | Buffer | undefined): this {
    if (Buffer.isBuffer(value)) this.#add(field, value);
    else if (value !== undefined) this.#parts.push(varint(field * 8 + VARINT), varint(value));
    return this;
  }

  #add(field: number, bytes: Buffer): void {
    this.#parts.push(varint(field * 8 + BYTES), varint(bytes.length), bytes);
  }

  end(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** A number below 0 takes ten bytes, as it has all 64 bits. */
function varint(value: number | bigint): Buffer {
  if (typeof value === "bigint" || value < 0) return wide(BigInt.asUintN(64, BigInt(value)));
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
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

/** Throws a `RangeError` when it is no message. */
export function readFields(message: Buffer, visit: Visit): void {
  let at = 0;
  let wideBytes: Buffer = NONE;
  const next = (): number => {
    const from = at;
    let value = 0;
    wideBytes = NONE;
    for (let unit = 1; ; unit *= 128) {
      const byte = message[at++];
      if (byte === undefined || at - from > VARINT_BYTES_MAX) throw new RangeError("a message is torn");
      value += (byte & 127) * unit;
      if (byte >= 128) continue;
      if (value < Number.MAX_SAFE_INTEGER) return value;
      wideBytes = message.subarray(from, at);
      return Number(toLong(0, wideBytes));
    }
  };
  while (at < message.length) {
    const tag = next();
    const field = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === VARINT) {
      const value = next();
      visit(field, value, wideBytes);
    } else if (kind === BYTES) {
      const length = next();
      const end = length + at;
      if (length < 0 || end > message.length) throw new RangeError("a message is torn");
      visit(field, 0, message.subarray(at, end));
      at = end;
    } else if (kind === FIXED64) at += 8;
    else if (kind === FIXED32) at += 4;
    else throw new RangeError(`a message has a field of kind ${kind}`);
  }
}

/** All 64 bits of what a visit was told of a number. */
export function toLong(number: number, bytes: Buffer): bigint {
  if (bytes.length === 0) return BigInt(number);
  let value = 0n;
  for (const [place, byte] of bytes.entries()) value |= BigInt(byte & 127) << BigInt(7 * place);
  return BigInt.asIntN(64, value);
}
