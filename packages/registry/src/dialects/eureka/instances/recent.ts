/** @live What came and went last, for /lastn: rings over the commits, filled from the history at the start. */
import { type Account, type Commit, type Following, keepUp, type Registry, subjectOf } from "../../../core/index.ts";

export interface Happening {
  readonly atMs: number;
  readonly app: string;
  readonly id: string;
  /** Why, in the registry's words. */
  readonly cause: string;
}

/** Kept of all accounts together. */
const KEPT_MAX = 20_000;
/** Shown of one. */
const SHOWN_MAX = 1000;
/** So many revisions are read at the start. */
const REVISIONS_READ = 10_000;

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
  readonly #registered = new Ring();
  readonly #cancelled = new Ring();
  readonly #following: Following;
  /** Commits up to here were taken. */
  #taken = 0;

  private constructor(registry: Registry, ready: () => void) {
    this.#following = keepUp(
      registry,
      { anyService: true },
      {
        // There is no state to read: only what happened counts.
        read: () => undefined,
        after: ({ revision }) => Math.max(this.#taken, registry.floor, revision - REVISIONS_READ),
        take: (commit) => this.#take(commit),
        caughtUp: ready,
      },
    );
  }

  /** Ready when it resolves. */
  static open(registry: Registry): Promise<Recent> {
    return new Promise((resolve) => {
      const recent = new Recent(registry, () => resolve(recent));
    });
  }

  close(): void {
    this.#following.close();
  }

  registered(account: Account): readonly Happening[] {
    return this.#registered.latest(account);
  }

  cancelled(account: Account): readonly Happening[] {
    return this.#cancelled.latest(account);
  }

  #take(commit: Commit): void {
    const { account, atMs, changes } = commit;
    this.#taken = commit.revision;
    for (const change of changes) {
      if (change.kind !== "instance") continue;
      const { cause, before, after } = change;
      const { service, id } = subjectOf(change);
      const one: Kept = { account, atMs, app: service.toUpperCase(), id, cause };
      if (after === null) this.#cancelled.add(one);
      else if (before === null || cause === "updated") this.#registered.add(one);
    }
  }
}
