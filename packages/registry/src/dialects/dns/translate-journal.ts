/**
 * What a zone's secondaries were given, and what became different since: increments of RFC 1995. Records are kept as
 * packed messages, which take a tenth of the memory.
 */
import { decodeMessage, packMessage } from "./codec.ts";
import { type Message, OPCODE, RCODE, type Resource } from "./codec-model.ts";
import { keyOf } from "./codec-name.ts";
import { canonicalData } from "./codec-record.ts";

/** Records as messages that hold nothing else. Never changed: what replaces it is a new one. */
export interface Packed {
  readonly buffers: readonly Buffer[];
  readonly count: number;
  readonly bytes: number;
}

/** From one serial to the next: RFC 1995 §4. */
export interface Step {
  readonly from: Resource;
  readonly to: Resource;
  readonly deleted: Packed;
  readonly added: Packed;
}

export interface JournalLimits {
  readonly stepsMax: number;
  /** Of all steps together. */
  readonly bytesMax: number;
}

export const NOTHING: Packed = { buffers: [], count: 0, bytes: 0 };

/** An empty message, to be filled with records. */
export const BLANK: Message = {
  id: 0,
  response: true,
  opcode: OPCODE.QUERY,
  authoritative: true,
  truncated: false,
  recursionDesired: false,
  recursionAvailable: false,
  checkingDisabled: false,
  rcode: RCODE.NOERROR,
  questions: [],
  answers: [],
  authority: [],
  additional: [],
};

/** Pointers reach 16 KiB: beyond, names are not compressed any more. */
const PACK_BYTES = 16 * 1024;
const BATCH = 512;

/** Cuts the beginning off a list of records that fits into one message. `template` has the rest of the message. */
export function packSome(
  template: Message,
  records: readonly Resource[],
  from: number,
  bytesMax: number,
): { readonly bytes: Buffer; readonly next: number } {
  const answers = records.slice(from, from + BATCH);
  const message = { ...template, answers };
  let packed = packMessage(message, Math.min(bytesMax, PACK_BYTES));
  // A record may be larger than what we like to send, but not larger than a message.
  if (packed === undefined || packed.answers === 0) packed = packMessage(message, bytesMax);
  if (packed === undefined || (packed.answers === 0 && answers.length > 0))
    throw new RangeError("a record is too large");
  return { bytes: packed.bytes, next: from + packed.answers };
}

export function packRecords(records: readonly Resource[]): Packed {
  if (records.length === 0) return NOTHING;
  const buffers: Buffer[] = [];
  let bytes = 0;
  for (let at = 0; at < records.length; ) {
    const packed = packSome(BLANK, records, at, 0xffff);
    buffers.push(packed.bytes);
    bytes += packed.bytes.length;
    at = packed.next;
  }
  return { buffers, count: records.length, bytes };
}

export function* unpackRecords(packed: Packed): Generator<Resource> {
  for (const buffer of packed.buffers) {
    const decoded = decodeMessage(buffer);
    if (!decoded.ok) throw new Error("a packed message does not read back");
    yield* decoded.message.answers;
  }
}

/** Equal for records with the same owner, type, TTL and data. */
export function recordKey(record: Resource): string {
  return `${keyOf(record.name)} ${record.type} ${record.ttlS} ${canonicalData(record.type, record.data)}`;
}

/** A zone in parts that change apart from each other, at one serial, and the steps that led there. */
export class Journal {
  readonly #limits: JournalLimits;
  readonly #parts = new Map<string, Packed>();
  /** How many parts have a record that more than one may have. */
  readonly #shared = new Map<string, number>();
  readonly #isShared: (record: Resource) => boolean;
  #steps: Step[] = [];
  #stepBytes = 0;
  #authority: Resource;
  #count = 0;

  /** `isShared` tells which records may come from several parts at once. */
  constructor(authority: Resource, limits: JournalLimits, isShared: (record: Resource) => boolean) {
    this.#authority = authority;
    this.#limits = limits;
    this.#isShared = isShared;
  }

  /** The SOA record of the latest serial. */
  get authority(): Resource {
    return this.#authority;
  }

  /** Records in all parts. */
  get count(): number {
    return this.#count;
  }

  get steps(): number {
    return this.#steps.length;
  }

