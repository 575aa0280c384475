/** Reading the stored history. */
import { type Commit, type Revision, sizeOfCommit } from "../../../core/index.ts";
import { decodeGroup, type GroupSummary, summarizeGroup } from "../../../records/group.ts";
import { Damaged, StoreRefused } from "../refused.ts";
import { readCommits } from "../state/recover.ts";
import type { Store } from "../store/databases.ts";

/** Commits with after < revision <= last, oldest first, at most `limit`, and no more once they pass `bytesMax`. */
export function readHistory(
  store: Store,
  after: Revision,
  last: Revision,
  limit: number,
  bytesMax: number,
): readonly Commit[] {
  const commits: Commit[] = [];
  let bytes = 0;
  try {
    for (const commit of readCommits(store, after)) {
      if (commits.length >= limit || bytes > bytesMax || commit.revision > last) break;
      commits.push(commit);
      bytes += sizeOfCommit(commit);
    }
  } catch (error) {
    if (error instanceof Damaged) throw new StoreRefused(`the stored history is damaged: ${error.message}`);
    throw error;
  }
  return commits;
}

/** The last revision with an `orderMs` below this one; the floor when all that is left of history is younger. */
export function findRevisionAt(store: Store, floor: Revision, last: Revision, orderMs: number): Revision {
  // Groups are found by revision, so the search halves a range of revisions. It ends at the last group that begins
  // before the time.
  let found: GroupSummary | undefined;
  let low = floor + 1;
  let high = last;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const group = summaryBefore(store, middle);
    if (group === undefined) low = middle + 1;
    else if (group.firstMs >= orderMs) high = group.first - 1;
    else {
      found = group;
      low = Math.max(middle, group.last) + 1;
    }
  }
  return found === undefined ? floor : Math.max(floor, lastBefore(store, found.first, orderMs));
}

function summaryBefore(store: Store, revision: Revision): GroupSummary | undefined {
  const group = store.groupBefore(revision);
  const summary = group === undefined ? undefined : summarizeGroup(group.bytes);
  return summary?.ok === true ? summary.value : undefined;
}

function lastBefore(store: Store, first: Revision, beforeMs: number): Revision {
  const group = store.groupBefore(first);
  const commits = group === undefined ? undefined : decodeGroup(group.bytes);
  let found = first - 1;
  if (commits?.ok) for (const { revision, orderMs } of commits.value) if (orderMs < beforeMs) found = revision;
  return found;
}
