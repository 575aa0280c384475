/** Puts numbers, strings and names into a buffer, names compressed (RFC 1035 §4.1.4). */
import type { Bytes } from "../../../core/index.ts";
import { MESSAGE_BYTES_MAX, type Name } from "./message.ts";
import { LABEL_BYTES_MAX, NAME_BYTES_MAX } from "./name.ts";

/** A message and one more record: whether a record fits is seen after it was written. */
const SCRATCH_BYTES = 2 * MESSAGE_BYTES_MAX + 1024;
/** Offsets that a pointer can have, in 14 bits. */
const OFFSETS = 0x4000;
/** A label takes two bytes at least, so the table is at most half full. */
const SLOTS = OFFSETS;

/**
 * Writes messages, one after the other, into one buffer. Names are compressed where their bytes are the same, case
 * included, so that every name keeps its case: a question exactly as it was asked, and a zone's names as they were
 * written (RFC 4343 §4.1).
 */
export class Writer {
  readonly bytes = Buffer.alloc(SCRATCH_BYTES);
  at = 0;
  /** Ends of names that were written, by open addressing: hash and offset of each; a slot of an earlier round is free. */
  readonly #hashes = new Int32Array(SLOTS);
  readonly #offsets = new Uint16Array(SLOTS);
  readonly #rounds = new Float64Array(SLOTS);
  #round = 0;
  /** Names by identity: the owner of ten records is most often one array. */
  readonly #seen = new Map<Name, number>();
  readonly #suffixes = new Int32Array(LABEL_BYTES_MAX * 4);

  /** Begins a message. */
  reset(): void {
    this.at = 0;
    this.#round++;
    this.#seen.clear();
  }

  /** A copy of what was written. */
  take(): Buffer {
    return Buffer.from(this.bytes.subarray(0, this.at));
  }

  u8(value: number): void {
    this.bytes[this.at++] = value;
  }

  u16(value: number): void {
    this.bytes[this.at] = value >>> 8;
    this.bytes[this.at + 1] = value;
    this.at += 2;
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  /** Bytes without their length. */
  raw(value: Bytes): void {
    if (value.length > MESSAGE_BYTES_MAX) throw new RangeError("a record has too many bytes");
    if (value.length > 24) this.bytes.write(value, this.at, "latin1");
    else for (let i = 0; i < value.length; i++) this.bytes[this.at + i] = value.charCodeAt(i);
    this.at += value.length;
  }

  /** A character string: one byte of length, then the bytes. RFC 1035 §3.3. */
  string(value: Bytes): void {
    if (value.length > 255) throw new RangeError("a character string has more than 255 bytes");
    this.u8(value.length);
    this.raw(value);
  }

  /** Leaves room for a length of 16 bits, which `close` fills in; give `close` what this returns. */
  open(): number {
    this.at += 2;
    return this.at;
  }

  /** Fills in the length of what came since `open`. */
  close(start: number): void {
    const length = this.at - start;
    if (length > MESSAGE_BYTES_MAX) throw new RangeError("a record has too many bytes");
    this.bytes[start - 2] = length >>> 8;
    this.bytes[start - 1] = length;
  }

  /**
   * A name. One that must not be compressed is written whole; later names may still point to it, as a pointer may lead
   * into any part of the message.
   */
  name(name: Name, compress: boolean): void {
    if (compress) {
      const offset = this.#seen.get(name);
      if (offset !== undefined) return this.u16(0xc000 | offset);
    }
    const count = name.length;
    const start = this.at;
    this.#hash(name);
    let known = false;
    for (let i = 0; i < count; i++) {
      // An end of a known name is known as well.
      if (!known) {
        const slot = this.#slotOf(name, i);
        known = this.#rounds[slot] === this.#round;
        if (known && compress) {
          const offset = this.#offsets[slot]!;
          this.#remember(name, i === 0 ? offset : start);
          return this.u16(0xc000 | offset);
        }
        if (!known && this.at < OFFSETS) this.#occupy(slot, this.#suffixes[i]!);
      }
      this.#label(name[i]!);
    }
    this.u8(0);
    if (this.at - start > NAME_BYTES_MAX) throw new RangeError("a name has more than 255 bytes");
    if (count > 0) this.#remember(name, start);
  }

  #occupy(slot: number, hash: number): void {
    this.#hashes[slot] = hash;
    this.#offsets[slot] = this.at;
    this.#rounds[slot] = this.#round;
  }

  #remember(name: Name, offset: number): void {
    if (offset < OFFSETS) this.#seen.set(name, offset);
  }

  #label(label: Bytes): void {
    const { bytes } = this;
    const length = label.length;
    if (length === 0 || length > LABEL_BYTES_MAX) throw new RangeError("a label has 1 to 63 bytes");
    let at = this.at;
    bytes[at++] = length;
    for (let k = 0; k < length; k++) bytes[at++] = label.charCodeAt(k);
    this.at = at;
  }

  /** Hashes of the name's ends, each from label i on. */
  #hash(name: Name): void {
    const suffixes = this.#suffixes;
    if (name.length > suffixes.length) throw new RangeError("a name has more than 255 bytes");
    let hash = 0x811c9dc5 | 0;
    for (let i = name.length - 1; i >= 0; i--) {
      const label = name[i]!;
      for (let k = 0; k < label.length; k++) hash = Math.imul(hash ^ label.charCodeAt(k), 0x01000193);
      hash = Math.imul(hash ^ (label.length + 0x100), 0x01000193);
      suffixes[i] = hash;
    }
  }

  /** The slot where the name's end from label `first` stands, or the free one where it belongs. */
  #slotOf(name: Name, first: number): number {
    const hash = this.#suffixes[first]!;
    let slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    while (this.#rounds[slot] === this.#round) {
      if (this.#hashes[slot] === hash && this.#isAt(this.#offsets[slot]!, name, first)) return slot;
      slot = (slot + 1) & (SLOTS - 1);
    }
    return slot;
  }

  /** Whether what was written at the offset is the name from label `first` on. */
  #isAt(offset: number, name: Name, first: number): boolean {
    const { bytes } = this;
    let at = offset;
    for (let i = first; ; i++) {
      while (bytes[at]! >= 0xc0) at = ((bytes[at]! & 0x3f) << 8) | bytes[at + 1]!;
      const length = bytes[at++]!;
      if (i === name.length) return length === 0;
      const label = name[i]!;
      if (length !== label.length) return false;
      for (let k = 0; k < length; k++) if (bytes[at + k] !== label.charCodeAt(k)) return false;
      at += length;
    }
  }
}
