/** @live A replicator without a store: for tests, and for embedding the registry in another program. */
import { randomUUID } from "node:crypto";
import {
  type Account,
  type Bytes,
  type Clock,
  type Command,
  type Commit,
  type FirstChange,
  type FirstChanges,
  type InstanceKey,
  isInRange,
  type KeyRange,
  leaverOf,
  type Outcome,
  ok,
  type Receipt,
  type Replicator,
  type Revision,
  type Rules,
  Sequencer,
  type Sink,
  sizeOfCommit,
  subjectOf,
} from "../../core/index.ts";

export interface MemoryOptions {
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  /** Commits kept; 100 000 when left out. */
  readonly commitsMax?: number;
  onGroup?(commits: number, ms: number): void;
}

const COMMITS_MAX = 100_000;

class MemoryReplicator implements Replicator {
  readonly name = "memory";
  readonly order = "total";
  readonly line = randomUUID();
  floor: Revision = 0;
  readonly #options: MemoryOptions;
  #commits: Commit[] = [];
  /** In the order of revisions. */
  readonly #gone = new Map<string, Revision>();
  #sequencer: Sequencer | null = null;

  constructor(options: MemoryOptions) {
    this.#options = options;
  }

  async open(sink: Sink): Promise<void> {
    const { clock, rules, origin, onGroup } = this.#options;
    this.#sequencer = new Sequencer({
      sink,
      clock,
      rules,
      origin,
      last: { revision: 0, orderMs: 0, nth: 0 },
      append: (commits, settle) => {
        this.#append(commits);
        queueMicrotask(settle.delivered);
      },
      explain: String,
      ...(onGroup === undefined ? {} : { onGroup }),
    });
  }

  #append(commits: readonly Commit[]): void {
    this.#commits.push(...commits);
    for (const commit of commits) this.#noteGone(commit);
    const over = this.#commits.length - (this.#options.commitsMax ?? COMMITS_MAX);
    // In steps, so that trimming costs little at each commit.
    if (over > 1024) this.#forget(over);
  }

  #noteGone({ account, revision, changes }: Commit): void {
    for (const change of changes) {
      const leaver = change.kind === "instance" ? leaverOf(change) : null;
      if (leaver === null) continue;
      const name = nameOf(account, leaver);
      this.#gone.delete(name);
      this.#gone.set(name, revision);
    }
  }

  #forget(count: number): void {
    const last = this.#commits[count - 1];
    this.#commits = this.#commits.slice(count);
    if (last !== undefined) this.floor = last.revision;
    for (const [name, revision] of this.#gone) {
      if (revision > this.floor) break;
      this.#gone.delete(name);
    }
  }

  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>> {
    if (this.#sequencer === null) throw new Error("propose before open");
    return this.#sequencer.propose(account, command, signal);
  }

  async history(after: Revision, limit: number, bytesMax = Number.POSITIVE_INFINITY): Promise<readonly Commit[]> {
    const from = this.#commits.findIndex((commit) => commit.revision > after);
    if (from === -1) return [];
    let to = from;
    for (let bytes = 0; to < this.#commits.length && to < from + limit && bytes <= bytesMax; to++)
      bytes += sizeOfCommit(this.#commits[to] as Commit);
    return this.#commits.slice(from, to);
  }

  async goneAt(account: Account, instance: InstanceKey): Promise<Revision> {
    const revision = this.#gone.get(nameOf(account, instance)) ?? 0;
    return revision > this.floor ? revision : 0;
  }

  async firstChanges(
    account: Account,
    range: KeyRange,
    after: Revision,
    to: Revision,
    turn: () => Promise<void>,
  ): Promise<Outcome<FirstChanges>> {
    await turn();
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

  async revisionAt(orderMs: number): Promise<Revision> {
    return this.#commits.findLast((commit) => commit.orderMs < orderMs)?.revision ?? this.floor;
  }

  async compact(revision: Revision): Promise<Outcome<Revision>> {
    const kept = this.#commits.findIndex((commit) => commit.revision > revision);
    this.#forget(kept === -1 ? this.#commits.length : kept);
    this.floor = revision;
    return ok(revision);
  }

  async close(): Promise<void> {
    await this.#sequencer?.close();
  }
}

function nameOf(account: Account, { service, id }: InstanceKey): string {
  return `${account}\0${service}\0${id}`;
}

export function createMemory(options: MemoryOptions): Replicator {
  return new MemoryReplicator(options);
}
