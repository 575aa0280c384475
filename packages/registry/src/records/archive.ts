/** A whole registry on its way from one kind of store to another. */
import type { Position, Revision } from "../core/index.ts";

/** Its state rows, and the groups that these lack: all in the bytes of this folder. */
export interface Archive {
  /** The name of the order. */
  readonly line: string;
  readonly createdAtMs: number;
  /** The rows hold all up to here. */
  readonly marker: Position;
  /** Where the order ends. */
  readonly revision: Revision;
  /** In slices, each of some 100 rows or more. To be read once, before the groups. */
  readonly rows: Iterable<ArchivedRows> | AsyncIterable<ArchivedRows>;
  /** Those after the marker, oldest first. */
  readonly groups: Iterable<ArchivedGroup> | AsyncIterable<ArchivedGroup>;
}

export type ArchivedRows = readonly (readonly [name: Buffer, row: Buffer])[];

export interface ArchivedGroup {
  readonly first: Revision;
  readonly bytes: Buffer;
}

/**
 * What happened after the backup was taken is lost, but clients may have seen it. Revisions go on far beyond anything
 * that was given out, and history begins there: whoever holds an older position is told to read again, instead of
 * taking new commits for ones that he knows. Less than 2^31, so that a 32-bit serial number still sees it as later.
 */
export const REVISION_JUMP = 1_000_000_000;

/** How far a restore is. */
export type Progress = (step: "verify" | "copy", done: number, total: number) => void;
