/** What the catalog was: the state rows, with the log after the checkpoint laid over them. */
import type { Commit, Position, Restored, Revision } from "../../../core/index.ts";
import type { Ages } from "../../../records/ageing.ts";
import { decodeGroup } from "../../../records/group.ts";
import type { DirtyRows } from "../../../records/state/row-name.ts";
import { type StateRows, Tail } from "../../../records/state/rows.ts";
import type { About } from "../meta.ts";
import { Damaged } from "../refused.ts";
import type { Store } from "../store/databases.ts";

/** Newest commits given to the history in memory. Older ones are read from the log when somebody asks. */
const RECENT_COMMITS = 2048;
/** And what their groups may take in the log. */
const RECENT_BYTES = 16 * 1024 * 1024;

export interface Recovered {
  readonly restored: Restored;
  /** Everything up to here is in the state rows. */
  readonly marker: Position;
  /** Rows that the log after the marker made different: the next checkpoint writes them. */
  readonly dirty: DirtyRows;
  readonly ages: Ages;
  /** The store's own name: its order is in no other store but in copies of it. */
  readonly line: string;
}

/** Commits with revision > after, oldest first. */
export function* readCommits(store: Store, after: Revision): Iterable<Commit> {
  for (const { bytes } of store.groups(after + 1)) {
    const group = decodeGroup(bytes);
    if (!group.ok) throw new Damaged(`the log after revision ${after}: ${group.detail}`);
    for (const commit of group.value) if (commit.revision > after) yield commit;
  }
}

export function recover(store: Store, { marker, floor, jump, ages, store: line }: About, rows: StateRows): Recovered {
  const tail = new Tail(readCommits(store, marker.revision), marker, rows);
  const last = { ...tail.last, revision: Math.max(tail.last.revision, jump) };
  return {
    marker,
    ages,
    line,
    dirty: tail.dirty,
    restored: {
      ...last,
      floor,
      accounts: tail.accounts.values(),
      leases: rows.leasesUnder(tail),
      instances: rows.instancesUnder(tail),
      keys: rows.keysUnder(tail),
      recent: {
        [Symbol.iterator]: () =>
          readCommits(store, Math.max(floor, recentAfter(store, last.revision)))[Symbol.iterator](),
      },
    },
  };
}

/** The revision after which the commits are recent. */
function recentAfter(store: Store, last: Revision): Revision {
  const oldest = last - RECENT_COMMITS;
  let bytes = 0;
  for (let after = last; after > oldest; ) {
    const group = store.groupBefore(after);
    if (group === undefined) break;
    bytes += group.bytes.length;
    if (bytes > RECENT_BYTES) return after;
    after = group.first - 1;
  }
  return oldest;
}
