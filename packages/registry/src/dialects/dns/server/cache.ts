/**
 * Answers as bytes, kept until what they rest on has changed. None is ever older than the view: an entry is good when
 * the registry's revision is the one it was looked at last, or when the revision of each of its dependencies is.
 */
import type { Registry, View } from "../../../core/index.ts";
import type { Dependency } from "../names/reply.ts";

/**
 * Different orders of one answer; by turns, so that clients that take the first record spread. Of one that was cut each
 * has its own part of the records, and each asker gets the same one always.
 */
const VARIANTS_MAX = 8;
const TC_BYTE = 2;
const TC_BIT = 0x02;
/** Of both generations together. */
const ENTRIES_MAX = 32_768;
const BYTES_MAX = 48 * 1024 * 1024;
/** What an entry takes besides its packets: keys, objects, dependencies. */
const ENTRY_BYTES = 512;
/** What a record takes that is kept for the variants still to be made. */
const RECORD_BYTES = 400;

/** One answer. */
export class Entry {
  /** The registry's revision at which it was good last. */
  revision: number;
  readonly dependencies: readonly Dependency[];
  readonly rcode: number;
  /** About what it takes in memory. */
  readonly bytes: number;
  readonly #variants: (Buffer | undefined)[];
  /** How many of them are made. */
  #made = 1;
  readonly #isCut: boolean;
  /** How many orders are worth having. */
  readonly #variantsMax: number;
  /** The variant given last. */
  #turn = -1;
  /** Given up when it has done its work, and with it the records that it holds. */
  #encode: EntrySpec["encode"] | undefined;

  constructor(spec: EntrySpec) {
    this.revision = spec.revision;
    this.dependencies = spec.dependencies;
    this.rcode = spec.rcode;
    const first = spec.encode(0);
    this.#variants = [first];
    this.#isCut = ((first[TC_BYTE] as number) & TC_BIT) !== 0;
    const isPlural = spec.recordsToMix > 1;
    this.#variantsMax = isPlural ? VARIANTS_MAX : 1;
    this.#encode = isPlural ? spec.encode : undefined;
    this.bytes = ENTRY_BYTES + this.#variantsMax * first.length + (isPlural ? RECORD_BYTES * spec.recordsToMix : 0);
  }

  /** The next answer in turn, or the asker's own. Its id and question are those of whom it went to last. */
  next(share: number): Buffer {
    const turn = (this.#isCut ? share : this.#turn + 1) % this.#variantsMax;
    this.#turn = turn;
    return this.#variants[turn] ?? this.#make(turn);
  }

  #make(turn: number): Buffer {
    const variant = this.#encode?.(turn);
    if (variant === undefined) throw new Error("an answer has no more variants");
    this.#variants[turn] = variant;
    if (++this.#made === this.#variantsMax) this.#encode = undefined;
    return variant;
  }

  /** The one given last is still on its way and must not be written to: another takes its place. */
  replaceLast(): void {
    this.#variants[this.#turn] = Buffer.from(this.#variants[this.#turn] as Buffer);
  }
}

export interface EntrySpec {
  readonly revision: number;
  readonly dependencies: readonly Dependency[];
  /** How many records it rests on, when another order of them is another answer; else 0. */
  readonly recordsToMix: number;
  readonly rcode: number;
  /** Makes the packet, with the question in lower case. `share` chooses what is left of one that does not fit. */
  encode(share: number): Buffer;
}

type Generation = Map<string, Entry>;

/**
 * Entries under two kinds of keys: whole packets, and questions whatever their case. Bounded: when the younger half is
 * full, the older is forgotten, but for what was asked for meanwhile.
 */
export class AnswerCache {
  readonly #registry: Registry;
  #young: Generation = new Map();
  #old: Generation = new Map();
  #bytes = 0;
  /** For `#isGood`, which must be no closure of each call. */
  #asked: Entry | undefined;
  readonly #check = (view: View): boolean => this.#isGood(view);

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** The entry if it is good now. */
  find(key: string): Entry | undefined {
    let entry = this.#young.get(key);
    if (entry === undefined) {
      entry = this.#old.get(key);
      if (entry === undefined) return undefined;
      this.keep(key, entry);
    }
    this.#asked = entry;
    return this.#registry.read(this.#check) ? entry : undefined;
  }

  keep(key: string, entry: Entry): void {
    const size = key.length + entry.bytes;
    if (size > BYTES_MAX / 4) return;
    const replaced = this.#young.get(key);
    if (replaced !== undefined) {
      this.#young.delete(key);
      this.#bytes -= key.length + replaced.bytes;
    }
    if (this.#young.size >= ENTRIES_MAX / 2 || this.#bytes + size > BYTES_MAX / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bytes = 0;
    }
    this.#bytes += size;
    this.#young.set(key, entry);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#bytes = 0;
  }

  #isGood(view: View): boolean {
    const entry = this.#asked as Entry;
    if (entry.revision === view.revision) return true;
    for (const dependency of entry.dependencies) if (!holds(dependency, view)) return false;
    entry.revision = view.revision;
    return true;
  }
}

function holds(dependency: Dependency, view: View): boolean {
  switch (dependency.on) {
    case "all":
      return view.revision === dependency.revision;
    case "catalog":
      return (view.account(dependency.account)?.catalogRevision ?? 0) === dependency.revision;
    case "service":
      return (view.account(dependency.account)?.service(dependency.service)?.revision ?? 0) === dependency.revision;
  }
}
