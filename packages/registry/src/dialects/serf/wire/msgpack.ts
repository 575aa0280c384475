/**
 * MessagePack, as much as Serf speaks of it, with a limit on everything. Texts and byte strings are both read as bytes:
 * clients from before the second kind say texts where they mean bytes.
 */

/** What is read. Maps have texts as keys. */
export type Read = null | boolean | number | Buffer | readonly Read[] | ReadonlyMap<string, Read>;
/** What is written: texts, byte strings, whole numbers in the least bytes, others as floats. Nothing for what is undefined. */
export type Write =
  | null
  | boolean
  | number
  | string
  | Buffer
  | Encoded
  | readonly Write[]
  | { readonly [key: string]: Write | undefined };

/** A value that is bytes already. */
export class Encoded {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

export const LIMITS = {
  /** Of one value with all that is in it. */
  bytesMax: 1024 * 1024,
  depthMax: 8,
  /** Values in a value, at any depth. */
  valuesMax: 8192,
} as const;

export type Limits = { readonly [K in keyof typeof LIMITS]: number };

/** "wrong": it will never be a value. `end`: where the next one begins. */
export type Found = { readonly value: Read; readonly end: number } | "more" | "wrong";

/** Reads the value that begins at `at`. */
export function read(bytes: Buffer, at: number, limits: Limits = LIMITS): Found {
  const reader = new Reader(bytes, at, limits);
  try {
    const value = reader.value(0);
    return reader.at - at > limits.bytesMax ? "wrong" : { value, end: reader.at };
  } catch (error) {
    if (error === WRONG) return "wrong";
    if (error === MORE) return bytes.length - at >= limits.bytesMax ? "wrong" : "more";
    throw error;
  }
}

const WRONG = new Error("no value");
const MORE = new Error("more bytes are needed");

class Reader {
  at: number;
  readonly #bytes: Buffer;
  readonly #limits: Limits;
  #values = 0;

  constructor(bytes: Buffer, at: number, limits: Limits) {
    this.#bytes = bytes;
    this.at = at;
    this.#limits = limits;
  }

  value(depth: number): Read {
    if (depth > this.#limits.depthMax || ++this.#values > this.#limits.valuesMax) throw WRONG;
    const kind = this.#take(1).readUInt8(0);
    if (kind < 0x80) return kind;
    if (kind < 0x90) return this.#map(kind & 15, depth);
    if (kind < 0xa0) return this.#array(kind & 15, depth);
    if (kind < 0xc0) return this.#string(kind & 31);
    if (kind >= 0xe0) return kind - 256;
    return this.#wide(kind, depth);
  }

  #wide(kind: number, depth: number): Read {
    switch (kind) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return kind === 0xc3;
      case 0xc4:
      case 0xd9:
        return this.#string(this.#unsigned(1));
      case 0xc5:
      case 0xda:
        return this.#string(this.#unsigned(2));
      case 0xc6:
      case 0xdb:
        return this.#string(this.#unsigned(4));
      case 0xca:
        return this.#take(4).readFloatBE(0);
      case 0xcb:
        return this.#take(8).readDoubleBE(0);
      case 0xcc:
        return this.#unsigned(1);
      case 0xcd:
        return this.#unsigned(2);
      case 0xce:
        return this.#unsigned(4);
      case 0xcf:
        return Number(this.#take(8).readBigUInt64BE(0));
      case 0xd0:
        return this.#take(1).readInt8(0);
      case 0xd1:
        return this.#take(2).readInt16BE(0);
      case 0xd2:
        return this.#take(4).readInt32BE(0);
      case 0xd3:
        return Number(this.#take(8).readBigInt64BE(0));
      case 0xdc:
        return this.#array(this.#unsigned(2), depth);
      case 0xdd:
        return this.#array(this.#unsigned(4), depth);
      case 0xde:
        return this.#map(this.#unsigned(2), depth);
      case 0xdf:
        return this.#map(this.#unsigned(4), depth);
      default:
        throw WRONG;
    }
  }

  #take(length: number): Buffer {
    const end = this.at + length;
    if (length > this.#limits.bytesMax) throw WRONG;
    if (end > this.#bytes.length) throw MORE;
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  #unsigned(length: number): number {
    return this.#take(length).readUIntBE(0, length);
  }

  #string(length: number): Buffer {
    return this.#take(length);
  }

  #array(length: number, depth: number): Read {
    this.#mayHold(length);
    return Array.from({ length }, () => this.value(depth + 1));
  }