  /**
   * The answer section of the whole zone, RFC 5936 §2.2: its SOA around all else, each record once. It is the zone as it
   * is at this call: later replacements do not show in it.
   */
  whole(): Iterable<Resource> {
    return wholeZone([...this.#parts.values()], this.#authority, this.#isShared);
  }

  names(): Iterable<string> {
    return this.#parts.keys();
  }

  /**
   * Puts these parts in place of the ones of the same names (none: takes them away) and makes one step of what became
   * different, unless `authority` has the serial that we are at.
   */
  replace(parts: ReadonlyMap<string, readonly Resource[]>, authority: Resource): void {
    const deleted = new Map<string, Resource>();
    const added = new Map<string, Resource>();
    // First all that goes, then all that comes: a shared record may go over from one part to another.
    for (const name of parts.keys()) this.#take(name, deleted);
    for (const [name, records] of parts) this.#give(name, records, deleted, added);
    const from = this.#authority;
    this.#authority = authority;
    const [fromSerial, toSerial] = [serialOf(from), serialOf(authority)];
    if (fromSerial === toSerial) {
      if (deleted.size > 0 || added.size > 0) this.#forgetSteps();
      return;
    }
    // RFC 1982: a serial that went back has no way that leads to it.
    if (!isNewer(toSerial, fromSerial)) return this.#forgetSteps();
    this.#keep({
      from,
      to: authority,
      deleted: packRecords([...deleted.values()]),
      added: packRecords([...added.values()]),
    });
  }

  /** Puts a part in, of which each record is there once, while nobody has been given the zone: no step is made of it. */
  load(name: string, records: readonly Resource[]): void {
    if (this.#parts.has(name)) this.#take(name, new Map());
    for (const record of records) if (this.#isShared(record)) this.#share(recordKey(record));
    this.#put(name, records);
  }

  /** The steps from this serial on; empty at the latest one; undefined when there is no way from there. */
  since(serial: number): readonly Step[] | undefined {
    if (serial === serialOf(this.#authority)) return [];
    const first = this.#steps.findIndex((step) => serialOf(step.from) === serial);
    return first < 0 ? undefined : this.#steps.slice(first);
  }

  #take(name: string, deleted: Map<string, Resource>): void {
    const packed = this.#parts.get(name);
    if (packed === undefined) return;
    this.#parts.delete(name);
    this.#count -= packed.count;
    for (const record of unpackRecords(packed)) {
      const key = recordKey(record);
      if (this.#isShared(record)) {
        const left = (this.#shared.get(key) ?? 1) - 1;
        if (left > 0) {
          this.#shared.set(key, left);
          continue;
        }
        this.#shared.delete(key);
      }
      deleted.set(key, record);
    }
  }

  #give(
    name: string,
    records: readonly Resource[],
    deleted: Map<string, Resource>,
    added: Map<string, Resource>,
  ): void {
    const own: Resource[] = [];
    const seen = new Set<string>();
    for (const record of records) {
      const key = recordKey(record);
      if (seen.has(key)) continue;
      seen.add(key);
      own.push(record);
      if (this.#isShared(record) && this.#share(key) > 1) continue;
      if (!deleted.delete(key)) added.set(key, record);
    }
    this.#put(name, own);
  }

  /** Returns how many parts have the record now. */
  #share(key: string): number {
    const count = (this.#shared.get(key) ?? 0) + 1;
    this.#shared.set(key, count);
    return count;
  }

  #put(name: string, records: readonly Resource[]): void {
    if (records.length === 0) return;
    const packed = packRecords(records);
    this.#parts.set(name, packed);
    this.#count += packed.count;
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

function* wholeZone(
  parts: readonly Packed[],
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

/** What a step costs besides its records. */
const STEP_BYTES = 256;

function bytesOf(step: Step): number {
  return step.deleted.bytes + step.added.bytes + STEP_BYTES;
}

export function serialOf(authority: Resource): number {
  return authority.data.kind === "authority" ? authority.data.serial : 0;
}

/** RFC 1982 §3.2. */
export function isNewer(serial: number, than: number): boolean {
  return serial !== than && (serial - than) >>> 0 < 2 ** 31;
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

/** Whether the steps are less to send than the zone. */
export function isShorter(steps: readonly Step[], count: number): boolean {
  let records = 0;
  for (const step of steps) records += step.deleted.count + step.added.count + 2;
  return records <= count;
}
