import type { InstanceBody } from "../../shapes.ts";

/** An instance that calls may go to, and what this client knows of it by its own calls. */
export interface Seat {
  /** As the registry told it last. */
  instance: InstanceBody;
  /** Its part of the calls, over 0: its weight, or 1 where all weights are 0. */
  weight: number;
  /** Rotation: how far its turn has come; the farthest is next. */
  due: number;
  /** Calls that are under way. */
  pending: number;
  /** Calls that failed since the last one that went well. */
  failures: number;
  /** How often in a row it was ejected. */
  ejections: number;
  /** Ejected until then, in ms of `performance.now()`; 0 when it is not. */
  ejectedUntilMs: number;
  /** A hash of its id, 32 bits. */
  readonly hash: number;
}

/** Which of a non-empty list of seats is next. `key`: what the call is about, for those that keep a key at one place. */
export interface Policy {
  next(seats: readonly Seat[], key: string | undefined): Seat;
}

/** FNV-1a over UTF-16 units, then spread over all bits: 32 bits, unsigned. */
export function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return spread(hash);
}

/** The finalizer of MurmurHash3: each bit of the input moves each bit of the answer. */
export function spread(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
