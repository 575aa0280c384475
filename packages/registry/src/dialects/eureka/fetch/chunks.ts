/**
 * One application's text, kept in chunks of some dozen instances. A change encodes and compresses its own chunk again:
 * an application of ten thousand instances is as cheap to change as one of fifty.
 */
import type { InstanceRecord } from "../../../core/index.ts";
import { shownStatus } from "../instances/status.ts";
import { FRAMES, openApplication, writeInstances } from "../wire/bodies.ts";
import type { ActionType, EurekaStatus, Format, InstanceInfo } from "../wire/messages.ts";
import { CLOSE_APPLICATION, Piece, SEPARATOR } from "./piece.ts";
import { type VipQuery, Vips } from "./vips.ts";

export type Counts = Partial<Record<EurekaStatus, number>>;

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
  /** Parts of it that were asked for by an address. */
  readonly parts: Map<string, Chunk>;
}

/** An application's text, and how many it has of what. */
export interface Made {
  readonly pieces: readonly Piece[];
  readonly counts: Counts;
}

/** Instances of a chunk, about. */
const CHUNK = 48;
/** Parts of a chunk that are kept. */
const PARTS_MAX = 4;

export class Chunks {
  readonly #name: string;
  readonly #toInfo: ToInfo;
  /** By place: instances have theirs by their id, and keep it while the number of places is the same. */
  #chunks: (Chunk | undefined)[] = [];

  constructor(name: string, toInfo: ToInfo) {
    this.#name = name;
    this.#toInfo = toInfo;
  }

  /** From now on it has these instances. Records are never edited, so the same ones mean the same text. */
  update(all: readonly Listed[]): Made {
    const places = placesFor(all.length);
    const sorted: Listed[][] = Array.from({ length: places }, () => []);
    for (const listed of all) (sorted[placeOf(listed.record.id, places)] as Listed[]).push(listed);
    const isSameSize = places === this.#chunks.length;
    this.#chunks = sorted.map((listed, place) => {
      const known = isSameSize ? this.#chunks[place] : undefined;
      if (known !== undefined && isSame(known.listed, listed)) return known;
      return listed.length === 0 ? undefined : this.#make(listed, places === 1);
    });
    return this.#collect(this.#chunks.filter((chunk) => chunk !== undefined));
  }

  /** Those with this address alone; undefined when nobody has it. Chunks that all have it are shown as they are. */
  withVip(query: VipQuery): Made | undefined {
    const chunks: Chunk[] = [];
    for (const chunk of this.#chunks) {
      const found = chunk?.vips.find(query) ?? [];
      if (chunk === undefined || found.length === 0) continue;
      chunks.push(found.length === chunk.listed.length ? chunk : this.#part(chunk, query, found));
    }
    return chunks.length === 0 ? undefined : this.#collect(chunks);
  }

  /** Bytes that are kept for addresses. */
  get bytes(): number {
    let sum = 0;
    for (const chunk of this.#chunks) {
      if (chunk === undefined) continue;
      sum += chunk.vips.bytes;
      for (const { piece } of chunk.parts.values()) sum += piece.bytes;
    }
    return sum;
  }

  #part(chunk: Chunk, { address, secure }: VipQuery, found: readonly InstanceRecord[]): Chunk {
    const key = `${secure} ${address}`;
    const known = chunk.parts.get(key);
    if (known !== undefined) return known;
    const records = new Set(found);
    const listed = chunk.listed.filter(({ record }) => records.has(record));
    const made = this.#make(listed, this.#chunks.length === 1);
    if (chunk.parts.size >= PARTS_MAX) chunk.parts.clear();
    chunk.parts.set(key, made);
    return made;
  }

  #collect(chunks: readonly Chunk[]): Made {
    const counts: Counts = {};
    for (const chunk of chunks) addCounts(counts, chunk.counts);
    return { pieces: this.#chunks.length === 1 ? chunks.map(({ piece }) => piece) : this.#join(chunks), counts };
  }

  /** A chunk that is all of the application brings its frame along: so small ones are one piece. */
  #make(listed: readonly Listed[], isWhole: boolean): Chunk {
    const name = this.#name;
    const counts: Counts = {};
    for (const { record } of listed) count(counts, shownStatus(record));
    const write = (format: Format): string =>
      writeInstances(
        format,
        listed.map((one) => this.#toInfo(one, name)),
      );
    const whole = (format: Format): string =>
      openApplication(format, name) + write(format) + FRAMES[format].closeApplication;
    const vips = new Vips(listed.map(({ record }) => record));
    return { listed, counts, piece: new Piece(isWhole ? whole : write), vips, parts: new Map() };
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
function placesFor(instances: number): number {
  let places = 1;
  while (places * CHUNK < instances) places *= 2;
  return places;
}

/** FNV-1a. */
function placeOf(id: string, places: number): number {
  if (places === 1) return 0;
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) & (places - 1);
}

function isSame(known: readonly Listed[], listed: readonly Listed[]): boolean {
  if (known.length !== listed.length) return false;
  return known.every(({ record, action }, i) => listed[i]?.record === record && listed[i]?.action === action);
}

export function count(counts: Counts, status: EurekaStatus): void {
  counts[status] = (counts[status] ?? 0) + 1;
}

export function addCounts(sum: Counts, more: Counts): void {
  for (const status in more) {
    const known = status as EurekaStatus;
    sum[known] = (sum[known] ?? 0) + (more[known] ?? 0);
  }
}
