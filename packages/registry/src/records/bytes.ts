/**
 * Bytes in and out: integers of any length, doubles, and strings that come back exactly as they were, lone surrogates
 * included. Nothing here knows what is written.
 */

const KEEP_BYTES_MAX = 4 * 1024 * 1024;
const START_BYTES = 64 * 1024;
/** Below this, a loop over the characters is quicker than a call into the runtime. */
const SHORT_LENGTH_MAX = 48;
const INTEGER_MAX = 2 ** 50;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of Latin-1.
const LATIN1 = /^[\x00-\xff]*$/;

/** Thrown by the reader and caught when a whole value is read: it never leaves this folder. */
export class Torn extends Error {}

/** A buffer that grows. `bytes()` shows what was written until the next `clear()`. */
export class ByteWriter {
  #buffer = Buffer.allocUnsafeSlow(START_BYTES);
  #length = 0;

  clear(headBytes = 0): void {
    if (this.#buffer.length > KEEP_BYTES_MAX) this.#buffer = Buffer.allocUnsafeSlow(START_BYTES);
    this.#length = headBytes;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Of what was written, the room for the head included. */
  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    if (this.#length === this.#buffer.length) this.#grow(1);
    this.#buffer[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53, seven bits a byte. */
  count(value: number): void {
    if (this.#length + 8 > this.#buffer.length) this.#grow(8);
    const buffer = this.#buffer;
    let rest = value;
    let at = this.#length;
    while (rest > 0x7fffffff) {
      buffer[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      buffer[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    buffer[at++] = rest;
    this.#length = at;
  }

  /** Any number. Whole ones are short: two low bits say positive, negative or a double that follows. */
  number(value: number): void {
    if ((value | 0) === value && value >= 0 && value < 0x10000000) this.count(value << 2);
    else if (Number.isInteger(value) && value <= INTEGER_MAX && value >= -INTEGER_MAX)
      this.count(value < 0 ? -value * 4 + 1 : value * 4);
    else {
      this.byte(2);
      if (this.#length + 8 > this.#buffer.length) this.#grow(8);
      this.#length = this.#buffer.writeDoubleLE(value, this.#length);
    }
  }

  /** One byte a character where that is possible, else two. */
  string(text: string): void {
    const { length } = text;
    if (length <= SHORT_LENGTH_MAX) {
      if (this.#length + length + 1 > this.#buffer.length) this.#grow(length + 1);
      const buffer = this.#buffer;
      const start = this.#length;
      let at = start + 1;
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 255) break;
        buffer[at++] = code;
      }
      if (at === start + 1 + length) {
        buffer[start] = length << 1;
        this.#length = at;
        return;
      }
    }
    this.#longString(text);
  }

  #longString(text: string): void {
    const wide = !LATIN1.test(text);
    const size = wide ? text.length * 2 : text.length;
    this.count(text.length * 2 + (wide ? 1 : 0));
    if (this.#length + size > this.#buffer.length) this.#grow(size);
    this.#buffer.write(text, this.#length, size, wide ? "utf16le" : "latin1");
    this.#length += size;
  }

  #grow(size: number): void {
    const next = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + size));
    this.#buffer.copy(next, 0, 0, this.#length);
    this.#buffer = next;
  }
}

const POOL_SIZE = 1 << 13;
const POOLED_LENGTH_MAX = 32;
/** Short strings seen lately: most strings of a registry repeat, and one copy of each is enough. */
const pool: string[] = new Array<string>(POOL_SIZE).fill("");

const SHARED_SIZE = 1 << 10;
const POOLED_BYTES_MAX = 512;

/** Small structures seen lately, with the bytes they were made of. */
export type SharedPool<T> = ({ readonly bytes: Uint8Array; readonly value: T } | undefined)[];

function hashOf(buffer: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (buffer[i] as number)) | 0;
  return hash ^ (hash >>> 15);
}

/** Reads what `ByteWriter` wrote. Every method throws `Torn` rather than read past the end. */
export class ByteReader {
  readonly #buffer: Buffer;
  readonly #end: number;
  /** Where the next byte is read: a part can be read twice. */
  position: number;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.#buffer = buffer;
    this.position = start;
    this.#end = end;
  }

  get atEnd(): boolean {
    return this.position === this.#end;
  }

  byte(): number {
    if (this.position >= this.#end) throw new Torn("ends too early");
    return this.#buffer[this.position++] as number;
  }

  count(): number {
    let value = this.byte();
    if (value < 128) return value;
    value &= 127;
    let unit = 128;
    for (let i = 1; i < 8; i++) {
      const next = this.byte();
      value += (next & 127) * unit;
      if (next < 128) return value;
      unit *= 128;
    }
    throw new Torn("a number is too long");
  }

  /** The number of things that follow. Each takes a byte or more, so it cannot ask for more memory than the input has. */
  size(): number {
    const value = this.count();
    if (value > this.#end - this.position) throw new Torn("a count exceeds the input");
    return value;
  }

  number(): number {
    const tagged = this.count();
    const tag = tagged % 4;
    if (tag === 0) return tagged / 4;
    if (tag === 1) return -(tagged - 1) / 4;
    if (tag !== 2 || tagged !== 2) throw new Torn("an unknown kind of number");
    if (this.position + 8 > this.#end) throw new Torn("ends too early");
    this.position += 8;
    return this.#buffer.readDoubleLE(this.position - 8);
  }

  /** A string that likely repeats. */
  string(): string {
    return this.#string(POOLED_LENGTH_MAX);
  }

  /** A string of its own, such as an id: it must not drive those that repeat out of the pool. */
  ownString(): string {
    return this.#string(-1);
  }

  #string(pooledLengthMax: number): string {
    const head = this.count();
    const wide = head % 2 === 1;
    const length = (head - (wide ? 1 : 0)) / 2;
    const start = this.position;
    const end = start + (wide ? length * 2 : length);
    if (end > this.#end) throw new Torn("a string ends too early");
    this.position = end;
    if (wide) return this.#buffer.toString("utf16le", start, end);
    return length <= pooledLengthMax ? this.#pooled(start, end) : this.#buffer.toString("latin1", start, end);
  }

  /** Passes over a string. */
  skipString(): void {
    const head = this.count();
    const end = this.position + (head % 2 === 1 ? head - 1 : head / 2);
    if (end > this.#end) throw new Torn("a string ends too early");
    this.position = end;
  }

  /**
   * The value of these bytes: that of an earlier time when they are the same, else what `read` makes of them. Instances
   * of one service tend to have the same ports, tags and meta; they share them.
   */
  shared<T>(pool: SharedPool<T>, start: number, read: (input: ByteReader, start: number) => T): T {
    const end = this.position;
    if (end - start > POOLED_BYTES_MAX) return read(this, start);
    const slot = hashOf(this.#buffer, start, end) & (SHARED_SIZE - 1);
    const known = pool[slot];
    if (known !== undefined && known.bytes.length === end - start) {
      let i = 0;
      while (i < known.bytes.length && known.bytes[i] === this.#buffer[start + i]) i++;
      if (i === known.bytes.length) return known.value;
    }
    const value = read(this, start);
    pool[slot] = { bytes: Uint8Array.prototype.slice.call(this.#buffer, start, end), value };
    return value;
  }

  #pooled(start: number, end: number): string {
    const buffer = this.#buffer;
    const slot = hashOf(buffer, start, end) & (POOL_SIZE - 1);
    const known = pool[slot] as string;
    if (known.length === end - start) {
      let i = 0;
      while (i < known.length && known.charCodeAt(i) === buffer[start + i]) i++;
      if (i === known.length) return known;
    }
    const text = buffer.toString("latin1", start, end);
    pool[slot] = text;
    return text;
  }
}
