/** The commits that cursors are handed: from memory, or from the store when memory no longer holds them. */
import { LIMITS } from "../limits.ts";
import type { Commit, Revision } from "../types.ts";
import type { Crowd, Cursor } from "./crowd.ts";
import type { History } from "./history.ts";
import { concerns } from "./scope.ts";

/** Commits that memory no longer holds. */
export interface OlderHistory {
  readonly floor: Revision;
  history(after: Revision, limit: number, bytesMax?: number): Promise<readonly Commit[]>;
}

/** The commits of a crowd's scope after `from`, up to `to`. */
export interface Batch {
  readonly crowd: Crowd;
  readonly from: Revision;
  readonly to: Revision;
  readonly commits: readonly Commit[];
}

const COMMITS_MAX = 512;
/** The number of batches that are kept. */
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
  /** The last batches, newest first: all cursors of a crowd at the same position get the same array. */
  readonly #kept: Batch[] = [];
  /** Cursors that wait for a page of the store. One page is read at a time, for all cursors at its position. */
  #waiting: Cursor[] = [];
  #page: { readonly after: Revision; readonly commits: readonly Commit[] } | undefined;
  #isReading = false;

  constructor(options: BatchesOptions) {
    this.#options = options;
  }

  /** The next commits for the cursor; undefined when the store has to be read first: see `read`. */
  next({ crowd, at }: Cursor): Batch | undefined {
    const known = this.#kept.find((batch) => batch.crowd === crowd && batch.from === at);
    if (known !== undefined) return known;
    const batch = this.fromMemory(crowd, at, crowd.clean) ?? this.#fromPage(crowd, at);
    if (batch !== undefined && this.#kept.unshift(batch) > KEPT_MAX) this.#kept.pop();
    return batch;
  }

  fromMemory(crowd: Crowd, from: Revision, head: Revision): Batch | undefined {
    const { history } = this.#options;
    if (!history.covers(from)) return undefined;
    const commits: Commit[] = [];
    for (const commit of history.since(from)) {
      if (commit.revision > head) break;
      if (!concerns(crowd.scope, commit)) continue;
      if (commits.push(commit) === COMMITS_MAX) return { crowd, from, to: commit.revision, commits };
    }
    return { crowd, from, to: head, commits };
  }

  #fromPage(crowd: Crowd, from: Revision): Batch | undefined {
    if (this.#page?.after !== from) return undefined;
    const { commits } = this.#page;
    // An empty page means that the store ends before memory begins: nothing lies between.
    const to = commits.at(-1)?.revision ?? Math.max(from, this.#options.history.floor);
    return { crowd, from, to, commits: commits.filter((commit) => concerns(crowd.scope, commit)) };
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
    older.history(after, COMMITS_MAX, LIMITS.historyBytesMax).then(
      (commits) => {
        this.#page = { after, commits };
        onRead(end());
      },
      (error: unknown) => onFailure(end(), error),
    );
  }

  /** Drops what is kept for cursors at the same position. */
  clear(): void {
    this.#kept.length = 0;
    if (!this.#isReading) this.#page = undefined;
  }
}
