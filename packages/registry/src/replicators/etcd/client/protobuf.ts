/** As much of the protocol buffers as etcd's messages need. Longs are numbers, exact up to 2^53. */

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** Writes fields, lowest first. What is 0, false or empty is left out, as in the third version of the language. */
export class Message {
  readonly #parts: Buffer[] = [];

  /** A long, an enum or a flag. */
  number(field: number, value: number | boolean | undefined): this {
    const whole = Number(value ?? 0);
    if (whole !== 0) this.#parts.push(varint(field * 8 + VARINT), varint(whole));
    return this;
  }

  bytes(field: number, value: Buffer | string | undefined): this {
    if (value !== undefined && value.length > 0) this.#add(field, Buffer.from(value as string, "utf8"));
    return this;
  }

  /** Written also when it is empty. */
  message(field: number, value: Message | undefined): this {
    if (value !== undefined) this.#add(field, value.end());
    return this;
  }

  #add(field: number, bytes: Buffer): void {
    this.#parts.push(varint(field * 8 + BYTES), varint(bytes.length), bytes);
  }

  end(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Told of each field in its order: a number, or bytes that lie in the message. */
export type Visit = (field: number, number: number, bytes: Buffer) => void;

const NONE = Buffer.alloc(0);

/** Throws a `RangeError` when it is no message. */
export function readFields(message: Buffer, visit: Visit): void {
  let at = 0;
  const next = (): number => {
    let value = 0;
    for (let unit = 1; ; unit *= 128) {
      const byte = message[at++];
      if (byte === undefined || unit > 2 ** 63) throw new RangeError("a message of etcd is torn");
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = next();
    const field = Math.floor(tag / 8);
    const kind = tag % 8;
    if (kind === VARINT) visit(field, next(), NONE);
    else if (kind === BYTES) {
      const end = next() + at;
      if (end > message.length) throw new RangeError("a message of etcd is torn");
      visit(field, 0, message.subarray(at, end));
      at = end;
    } else if (kind === FIXED64) at += 8;
    else if (kind === FIXED32) at += 4;
    else throw new RangeError(`a message of etcd has a field of kind ${kind}`);
  }
}
