/** The commits that cursors are handed: from memory, or from the store when memory no longer holds them. */
import type { Commit, Revision } from "../types.ts";
import type { Crowd, Cursor } from "./crowd.ts";
import type { History } from "./history.ts";
import { concerns } from "./scope.ts";

/** Commits that memory no longer holds. */
export interface OlderHistory {
  readonly floor: Revision;
  history(after: Revision, limit: number): Promise<readonly Commit[]>;
}

/** The commits of a scope after `from`, up to `to`. */
export interface Batch {
  readonly from: Revision;
  readonly to: Revision;
  readonly commits: readonly Commit[];
}

const COMMITS_MAX = 512;
/** The number of crowds whose last batch is kept. */
const KEPT_MAX = 32;

export interface BatchesOptions {
  readonly history: History;
  readonly older: OlderHistory;
  /** The store was read for the first of these cursors; the others may have to wait again. */
  onRead(waited: readonly Cursor[]): void;
  onFailure(waited: readonly Cursor[], error: unknown): void;
}

export class Batches {
  readonly #options: BatchesOptions;
  /** The last batch of each crowd: all cursors of the crowd at the same position get the same array. */
  readonly #kept = new Map<Crowd, Batch>();
  /** Cursors that wait for a page of the store. One page is read at a time, for all cursors at its position. */
  #waiting: Cursor[] = [];
  #page: { readonly after: Revision; readonly commits: readonly Commit[] } | undefined;
  #isReading = false;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /** The next commits for the cursor; undefined when the store has to be read first: see `read`. */
  next({ crowd, at }: Cursor): Batch | undefined {
    const known = this.#kept.get(crowd);
    if (known?.from === at) return known;
    const batch = this.fromMemory(crowd, at, crowd.clean) ?? this.#fromPage(crowd, at);
    if (batch !== undefined) this.#keep(crowd, batch);
    return batch;
  }

  fromMemory({ scope }: Crowd, from: Revision, head: Revision): Batch | undefined {
    const { history } = this.#options;
    if (!history.covers(from)) return undefined;
    const commits: Commit[] = [];
    for (const commit of history.since(from)) {
      if (commit.revision > head) break;
      if (!concerns(scope, commit)) continue;
      if (commits.push(commit) === COMMITS_MAX) return { from, to: commit.revision, commits };
    }
    return { from, to: head, commits };
  }

  #fromPage({ scope }: Crowd, from: Revision): Batch | undefined {
    if (this.#page?.after !== from) return undefined;
    const { commits } = this.#page;
    // An empty page means that the store ends before memory begins: nothing lies between.
    const to = commits.at(-1)?.revision ?? Math.max(from, this.#options.history.floor);
    return { from, to, commits: commits.filter((commit) => concerns(scope, commit)) };
  }

  #keep(crowd: Crowd, batch: Batch): void {
    this.#kept.delete(crowd);
    this.#kept.set(crowd, batch);
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) return;
      this.#kept.delete(oldest);
    }
  }

  /** Reads the store for the cursor, unless a read is under way. */
  read(cursor: Cursor): void {
    this.#waiting.push(cursor);
    if (this.#isReading) return;
    this.#isReading = true;
    const { older, onRead, onFailure } = this.#options;
    const after = cursor.at;
    const end = (): Cursor[] => {
      this.#isReading = false;
      return this.#waiting.splice(0);
    };
    older.history(after, COMMITS_MAX).then(
      (commits) => {
        this.#page = { after, commits };
        onRead(end());
      },
      (error: unknown) => onFailure(end(), error),
    );
  }

  /** Drops what is kept for cursors at the same position. */
  clear(): void {
    this.#kept.clear();
    if (!this.#isReading) this.#page = undefined;
  }
}
