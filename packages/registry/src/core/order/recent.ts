/** The newest commits of a store that keeps them in memory alone, with what is asked of history. */
import { type Outcome, ok } from "../../outcome.ts";
import { isInRange } from "../bytes.ts";
import { sizeOfCommit } from "../catalog/size.ts";
import {
  type Account,
  type Bytes,
  type Commit,
  type InstanceKey,
  type KeyRange,
  type Revision,
  subjectOf,
} from "../types.ts";
import { Leavers } from "./leavers.ts";
import type { FirstChange, FirstChanges } from "./replicator.ts";

const COMMITS_MAX = 100_000;

export class RecentCommits {
  /** Commits up to and including this revision are not here. */
  floor: Revision;
  readonly #commitsMax: number;
  #commits: Commit[] = [];
  readonly #leavers = new Leavers((account, { service, id }) => `${account}\0${service}\0${id}`);

  constructor(floor: Revision, commitsMax = COMMITS_MAX) {
    this.floor = floor;
    this.#commitsMax = commitsMax;
  }

  append(commits: readonly Commit[]): void {
    for (const commit of commits) {
      this.#commits.push(commit);
      this.#leavers.note(commit);
    }
    const over = this.#commits.length - this.#commitsMax;
    // In steps, so that trimming costs little at each commit.
    if (over > 1024) this.#forget(over);
  }

  #forget(count: number): void {
    const last = this.#commits[count - 1];
    this.#commits = this.#commits.slice(count);
    if (last !== undefined) this.floor = last.revision;
    this.#leavers.forget(this.floor);
  }

  /** Forgets up to and including `revision`. */
  compact(revision: Revision): void {
    const kept = this.#commits.findIndex((commit) => commit.revision > revision);
    this.#forget(kept === -1 ? this.#commits.length : kept);
    this.floor = revision;
  }

  /** As `Replicator.history`. */
  history(after: Revision, limit: number, bytesMax = Number.POSITIVE_INFINITY): readonly Commit[] {
    const from = this.#commits.findIndex((commit) => commit.revision > after);
    if (from === -1) return [];
    let to = from;
    for (let bytes = 0; to < this.#commits.length && to < from + limit && bytes <= bytesMax; to++)
      bytes += sizeOfCommit(this.#commits[to] as Commit);
    return this.#commits.slice(from, to);
  }

  goneAt(account: Account, instance: InstanceKey): Revision {
    return this.#leavers.goneAt(account, instance, this.floor);
  }

  firstChanges(account: Account, range: KeyRange, after: Revision, to: Revision): Outcome<FirstChanges> {
    const keys = new Map<Bytes, FirstChange>();
    for (const { account: of, revision, changes } of this.#commits) {
      if (revision <= after || revision > to || of !== account) continue;
      for (const change of changes) {
        if (change.kind !== "key") continue;
        const { key } = subjectOf(change);
        if (isInRange(range, key) && !keys.has(key)) keys.set(key, { revision, existed: change.before !== null });
      }
    }
    return ok(keys);
  }

  revisionAt(orderMs: number): Revision {
    return this.#commits.findLast((commit) => commit.orderMs < orderMs)?.revision ?? this.floor;
  }
}
