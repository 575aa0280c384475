/**
 * One application's text, kept in chunks of some dozen instances. A change encodes and compresses its own chunk again:
 * an application of ten thousand instances is as cheap to change as one of fifty.
 */
import { type InstanceRecord, sizeOf } from "../../../core/index.ts";
import { shownStatus } from "../instances/status.ts";
import { FRAMES, openApplication, writeInstances } from "../wire/bodies.ts";
import type { ActionType, Format, InstanceInfo } from "../wire/messages.ts";
import { addCounts, type Counts } from "./counts.ts";
import { CLOSE_APPLICATION, Piece, SEPARATOR } from "./piece.ts";
import { type VipQuery, Vips } from "./vips.ts";

/** An instance as it is to be shown. */
export interface Listed {
  readonly record: InstanceRecord;
  readonly action: ActionType;
}

/** How instances become messages; times of heartbeats are those of the moment. */
export type ToInfo = (listed: Listed, app: string) => InstanceInfo;

interface Chunk {
  readonly listed: readonly Listed[];
  readonly counts: Counts;
  readonly piece: Piece;
  readonly vips: Vips;
  /** The part of it that has a vip address, by that address. */
  parts: Map<string, Chunk> | undefined;
}

/** An application's text, and how many of its instances have which status. */
export interface Listing {
  readonly pieces: readonly Piece[];
  readonly counts: Readonly<Counts>;
}

/** Instances of a chunk, about. */
const CHUNK_INSTANCES = 48;
/** Bytes of a chunk, about, where instances are long: one takes no more than some ms to encode. */
const CHUNK_BYTES = 256 * 1024;
/** Parts of a chunk that are kept. */
const PARTS_MAX = 4;

export class Chunks {
  readonly #name: string;
  readonly #toInfo: ToInfo;
  /** By slot: an instance's follows from its id, and is the same while the number of slots is. */
  #chunks: (Chunk | undefined)[] = [];
  #listing: Listing = { pieces: [], counts: {} };
  /** About the bytes of all instances. */
  #size = 0;

  constructor(name: string, toInfo: ToInfo) {
    this.#name = name;
    this.#toInfo = toInfo;
  }

  /** All of its instances. */
  get listing(): Listing {
    return this.#listing;
  }

  /** The number of chunks. */
  get length(): number {
    return this.#chunks.length;
  }

  /** Bytes kept here. */
  get bytes(): number {
    let sum = 0;
    for (const { bytes } of this.#listing.pieces) sum += bytes;
    for (const chunk of this.#chunks) {
      if (chunk === undefined) continue;
      sum += chunk.vips.bytes;
      for (const { piece } of chunk.parts?.values() ?? []) sum += piece.bytes;
    }
    return sum;
  }

  /** From now on it has these instances. Records are never edited, so the same ones mean the same text. */
  update(all: readonly Listed[]): Listing {
    this.#sort(all, slotsFor(all.length, this.#size));
    this.#size = 0;
    for (const chunk of this.#chunks) this.#size += chunk?.piece.size ?? 0;
    const slots = slotsFor(all.length, this.#size);
    // They are longer now than they were, or shorter.
    if (slots !== this.#chunks.length) this.#sort(all, slots);
    this.#listing = this.#list(this.#chunks.filter((chunk) => chunk !== undefined));
    return this.#listing;
  }

  #sort(all: readonly Listed[], slots: number): void {
    const sorted: Listed[][] = Array.from({ length: slots }, () => []);
    for (const listed of all) (sorted[slotOf(listed.record.id, slots)] as Listed[]).push(listed);
    const isSameSize = slots === this.#chunks.length;
    this.#chunks = sorted.map((listed, slot) => {
      const known = isSameSize ? this.#chunks[slot] : undefined;
      if (known !== undefined && isSame(known.listed, listed)) return known;
      return listed.length === 0 ? undefined : this.#make(listed, slots === 1);
    });
  }

  /** Its instances with this address; undefined when none has it. A chunk whose instances all have it is used as it is. */
  withVip(query: VipQuery): Listing | undefined {
    const chunks: Chunk[] = [];
    for (const chunk of this.#chunks) {
      const found = chunk?.vips.find(query) ?? [];
      if (chunk === undefined || found.length === 0) continue;
      chunks.push(found.length === chunk.listed.length ? chunk : this.#part(chunk, query, found));
    }
    return chunks.length === 0 ? undefined : this.#list(chunks);
  }

  #part(chunk: Chunk, { address, secure }: VipQuery, found: readonly InstanceRecord[]): Chunk {
    const key = `${secure} ${address}`;
    chunk.parts ??= new Map();
    const known = chunk.parts.get(key);
    if (known !== undefined) return known;
    const records = new Set(found);
    const listed = chunk.listed.filter(({ record }) => records.has(record));
    const made = this.#make(listed, this.#chunks.length === 1);
    if (chunk.parts.size >= PARTS_MAX) chunk.parts.clear();
    chunk.parts.set(key, made);
    return made;
  }

  #list(chunks: readonly Chunk[]): Listing {
    const counts: Counts = {};
    for (const chunk of chunks) addCounts(counts, chunk.counts);
    return { pieces: this.#chunks.length === 1 ? chunks.map(({ piece }) => piece) : this.#join(chunks), counts };
  }

  /** A chunk that is all of the application has the application's start and end in its piece: small ones are one piece. */
  #make(listed: readonly Listed[], isWhole: boolean): Chunk {
    const name = this.#name;
    const counts: Counts = {};
    let size = 0;
    for (const { record } of listed) {
      size += sizeOf(record);
      const status = shownStatus(record);
      counts[status] = (counts[status] ?? 0) + 1;
    }
    const write = (format: Format): string =>
      writeInstances(
        format,
        listed.map((one) => this.#toInfo(one, name)),
      );
    const whole = (format: Format): string =>
      openApplication(format, name) + write(format) + FRAMES[format].closeApplication;
    const vips = new Vips(listed.map(({ record }) => record));
    return { listed, counts, piece: new Piece(isWhole ? whole : write, size), vips, parts: undefined };
  }

  #join(chunks: readonly Chunk[]): Piece[] {
    const pieces = [new Piece((format) => openApplication(format, this.#name))];
    for (const { piece } of chunks) {
      if (pieces.length > 1) pieces.push(SEPARATOR);
      pieces.push(piece);
    }
    pieces.push(CLOSE_APPLICATION);
    return pieces;
  }
}

/** A power of two, so that it seldom changes: each change of it makes all chunks anew. */
function slotsFor(instances: number, bytes: number): number {
  let slots = 1;
  while (slots * CHUNK_INSTANCES < instances || (slots * CHUNK_BYTES < bytes && slots < instances)) slots *= 2;
  return slots;
}

/** FNV-1a. */
function slotOf(id: string, slots: number): number {
  if (slots === 1) return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) & (slots - 1);
}

function isSame(known: readonly Listed[], listed: readonly Listed[]): boolean {
  if (known.length !== listed.length) return false;
  return known.every(({ record, action }, i) => listed[i]?.record === record && listed[i]?.action === action);
}
