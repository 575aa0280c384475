/**
 * A zone as its secondaries got it, and the steps that led there, for increments (RFC 1995). Records are kept as packed
 * messages, which take a tenth of the memory.
 */
import { BLANK, MESSAGE_BYTES_MAX, type Message, type Resource } from "../wire/message.ts";
import { keyOf } from "../wire/name.ts";
import { decodeMessage, packMessage } from "../wire/packet.ts";
import { canonicalData, longBytes } from "../wire/record.ts";
import { isNewer, serialOf } from "../wire/serial.ts";

/** Records as messages that hold nothing else. Never changed. */
export interface PackedRecords {
  readonly buffers: readonly Buffer[];
  readonly count: number;
  readonly bytes: number;
}

/** From one serial to the next: RFC 1995 §4. */
export interface Step {
  readonly from: Resource;
  readonly to: Resource;
  readonly deleted: PackedRecords;
  readonly added: PackedRecords;
}

/** Records by `recordKey`. */
interface Edits {
  readonly deleted: Map<string, Resource>;
  readonly added: Map<string, Resource>;
  /** Of data that is long. */
  bytes: number;
  /** There were too many: none is noted. */
  isLost: boolean;
}

function noEdits(): Edits {
  return { deleted: new Map(), added: new Map(), bytes: 0, isLost: false };
}

export interface JournalLimits {
  readonly stepsMax: number;
  /** Of all steps together. */
  readonly bytesMax: number;
  /** Of all records. */
  readonly zoneBytesMax: number;
}

/** The zone has more bytes than may be kept. */
export class ZoneTooLong extends Error {
  override readonly name = "ZoneTooLong";
}

const EMPTY: PackedRecords = { buffers: [], count: 0, bytes: 0 };

/** Names are compressed in the first 16 KiB of a message only, as pointers reach no farther. */
const PACK_BYTES = 16 * 1024;
const BATCH = 512;

/** Packs as many records as fit into one message. `template` has the other parts of the message. */
export function packSome(
  template: Message,
  records: readonly Resource[],
  from: number,
  bytesMax: number,
): { readonly bytes: Buffer; readonly next: number } {
  const answers = records.slice(from, from + BATCH);
  const message = { ...template, answers };
  let packed = packMessage(message, Math.min(bytesMax, PACK_BYTES));
  // A record may take more than PACK_BYTES, but not more than a message.
  if (packed === undefined || packed.answers === 0) packed = packMessage(message, bytesMax);
  if (packed === undefined || (packed.answers === 0 && answers.length > 0))
    throw new RangeError("a record is too large");
  return { bytes: packed.bytes, next: from + packed.answers };
}

export function packRecords(records: Iterable<Resource>): PackedRecords {
  return atOnce(packing(records));
}

/** Work that pauses at each yield, so that others may have a turn. */
export type Work<T = void> = Generator<undefined, T, undefined>;

/** Records handled between two pauses. */
const PAUSE_RECORDS = 64;

function* packing(records: Iterable<Resource>): Work<PackedRecords> {
  const packer = new Packer();
  for (const record of records) if (packer.add(record)) yield;
  return packer.end();
}

function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value as T;
  }
}

/** Packs records as they come. */
class Packer {
  readonly #buffers: Buffer[] = [];
  #waiting: Resource[] = [];
  #waitingBytes = 0;
  #count = 0;
  bytes = 0;

