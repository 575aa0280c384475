import { sizeOfCommit } from "../catalog/size.ts";
import type { Commit, Revision } from "../types.ts";

/** Of what is kept, by `sizeOf`: what was there before is in no other place. */
const BYTES_MAX = 32 * 1024 * 1024;

/** The newest commits, bounded by their number, that of their changes, and their size. Older ones are read from the replicator. */
export class History {
  readonly #commitsMax: number;
  readonly #changesMax: number;
  #commits: Commit[] = [];
  /** Of each of them. */
  #sizes: number[] = [];
  #first = 0;
  #changes = 0;
  #bytes = 0;
  /** Commits up to and including this revision are not here. */
  floor: Revision;

  constructor(floor: Revision, commitsMax: number, changesMax: number) {
    this.floor = floor;
    this.#commitsMax = commitsMax;
    this.#changesMax = changesMax;
  }

  push(commit: Commit): void {
    const size = sizeOfCommit(commit);
    this.#commits.push(commit);
    this.#sizes.push(size);
    this.#changes += commit.changes.length;
    this.#bytes += size;
    while (this.#commits.length - this.#first > 1 && this.#isFull()) this.#dropFirst();
    // Now and then only, so that pushes stay cheap.
    if (this.#first > 1024 && this.#first * 2 > this.#commits.length) {
      this.#commits = this.#commits.slice(this.#first);
      this.#sizes = this.#sizes.slice(this.#first);
      this.#first = 0;
    }
  }

  #isFull(): boolean {
    const commits = this.#commits.length - this.#first;
    return commits > this.#commitsMax || this.#changes > this.#changesMax || this.#bytes > BYTES_MAX;
  }

  /** Forgets up to and including `revision`. */
  compact(revision: Revision): void {
    while (this.#first < this.#commits.length && (this.#commits[this.#first] as Commit).revision <= revision)
      this.#dropFirst();
    if (revision > this.floor) this.floor = revision;
  }

  #dropFirst(): void {
    const commit = this.#commits[this.#first] as Commit;
    this.#changes -= commit.changes.length;
    this.#bytes -= this.#sizes[this.#first] as number;
    (this.#commits as (Commit | undefined)[])[this.#first++] = undefined;
    this.floor = commit.revision;
  }

  /** Commits with revision > after, oldest first. All of them are here when it `covers(after)`. */
  *since(after: Revision): Iterable<Commit> {
    for (let i = this.#indexAfter(after); i < this.#commits.length; i++) yield this.#commits[i] as Commit;
  }

  covers(after: Revision): boolean {
    return after >= this.floor;
  }

  #indexAfter(after: Revision): number {
    let low = this.#first;
    let high = this.#commits.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#commits[middle] as Commit).revision <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
