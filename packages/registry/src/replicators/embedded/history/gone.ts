/**
 * Which commit an instance went with: rows of twenty bytes beside the log, so that what is gone is found without reading
 * the history. A row is named by the revisions that it is of, many together, and by the hash of the instance's name:
 * what history forgets lies in one piece at the beginning.
 */
import { hash } from "node:crypto";
import { type Account, type Commit, type InstanceKey, leaverOf, type Revision } from "../../../core/index.ts";
import { instanceRow } from "../../../records/state/row-name.ts";
import type { Store } from "../store/databases.ts";

/** So many revisions have their rows together: history holds a few dozen such spans. */
const SPAN_REVISIONS = 2 ** 18;
const SPAN_BYTES = 6;
/** They are not forgotten one by one. */
const FORGET_AT_ONCE = 2000;
const HASH_BYTES = 8;
const REVISION_BYTES = 6;

export type GoneRow = readonly [key: Buffer, value: Buffer];

/** The rows of the instances that these commits end, or give another name. */
export function goneRows(commits: readonly Commit[]): GoneRow[] {
  const rows: GoneRow[] = [];
  for (const { account, revision, changes } of commits)
    for (const change of changes) {
      const leaver = change.kind === "instance" ? leaverOf(change) : null;
      if (leaver !== null) rows.push([rowKey(revision, account, leaver), encode(revision, REVISION_BYTES)]);
    }
  return rows;
}

/**
 * The last revision with which the instance went; 0 when history knows none. Names with the same hash share a row: a
 * reader looks into the commit.
 */
export function findGone(store: Store, floor: Revision, account: Account, instance: InstanceKey): Revision {
  for (let last = store.lastGone(); last !== undefined; last = store.lastGone(last.subarray(0, SPAN_BYTES))) {
    const first = last.readUIntBE(0, SPAN_BYTES) * SPAN_REVISIONS;
    if (first + SPAN_REVISIONS <= floor) break;
    const value = store.gone(rowKey(first, account, instance));
    if (value === undefined) continue;
    const revision = value.readUIntBE(0, REVISION_BYTES);
    return revision > floor ? revision : 0;
  }
  return 0;
}

/** Rows to be removed, as history does not need them any more; some at a time. */
export function oldGone(store: Store, floor: Revision): readonly (readonly [key: Buffer, value: null])[] {
  const end = encode(Math.floor((floor + 1) / SPAN_REVISIONS), SPAN_BYTES);
  return store.firstGone(end, FORGET_AT_ONCE).map((key) => [key, null] as const);
}

function rowKey(revision: Revision, account: Account, { service, id }: InstanceKey): Buffer {
  const name = hash("sha1", instanceRow(account, service, id), "buffer");
  return Buffer.concat([encode(Math.floor(revision / SPAN_REVISIONS), SPAN_BYTES), name.subarray(0, HASH_BYTES)]);
}

/** Big-endian, so that bytes compare as numbers do. */
function encode(value: number, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