  #map(length: number, depth: number): Read {
    this.#mayHold(2 * length);
    const map = new Map<string, Read>();
    for (let n = 0; n < length; n++) {
      const key = this.value(depth + 1);
      if (!Buffer.isBuffer(key)) throw WRONG;
      map.set(key.toString("utf8"), this.value(depth + 1));
    }
    return map;
  }

  /** Nothing is made ready for what cannot come. */
  #mayHold(values: number): void {
    if (this.#values + values > this.#limits.valuesMax) throw WRONG;
  }
}

export function write(...values: readonly Write[]): Buffer {
  const writer = new Writer();
  for (const value of values) writer.write(value);
  return writer.end();
}

class Writer {
  #buffer = Buffer.allocUnsafe(256);
  #at = 0;

  end(): Buffer {
    return this.#buffer.subarray(0, this.#at);
  }

  /** Where so many bytes may be written. */
  #take(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at <= this.#buffer.length) return at;
    const larger = Buffer.allocUnsafe(2 * this.#at);
    this.#buffer.copy(larger, 0, 0, at);
    this.#buffer = larger;
    return at;
  }

  #byte(byte: number): void {
    const at = this.#take(1);
    this.#buffer[at] = byte;
  }

  #bytes(bytes: Buffer): void {
    const at = this.#take(bytes.length);
    bytes.copy(this.#buffer, at);
  }

  write(value: Write): void {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (Buffer.isBuffer(value)) {
      this.#head(value.length, undefined, [0xc4, 0xc5, 0xc6]);
      this.#bytes(value);
    } else if (value instanceof Encoded) this.#bytes(value.bytes);
    else if (Array.isArray(value)) {
      this.#head(value.length, [0x90, 15], [undefined, 0xdc, 0xdd]);
      for (const one of value) this.write(one);
    } else this.#map(value as { readonly [key: string]: Write | undefined });
  }

  #text(text: string): void {
    const length = Buffer.byteLength(text);
    this.#head(length, [0xa0, 31], [0xd9, 0xda, 0xdb]);
    const at = this.#take(length);
    this.#buffer.write(text, at);
  }

  /** Sorted, as the original writes its own. */
  #map(map: { readonly [key: string]: Write | undefined }): void {
    const keys = Object.keys(map)
      .filter((key) => map[key] !== undefined)
      .sort();
    this.#head(keys.length, [0x80, 15], [undefined, 0xde, 0xdf]);
    for (const key of keys) {
      this.#text(key);
      this.write(map[key] as Write);
    }
  }

  /** The least of the forms that a length has: in the kind itself, or in one, two or four bytes. */
  #head(
    length: number,
    short: readonly [kind: number, max: number] | undefined,
    [one, two, four]: readonly [number | undefined, number, number],
  ): void {
    if (short !== undefined && length <= short[1]) return this.#byte(short[0] | length);
    if (one !== undefined && length < 0x100) this.#unsigned(one, length, 1);
    else if (length < 0x10000) this.#unsigned(two, length, 2);
    else this.#unsigned(four, length, 4);
  }

  #unsigned(kind: number, value: number, length: number): void {
    const at = this.#take(1 + length);
    this.#buffer[at] = kind;
    this.#buffer.writeUIntBE(value, at + 1, length);
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && (value >= 0 ? value < 0x80 : value >= -32)) this.#byte(value & 0xff);
    else if (!Number.isSafeInteger(value)) this.#long(0xcb, (at) => this.#buffer.writeDoubleBE(value, at));
    else if (value < 0) this.#long(0xd3, (at) => this.#buffer.writeBigInt64BE(BigInt(value), at));
    else if (value < 0x100) this.#unsigned(0xcc, value, 1);
    else if (value < 0x10000) this.#unsigned(0xcd, value, 2);
    else if (value < 2 ** 32) this.#unsigned(0xce, value, 4);
    else this.#long(0xcf, (at) => this.#buffer.writeBigUInt64BE(BigInt(value), at));
  }

  /** Eight bytes behind their kind. */
  #long(kind: number, put: (at: number) => void): void {
    const at = this.#take(9);
    this.#buffer[at] = kind;
    put(at + 1);
  }
}
