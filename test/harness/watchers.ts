/** Watchers over a hub of their own, whose history, store, clock and pauses a test moves. */
import assert from "node:assert/strict";
import type { Change, Commit, Revision, Scope, Watch, Watcher } from "../../packages/registry/src/core/index.ts";
import { History } from "../../packages/registry/src/core/watch/history.ts";
import { WatchHub } from "../../packages/registry/src/core/watch/hub.ts";

function commitOf(revision: Revision, key = "k"): Commit {
  const record = { account: "a", key, value: "", lease: null, createRevision: 1, modRevision: revision, version: 1 };
  const after = { ...record, stampMs: 0, origin: "n" };
  const change = { kind: "key", cause: "put", before: null, after } as unknown as Change;
  return { revision, account: "a", atMs: 0, orderMs: 0, nth: 0, changes: [change] };
}

export interface Taker extends Watcher {
  readonly batches: (readonly Commit[])[];
  readonly revisions: Revision[];
  watch: Watch;
}

/** A hub over a history and a store, with a clock and pauses that the test moves. */
export class WatchRig {
  readonly stored: Commit[] = [];
  readonly history: History;
  readonly hub: WatchHub;
  readonly older = {
    floor: 0,
    reads: [] as Revision[],
    history: async (after: Revision, limit: number): Promise<readonly Commit[]> => {
      this.older.reads.push(after);
      return this.stored.filter(({ revision }) => revision > after).slice(0, limit);
    },
  };
  readonly pauses: { ms: number; run: () => void }[] = [];
  readonly bugs: unknown[] = [];
  /** The order in which watchers were handed commits. */
  readonly order: Taker[] = [];
  nowMs = 0;

  constructor(commitsMax = 1000) {
    this.history = new History(0, commitsMax, commitsMax);
    this.hub = new WatchHub({
      history: this.history,
      older: this.older,
      clock: { now: () => 0, monotonic: () => this.nowMs },
      wait: (ms, run) => this.pauses.push({ ms, run }),
      inTurn: setImmediate,
      onBug: (error) => this.bugs.push(error),
    });
  }

  /** Commits become visible together. */
  publish(count = 1, key?: string): void {
    const commits: Commit[] = [];
    for (let i = 0; i < count; i++) {
      const commit = commitOf(this.stored.length + 1, key);
      this.stored.push(commit);
      this.history.push(commit);
      commits.push(commit);
    }
    this.hub.publish(commits);
  }

  follow(more: Partial<Watcher> & { after?: Revision; scope?: Scope } = {}): Taker {
    const { after = this.hub.revision, scope = { account: "a" }, ...own } = more;
    const taker = {
      batches: [],
      revisions: [],
      deliver: (commits: readonly Commit[]) => {
        this.order.push(taker);
        taker.batches.push(commits);
        taker.revisions.push(...commits.map(({ revision }) => revision));
        return commits.length;
      },
      lost: () => assert.fail("lost"),
      ...own,
    } as unknown as Taker;
    const watch = this.hub.follow(scope, after, taker);
    assert.ok(watch.ok);
    taker.watch = watch.value;
    return taker;
  }

  async followMany(count: number, more: Parameters<WatchRig["follow"]>[0] = {}): Promise<Taker[]> {
    const takers = Array.from({ length: count }, () => this.follow(more));
    await settle();
    return takers;
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export async function settle(): Promise<void> {
  for (let i = 0; i < 30; i++) await turn();
}

export const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