  /** True when it is time for a pause. */
  add(record: Resource): boolean {
    this.#waiting.push(record);
    this.#waitingBytes += longBytes(record.data);
    this.#count++;
    const isLong = this.#waitingBytes >= MESSAGE_BYTES_MAX;
    if (isLong || this.#waiting.length >= BATCH) this.#pack();
    return isLong || this.#count % PAUSE_RECORDS === 0;
  }

  end(): PackedRecords {
    while (this.#waiting.length > 0) this.#pack();
    if (this.#count === 0) return EMPTY;
    return { buffers: this.#buffers, count: this.#count, bytes: this.bytes };
  }

  #pack(): void {
    const { bytes, next } = packSome(BLANK, this.#waiting, 0, MESSAGE_BYTES_MAX);
    this.#buffers.push(bytes);
    this.bytes += bytes.length;
    for (let i = 0; i < next; i++) this.#waitingBytes -= longBytes((this.#waiting[i] as Resource).data);
    this.#waiting = this.#waiting.slice(next);
  }
}

export function* unpackRecords(packed: PackedRecords): Generator<Resource> {
  for (const buffer of packed.buffers) {
    const decoded = decodeMessage(buffer);
    if (!decoded.ok) throw new Error("a packed message does not read back");
    yield* decoded.value.answers;
  }
}

/** The same text for records with the same owner, type, TTL and data. */
export function recordKey(record: Resource): string {
  return `${keyOf(record.name)} ${record.type} ${record.ttlS} ${canonicalData(record.type, record.data)}`;
}

/** A zone at one serial, in parts that change independently, and the steps that led there. */
export class Journal {
  readonly #limits: JournalLimits;
  readonly #parts = new Map<string, PackedRecords>();
  /** The number of parts that have a shared record, by its key. */
  readonly #shared = new Map<string, number>();
  readonly #isShared: (record: Resource) => boolean;
  #steps: Step[] = [];
  #stepBytes = 0;
  #authority: Resource;
  /** Secondaries may have got two different zones under the latest serial. */
  #isTwofold = false;
  #count = 0;
  #bytes = 0;

  /** `isShared`: whether several parts may have the record. */
  constructor(authority: Resource, limits: JournalLimits, isShared: (record: Resource) => boolean) {
    this.#authority = authority;
    this.#limits = limits;
    this.#isShared = isShared;
  }

  /** The SOA record of the latest serial. */
  get authority(): Resource {
    return this.#authority;
  }

  /** The number of records in all parts. */
  get count(): number {
    return this.#count;
  }

  /** Of all parts. */
  get bytes(): number {
    return this.#bytes;
  }

  get steps(): number {
    return this.#steps.length;
  }

  /**
   * The answer section of the whole zone, RFC 5936 §2.2: its SOA around all other records, each once. It is the zone at
   * this call: later replacements do not show in it.
   */
  whole(): Iterable<Resource> {
    return wholeZone([...this.#parts.values()], this.#authority, this.#isShared);
  }

  names(): Iterable<string> {
    return this.#parts.keys();
  }

  /**
   * Replaces the parts of these names (by no records: removes them) and makes one step of the differences, unless
   * `authority` has the present serial.
   */
  replace(parts: ReadonlyMap<string, Iterable<Resource>>, authority: Resource): void {
    atOnce(this.replacing(parts, authority));
  }

  /**
   * The same with pauses. Nothing of it shows before its end; if it does not come to its end, the journal is of no use
   * any more. `isFirst`: nobody got the zone yet, so no step is made.
   */
  *replacing(parts: ReadonlyMap<string, Iterable<Resource>>, authority: Resource, isFirst = false): Work {
    const edits = noEdits();
    const packed = new Map<string, PackedRecords>();
    for (const [name, records] of parts) packed.set(name, yield* this.#comparing(name, records, edits));
    const { deleted, added } = edits;
    const from = this.#authority;
    const way = isFirst ? undefined : this.#wayTo(authority, edits.isLost || deleted.size + added.size > 0);
    const step = way === "step" &&
      !edits.isLost && {
        from,
        to: authority,
        deleted: yield* packing(deleted.values()),
        added: yield* packing(added.values()),
      };
    for (const [name, part] of packed) this.#put(name, part);
    this.#authority = authority;
    this.#isTwofold = way === "twofold";
    if (step) this.#keep(step);
    else if (way !== "none") this.#forgetSteps();
  }

  /** How a secondary comes from our serial to that of `authority`: undefined when it cannot. */
  #wayTo(authority: Resource, isOther: boolean): "step" | "none" | "twofold" | undefined {
    const [from, to] = [serialOf(this.#authority), serialOf(authority)];
    // Secondaries may have two different zones under one serial: no step is right for both.
    if (from === to) return isOther || this.#isTwofold ? "twofold" : "none";
    // RFC 1982: no step leads to a serial that went back.
    return this.#isTwofold || !isNewer(to, from) ? undefined : "step";
  }

  /** Puts in a new part while nobody has got the zone: no step is made. */
  *loading(name: string, records: Iterable<Resource>): Work {
    this.#put(name, yield* this.#comparing(name, records, noEdits(), true));
  }

  /** The steps from this serial on: none at the latest serial; undefined when no steps lead from there. */
  since(serial: number): readonly Step[] | undefined {
    if (serial === serialOf(this.#authority)) return this.#isTwofold ? undefined : [];
    const first = this.#steps.findIndex((step) => serialOf(step.from) === serial);
    return first < 0 ? undefined : this.#steps.slice(first);
  }

  /**
   * Packs the new records of a part and notes the differences from the old ones. Mostly both are the same in the same
   * order, so they are compared side by side, and few records have to be remembered at a time.
   */
  *#comparing(name: string, records: Iterable<Resource>, edits: Edits, isNew = false): Work<PackedRecords> {
    const packer = new Packer();
    const old = this.#parts.get(name) ?? EMPTY;
    const others = this.#bytes - old.bytes;
    const before = unpackRecords(old);
    // Only shared records may come twice in one part.
    const seen = new Set<string>();
    for (const record of records) {
      const key = isNew && !this.#isShared(record) ? "" : recordKey(record);
      if (this.#isShared(record) && isKnown(seen, key)) continue;
      if (packer.add(record)) {
        if (others + packer.bytes > this.#limits.zoneBytesMax) throw new ZoneTooLong();
        yield;
      }
      if (isNew) {
        if (key !== "") this.#share(key);
        continue;
      }
      const was = before.next().value;
      const wasKey = was && recordKey(was);
      if (wasKey === key) continue;
      if (was && wasKey !== undefined) this.#take(wasKey, was, edits);
      this.#give(key, record, edits);
    }
    let count = 0;
    for (const old of before) {
      this.#take(recordKey(old), old, edits);
      if (++count % PAUSE_RECORDS === 0) yield;
    }
    return packer.end();
  }

  #take(key: string, record: Resource, edits: Edits): void {
    if (this.#isShared(record)) {
      const left = (this.#shared.get(key) ?? 1) - 1;
      if (left > 0) this.#shared.set(key, left);
      else this.#shared.delete(key);
      if (left > 0) return;
    }
    this.#note(key, record, edits, edits.added, edits.deleted);
  }

  #give(key: string, record: Resource, edits: Edits): void {
    if (this.#isShared(record) && this.#share(key) > 1) return;
    this.#note(key, record, edits, edits.deleted, edits.added);
  }

  /** What is in `opposite` too is no difference. */
  #note(key: string, record: Resource, edits: Edits, opposite: Edits["added"], own: Edits["added"]): void {
    if (edits.isLost) return;
    const bytes = longBytes(record.data);
    if (opposite.delete(key)) {
      edits.bytes -= bytes;
      return;
    }
    own.set(key, record);
    edits.bytes += bytes;
    if (edits.bytes <= 2 * this.#limits.bytesMax) return;
    edits.isLost = true;
    edits.deleted.clear();
    edits.added.clear();
  }

  /** Returns the number of parts that have the record now. */
  #share(key: string): number {
    const count = (this.#shared.get(key) ?? 0) + 1;
    this.#shared.set(key, count);
    return count;
  }

  #put(name: string, packed: PackedRecords): void {
    const { count, bytes } = this.#parts.get(name) ?? EMPTY;
    this.#count += packed.count - count;
    this.#bytes += packed.bytes - bytes;
    if (packed.count > 0) this.#parts.set(name, packed);
    else this.#parts.delete(name);
  }

  #keep(step: Step): void {
    this.#steps.push(step);
    this.#stepBytes += bytesOf(step);
    const { stepsMax, bytesMax } = this.#limits;
    while (this.#steps.length > stepsMax || this.#stepBytes > bytesMax) {
      const oldest = this.#steps.shift();
      if (oldest === undefined) break;
      this.#stepBytes -= bytesOf(oldest);
    }
  }

  #forgetSteps(): void {
    this.#steps = [];
    this.#stepBytes = 0;
  }
}

/** Adds the text; true when it was there before. */
function isKnown(seen: Set<string>, text: string): boolean {
  const before = seen.size;
  return seen.add(text).size === before;
}

function* wholeZone(
  parts: readonly PackedRecords[],
  authority: Resource,
  isShared: (record: Resource) => boolean,
): Generator<Resource> {
  yield authority;
  const seen = new Set<string>();
  for (const part of parts)
    for (const record of unpackRecords(part)) {
      if (isShared(record)) {
        const key = recordKey(record);
        if (seen.has(key)) continue;
        seen.add(key);
      }
      yield record;
    }
  yield authority;
}

/** The memory of a step besides its records. */
const STEP_BYTES = 256;

function bytesOf(step: Step): number {
  return step.deleted.bytes + step.added.bytes + STEP_BYTES;
}

/** The answer section of an increment, RFC 1995 §4: the latest SOA around the steps. */
export function* increments(steps: readonly Step[], authority: Resource): Generator<Resource> {
  yield authority;
  for (const step of steps) {
    yield step.from;
    yield* unpackRecords(step.deleted);
    yield step.to;
    yield* unpackRecords(step.added);
  }
  yield authority;
}

/** Whether the steps have fewer records than the zone. */
export function isShorter(steps: readonly Step[], count: number): boolean {
  let records = 0;
  for (const step of steps) records += step.deleted.count + step.added.count + 2;
  return records <= count;
}
