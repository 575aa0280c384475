/**
 * Doozer has one change in a revision, the registry many in a commit. So a rev is a million times the revision: the last
 * change of a commit that somebody waits for has that number, and those before it have the numbers from the commit before
 * on. Who goes on at the next rev gets every change.
 */
import type { Revision } from "../../../core/index.ts";

const STEP = 1_000_000n;

/** What files of this revision are marked with, and what is current at it. */
export function toRev(revision: Revision): bigint {
  return BigInt(revision) * STEP;
}

/** The revision that the registry has when a rev is reached. */
export function fromRev(rev: bigint): Revision {
  return rev <= 0n ? 0 : Number((rev + STEP - 1n) / STEP);
}

/** The rev of the change at this index among those of a commit that somebody waits for. */
export function revOf(revision: Revision, index: number, count: number): bigint {
  return index === count - 1 ? toRev(revision) : toRev(revision - 1) + BigInt(index) + 1n;
}

/** The first change of the commit of `fromRev(rev)`, by its index, that is not before the rev. */
export function indexFrom(rev: bigint, count: number): number {
  return Math.min(count - 1, Number(rev - toRev(fromRev(rev) - 1) - 1n));
}
