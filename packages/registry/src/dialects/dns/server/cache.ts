/**
 * Answers as bytes, kept while their dependencies hold, so that none is ever older than the view. An answer is good when
 * the registry is at the revision at which it was good last, or when each of its dependencies is at its own revision.
 */
import type { Registry, View } from "../../../core/index.ts";
import type { Dependency } from "../names/reply.ts";
import { isTruncated } from "../wire/header.ts";

/**
 * Orders of the records of one answer. They go out by turns, for clients that take the first record. Each variant of a
 * truncated answer has its own part of the records, and a client always gets the same one.
 */
const VARIANTS_MAX = 8;
/** In both generations together. */
const ANSWERS_MAX = 32_768;
const BYTES_MAX = 48 * 1024 * 1024;
/** Of so many lookups by one client, one is noted again. */
const ASKED_MASK = 255;

/** The memory of an answer besides its packets: keys, objects, dependencies. */
const ANSWER_BYTES = 512;

/** One answer. */
export class KeptAnswer {
  /** The registry's revision at which the answer was good last. */
  revision: number;
  readonly dependencies: readonly Dependency[];
  readonly rcode: number;
  /** About the memory that it takes. */
  readonly bytes: number;
  readonly #variants: (Buffer | undefined)[];
  /** How many variants are made. */
  #made = 1;
  readonly #isTruncated: boolean;
  /** How many variants there can be. */
  readonly #variantsMax: number;
  /** The variant given last. */
  #turn = -1;
  /** Dropped with the records that it holds when all variants are made. */
  #encode: AnswerSpec["encode"] | undefined;

  /** Who asked last, and how often it was given. */
  #lastAsker = "";
  #asked = 0;

  constructor(spec: AnswerSpec) {
    this.revision = spec.revision;
    this.dependencies = spec.dependencies;
    this.rcode = spec.rcode;
    const first = spec.encode(0);
    this.#variants = [first];
    this.#isTruncated = isTruncated(first);
    const isPlural = spec.keptBytes > 0;
    this.#variantsMax = isPlural ? VARIANTS_MAX : 1;
    this.#encode = isPlural ? spec.encode : undefined;
    this.bytes = ANSWER_BYTES + this.#variantsMax * first.length + spec.keptBytes;
  }

  /** Whether this asker is to be noted: another than last time, or the same now and then. */
  isNews(address: string): boolean {
    if (this.#lastAsker === address && (++this.#asked & ASKED_MASK) !== 0) return false;
    this.#lastAsker = address;
    return true;
  }

  /** The next variant, or the client's own of a truncated answer. Id and question in it are those of the last client. */
  next(share: number): Buffer {
    const turn = (this.#isTruncated ? share : this.#turn + 1) % this.#variantsMax;
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

  /** The variant given last is still being sent and must not be written to: a copy takes its place. */
  replaceLast(): void {
    this.#variants[this.#turn] = Buffer.from(this.#variants[this.#turn] as Buffer);
  }
}

export interface AnswerSpec {
  readonly revision: number;
  readonly dependencies: readonly Dependency[];
  /** The memory of the records if there can be several orders of them, as they are kept for those; else 0. */
  readonly keptBytes: number;
  readonly rcode: number;
  /** Makes a variant, with the question in lower case. `share` chooses the records of a truncated answer. */
  encode(share: number): Buffer;
}

type Generation = Map<string, KeptAnswer>;

/**
 * Answers under two kinds of keys: whole packets, and questions in lower case. When the younger half is full, the older
 * half is forgotten, except for answers that somebody asked for since.
 */
export class AnswerCache {
  readonly #registry: Registry;
  #young: Generation = new Map();
  #old: Generation = new Map();
  #bytes = 0;
  /** For `#isGood`: no closure is made for each question. */
  #asked: KeptAnswer | undefined;
  readonly #check = (view: View): boolean => this.#isGood(view);

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** The answer if it is good now. */
  find(key: string): KeptAnswer | undefined {
    let kept = this.#young.get(key);
    if (kept === undefined) {
      kept = this.#old.get(key);
      if (kept === undefined) return undefined;
      this.keep(key, kept);
    }
    this.#asked = kept;
    return this.#registry.read(this.#check) ? kept : undefined;
  }

  keep(key: string, kept: KeptAnswer): void {
    const size = key.length + kept.bytes;
    if (size > BYTES_MAX / 4) return;
    const replaced = this.#young.get(key);
    if (replaced !== undefined) {
      this.#young.delete(key);
      this.#bytes -= key.length + replaced.bytes;
    }
    if (this.#young.size >= ANSWERS_MAX / 2 || this.#bytes + size > BYTES_MAX / 2) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#bytes = 0;
    }
    this.#bytes += size;
    this.#young.set(key, kept);
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#bytes = 0;
  }

  #isGood(view: View): boolean {
    const kept = this.#asked as KeptAnswer;
    if (kept.revision === view.revision) return true;
    for (const dependency of kept.dependencies) if (!holds(dependency, view)) return false;
    kept.revision = view.revision;
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
