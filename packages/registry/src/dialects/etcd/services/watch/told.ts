/** What watches of one range are told: encoded once for all that want to hear the same. */
import { type Commit, isInRange, isReserved, type KeyRange, type Revision, subjectOf } from "../../../../core/index.ts";
import type { Identity } from "../../wire/header.ts";
import { encodeEvent, type Happened, type WatchId, writeEvents } from "../../wire/watch.ts";

/** Whom something is told, as far as bytes depend on it. */
export interface Listener {
  readonly id: WatchId;
  readonly variant: number;
  readonly isFragmented: boolean;
}

/** Responses that are longer are cut between two events, for those who want that: as long as a request may be. */
const FRAGMENT_BYTES_MAX = 1.5 * 1024 * 1024;
/** Watches of so many ids share their responses. */
const IDS_MAX = 1024;

/** Of a key besides its value. */
const RECORD_BYTES = 128;

/** The same for all of a variant. */
interface Encoded {
  readonly events: readonly Buffer[];
  readonly bytes: number;
  /** By the id of the watch. */
  readonly frames: Map<WatchId, Buffer>;
}

export class Told {
  /** Of the last of the commits. */
  readonly revision: Revision;
  /** About what it keeps. */
  readonly bytes: number;
  readonly #happened: readonly Happened[];
  readonly #variants: Encoded[] = [];

  constructor(revision: Revision, happened: readonly Happened[]) {
    this.revision = revision;
    this.#happened = happened;
    let bytes = 0;
    for (const { change } of happened) bytes += RECORD_BYTES + subjectOf(change).value.length;
    this.bytes = bytes;
  }

  /** None when there is nothing that it wants to hear. All of it is in one message, unless it wants fragments. */
  framesFor({ id, variant, isFragmented }: Listener, identity: Identity): readonly Buffer[] {
    this.#variants[variant] ??= this.#encode(variant);
    const { events, bytes, frames } = this.#variants[variant];
    if (events.length === 0) return [];
    if (isFragmented && bytes > FRAGMENT_BYTES_MAX) return this.#cut(events, id, identity);
    let frame = frames.get(id);
    if (frame === undefined) {
      frame = writeEvents(identity, { revision: this.revision, id, events, bytes });
      if (frames.size < IDS_MAX) frames.set(id, frame);
    }
    return [frame];
  }

  #encode(variant: number): Encoded {
    const events: Buffer[] = [];
    let bytes = 0;
    for (const happened of this.#happened) {
      const event = encodeEvent(happened, variant);
      if (event === undefined) continue;
      events.push(event);
      bytes += event.length;
    }
    return { events, bytes, frames: new Map() };
  }

  #cut(all: readonly Buffer[], id: WatchId, identity: Identity): readonly Buffer[] {
    const frames: Buffer[] = [];
    let [events, bytes] = [[] as Buffer[], 0];
    for (const [nth, event] of all.entries()) {
      events.push(event);
      bytes += event.length;
      const isLast = nth === all.length - 1;
      if (!isLast && bytes + (all[nth + 1] as Buffer).length <= FRAGMENT_BYTES_MAX) continue;
      frames.push(writeEvents(identity, { revision: this.revision, id, events, bytes, isFragment: !isLast }));
      [events, bytes] = [[], 0];
    }
    return frames;
  }
}

/** What a range was told of some commits of the history. */
export interface Piece {
  readonly told: Told;
  /** How many of the commits are in it. */
  readonly count: number;
}

/** Values of keys in one piece; the last commit may pass it. */
const PIECE_BYTES_MAX = 512 * 1024;

/** Kept as long as the array of commits, which all watches of a range get that are at the same position. */
const pieces = new WeakMap<readonly Commit[], Piece>();

/** The first of these commits, one at least, as those are told who watch this range. */
export function pieceOf(commits: readonly Commit[], range: KeyRange): Piece {
  const known = pieces.get(commits);
  if (known !== undefined) return known;
  const happened: Happened[] = [];
  let [bytes, count, revision] = [0, 0, 0];
  for (const commit of commits) {
    for (const change of commit.changes) {
      if (change.kind !== "key") continue;
      const { key, value } = subjectOf(change);
      if (isReserved(key) || !isInRange(range, key)) continue;
      happened.push({ change, revision: commit.revision });
      bytes += value.length;
    }
    revision = commit.revision;
    count++;
    if (bytes > PIECE_BYTES_MAX) break;
  }
  const piece = { told: new Told(revision, happened), count };
  pieces.set(commits, piece);
  return piece;
}
