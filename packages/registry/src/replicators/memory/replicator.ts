/** @live A replicator without a store: for tests, and for embedding the registry in another program. */
import { randomUUID } from "node:crypto";
import {
  type Account,
  type Clock,
  type Command,
  type Commit,
  type FirstChanges,
  type InstanceKey,
  type KeyRange,
  type Outcome,
  ok,
  type Receipt,
  RecentCommits,
  type Replicator,
  type Revision,
  type Rules,
  Sequencer,
  type Sink,
} from "../../core/index.ts";

export interface MemoryOptions {
  readonly clock: Clock;
  readonly rules: Rules;
  readonly origin: string;
  /** Commits kept; 100 000 when left out. */
  readonly commitsMax?: number;
  onGroup?(commits: number, ms: number): void;
}

class MemoryReplicator implements Replicator {
  readonly name = "memory";
  readonly order = "total";
  readonly line = randomUUID();
  readonly #options: MemoryOptions;
  readonly #recent: RecentCommits;
  #sequencer: Sequencer | null = null;

  constructor(options: MemoryOptions) {
    this.#options = options;
    this.#recent = new RecentCommits(0, options.commitsMax);
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
        this.#recent.append(commits);
        queueMicrotask(settle.delivered);
      },
      explain: String,
      ...(onGroup === undefined ? {} : { onGroup }),
    });
  }

  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>> {
    if (this.#sequencer === null) throw new Error("propose before open");
    return this.#sequencer.propose(account, command, signal);
  }

  get floor(): Revision {
    return this.#recent.floor;
  }

  async history(after: Revision, limit: number, bytesMax?: number): Promise<readonly Commit[]> {
    return this.#recent.history(after, limit, bytesMax);
  }

  async goneAt(account: Account, instance: InstanceKey): Promise<Revision> {
    return this.#recent.goneAt(account, instance);
  }

  async firstChanges(
    account: Account,
    range: KeyRange,
    after: Revision,
    to: Revision,
    turn: () => Promise<void>,
  ): Promise<Outcome<FirstChanges>> {
    await turn();
    return this.#recent.firstChanges(account, range, after, to);
  }

  async revisionAt(orderMs: number): Promise<Revision> {
    return this.#recent.revisionAt(orderMs);
  }

  async compact(revision: Revision): Promise<Outcome<Revision>> {
    this.#recent.compact(revision);
    return ok(revision);
  }

  async close(): Promise<void> {
    await this.#sequencer?.close();
  }
}

export function createMemory(options: MemoryOptions): Replicator {
  return new MemoryReplicator(options);
}
