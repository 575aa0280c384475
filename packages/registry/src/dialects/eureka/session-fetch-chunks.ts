/**
 * One application's text, kept in chunks of some dozen instances. A change encodes and compresses its own chunk again:
 * an application of ten thousand instances is as cheap to change as one of fifty.
 */
import type { InstanceRecord } from "../../core/index.ts";
import type { ActionType, EurekaStatus, Format, InstanceInfo } from "./codec-model.ts";
import { closeApplication, openApplication, writeInstances } from "./codec-pieces.ts";
import { Piece, SEPARATOR } from "./session-fetch-piece.ts";
import { shownStatus } from "./translate-status.ts";

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
}

/** Instances of a chunk, about. */
const CHUNK = 48;

const CLOSE = new Piece(closeApplication);

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
  update(all: readonly Listed[]): { readonly pieces: readonly Piece[]; readonly counts: Counts } {
    const places = placesFor(all.length);
    const sorted: Listed[][] = Array.from({ length: places }, () => []);
    for (const listed of all) (sorted[placeOf(listed.record.id, places)] as Listed[]).push(listed);
    const isSameSize = places === this.#chunks.length;
    this.#chunks = sorted.map((listed, place) => {
      const known = isSameSize ? this.#chunks[place] : undefined;
      if (known !== undefined && isSame(known.listed, listed)) return known;
      return listed.length === 0 ? undefined : this.#make(listed, places === 1);
    });
    const chunks = this.#chunks.filter((chunk) => chunk !== undefined);
    const counts: Counts = {};
    for (const chunk of chunks) addCounts(counts, chunk.counts);
    return { pieces: places === 1 ? chunks.map(({ piece }) => piece) : this.#join(chunks), counts };
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
    const whole = (format: Format): string => openApplication(format, name) + write(format) + closeApplication(format);
    return { listed, counts, piece: new Piece(isWhole ? whole : write) };
  }

  #join(chunks: readonly Chunk[]): Piece[] {
    const pieces = [new Piece((format) => openApplication(format, this.#name))];
    for (const { piece } of chunks) {
      if (pieces.length > 1) pieces.push(SEPARATOR);
      pieces.push(piece);
    }
    pieces.push(CLOSE);
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
