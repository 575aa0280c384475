/** @live Follows the registry for /apps/delta. It begins with the history, so that clients miss nothing by a restart. */
import { type Account, type Clock, type Commit, type Following, keepUp, type Revision } from "../../../core/index.ts";
import type { Source } from "./application.ts";
import { Window } from "./window.ts";

/** Changed instances that are kept for one account: with more, clients had better fetch everything. */
const CHANGED_MAX = 16_384;
/** And for all accounts. */
const CHANGED_TOTAL_MAX = 8 * CHANGED_MAX;
const PURGE_MS = 10_000;
/** Revisions that are read at the start, at most: it must not take long after a storm of changes. */
const REVISIONS_READ = 100_000;

export interface DeltaParts extends Source {
  readonly clock: Clock;
  readonly deltaMs: number;
}

export class Deltas {
  readonly #parts: DeltaParts;
  readonly #following: Following;
  readonly #windows = new Map<Account, Window>();
  /** Changed instances in all windows, or a few more: those that answers have purged still count. */
  #total = 0;
  #purgedAtMs = Number.NEGATIVE_INFINITY;
  /** Commits up to here were taken, or are too old. */
  #taken: Revision;
  /** False while commits are missing before the next one that is taken. */
  #isWhole = true;
  #missedUntilMs = Number.NEGATIVE_INFINITY;
  /** All windows look at it: what was missed is missing in those that are there already, too. */
  readonly #gap = { untilMs: Number.NEGATIVE_INFINITY };
  /** When the latest commit was made, in monotonic ms. */
  #atMs = Number.NEGATIVE_INFINITY;

  private constructor(parts: DeltaParts, taken: Revision, ready: () => void) {
    this.#parts = parts;
    this.#taken = taken;
    this.#following = keepUp(
      parts.registry,
      { anyService: true },
      {
        // Until it is known what was missed, no delta is whole.
        read: () => {
          this.#gap.untilMs = Number.POSITIVE_INFINITY;
        },
        after: (view) => this.#begin(view.revision),
        take: (commit) => this.#take(commit),
        caughtUp: () => {
          if (!this.#isWhole) this.#endGap(parts.clock.monotonic());
          this.#gap.untilMs = this.#missedUntilMs;
          ready();
        },
      },
    );
  }

  /** Ready when it resolves. */
  static async open(parts: DeltaParts): Promise<Deltas> {
    const { registry, clock, deltaMs } = parts;
    const latest = await registry.history(registry.read((view) => view.revision) - 1, 1);
    // The clock may be ahead now, or have been ahead.
    const lastMs = (latest.ok && latest.value[0]?.orderMs) || 0;
    const since = await registry.revisionAt(Math.min(clock.now(), lastMs) - deltaMs);
    return new Promise((resolve) => {
      const deltas = new Deltas(parts, Math.max(since, registry.floor), () => resolve(deltas));
    });
  }

  close(): void {
    this.#following.close();
  }

  of(account: Account): Window {
    let window = this.#windows.get(account);
    if (window === undefined) {
      window = new Window(this.#parts, account, this.#parts.deltaMs, CHANGED_MAX, this.#gap);
      this.#windows.set(account, window);
    }
    return window;
  }

  /** Goes on after what was taken, or after what is gone or too much to read. */
  #begin(head: Revision): Revision {
    const after = Math.max(this.#taken, this.#parts.registry.floor, head - REVISIONS_READ);
    this.#isWhole &&= after === this.#taken;
    return after;
  }

  #endGap(atMs: number): void {
    this.#missedUntilMs = atMs;
    this.#isWhole = true;
  }

  #take(commit: Commit): void {
    this.#taken = commit.revision;
    const { clock, deltaMs } = this.#parts;
    const agoMs = Math.min(Math.max(0, clock.now() - commit.atMs), deltaMs);
    this.#atMs = Math.max(this.#atMs, clock.monotonic() - agoMs);
    // What is missing is older than the first that is not.
    if (!this.#isWhole) this.#endGap(this.#atMs);
    const window = this.of(commit.account);
    const before = window.size;
    window.learn(commit, this.#atMs);
    this.#total += window.size - before;
    if (this.#total > CHANGED_TOTAL_MAX) this.#trim(window, this.#atMs);
  }

  /** What is too old goes, in all accounts; when that is not enough, the account that changes the most gives way. */
  #trim(window: Window, nowMs: number): void {
    if (nowMs >= this.#purgedAtMs + PURGE_MS) {
      this.#purgedAtMs = nowMs;
      this.#total = 0;
      for (const [account, other] of this.#windows) {
        other.purge(nowMs);
        this.#total += other.size;
        if (other.size === 0 && other !== window) this.#windows.delete(account);
      }
    }
    for (; this.#total > CHANGED_TOTAL_MAX && window.size > 0; this.#total--) window.dropOldest();
  }
}
