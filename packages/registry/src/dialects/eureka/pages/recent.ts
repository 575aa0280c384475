/** What came and went last, for /lastn: rings over the commits, filled from the history at the start. */
import type { Account, Commit, Registry, Watch } from "../../../core/index.ts";
import type { Happening } from "./lastn.ts";

/** Kept of all accounts together. */
const KEPT_MAX = 20_000;
/** Shown of one. */
const SHOWN_MAX = 1000;
/** So many revisions are read at the start. */
const REVISIONS_READ = 10_000;
const BATCH = 512;

interface Kept extends Happening {
  readonly account: Account;
}

/** The latest of something, the oldest giving way. */
class Ring {
  readonly #kept: Kept[] = [];
  #next = 0;

  add(one: Kept): void {
    this.#kept[this.#next] = one;
    this.#next = (this.#next + 1) % KEPT_MAX;
  }

  /** The account's, newest first. */
  latest(account: Account): Happening[] {
    const found: Happening[] = [];
    const size = this.#kept.length;
    for (let back = 1; back <= size && found.length < SHOWN_MAX; back++) {
      const one = this.#kept[(this.#next - back + size) % size] as Kept;
      if (one.account === account) found.push(one);
    }
    return found;
  }
}

export class Recent {
  readonly #registry: Registry;
  readonly #registered = new Ring();
  readonly #cancelled = new Ring();
  #watch: Watch | undefined;
  #closed = false;

  private constructor(registry: Registry) {
    this.#registry = registry;
  }

  static async open(registry: Registry): Promise<Recent> {
    const recent = new Recent(registry);
    const head = registry.read((view) => view.revision);
    recent.#follow(await recent.#readBack(Math.max(registry.floor, head - REVISIONS_READ)));
    return recent;
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  registered(account: Account): readonly Happening[] {
    return this.#registered.latest(account);
  }

  cancelled(account: Account): readonly Happening[] {
    return this.#cancelled.latest(account);
  }

  async #readBack(from: number): Promise<number> {
    let after = from;
    for (;;) {
      const commits = await this.#registry.history(after, BATCH);
      if (!commits.ok || commits.value.length === 0) return after;
      for (const commit of commits.value) after = this.#learn(commit);
    }
  }

  #follow(after: number): void {
    if (this.#closed) return;
    const watch = this.#registry.follow({ anyService: true }, after, {
      deliver: (commit) => {
        this.#learn(commit);
        return true;
      },
      // What was missed is not worth another look.
      lost: (compacted) => this.#follow(compacted),
    });
    if (watch.ok) this.#watch = watch.value;
  }

  #learn(commit: Commit): number {
    const { account, atMs } = commit;
    for (const change of commit.changes) {
      if (change.kind !== "instance") continue;
      const { cause, before, after } = change;
      const record = after ?? before;
      if (record === null) continue;
      const one: Kept = { account, atMs, app: record.service.toUpperCase(), id: record.id, cause };
      if (after === null) this.#cancelled.add(one);
      else if (before === null || cause === "updated") this.#registered.add(one);
    }
    return commit.revision;
  }
}
