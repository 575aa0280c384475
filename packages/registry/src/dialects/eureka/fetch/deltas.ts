/** Follows the registry for /apps/delta. It begins with the history, so that clients miss nothing by a restart. */
import type { Logger } from "pino";
import type { Account, Clock, Commit, Revision, Watch } from "../../../core/index.ts";
import type { Source } from "./application.ts";
import { Window } from "./window.ts";

/** Changed instances that are kept for one account. A delta of more would be longer than the registry. */
const CHANGED_MAX = 16_384;
/** And for all accounts. */
const CHANGED_TOTAL_MAX = 8 * CHANGED_MAX;
const PURGE_MS = 10_000;
/** Revisions that are read at the start, at most: it must not take long after a storm of changes. */
const REVISIONS_READ = 100_000;
const BATCH = 512;

export interface DeltaParts extends Source {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deltaMs: number;
}

export class Deltas {
  readonly #parts: DeltaParts;
  readonly #windows = new Map<Account, Window>();
  #watch: Watch | undefined;
  #closed = false;
  /** Entries in all windows, or a few more: those that answers have purged still count. */
  #total = 0;
  #purgedAtMs = 0;
  /** All windows look at it: what was missed is missing in those that are there already, too. */
  readonly #gap = { untilMs: 0 };

  private constructor(parts: DeltaParts) {
    this.#parts = parts;
  }

  static async open(parts: DeltaParts): Promise<Deltas> {
    const deltas = new Deltas(parts);
    await deltas.#open();
    return deltas;
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  of(account: Account): Window {
    let window = this.#windows.get(account);
    if (window === undefined) {
      window = new Window(this.#parts, account, this.#parts.deltaMs, CHANGED_MAX, this.#gap);
      this.#windows.set(account, window);
    }
    return window;
  }

  /** Reads what history holds of the last minutes, and follows from there. `wasLost`: commits were missed before. */
  async #open(wasLost = false): Promise<void> {
    const { registry } = this.#parts;
    const { after, untilMs } = await this.#read(wasLost);
    if (this.#closed) return;
    this.#gap.untilMs = untilMs;
    const watch = registry.follow({ anyService: true }, after, {
      deliver: (commit) => {
        this.#learn(commit);
        return true;
      },
      lost: () => this.#reopen(),
    });
    if (watch.ok) this.#watch = watch.value;
    else this.#reopen();
  }

  /** Until it is known what was missed, no delta is whole. */
  #reopen(): void {
    this.#gap.untilMs = Number.POSITIVE_INFINITY;
    this.#open(true).catch((error: unknown) => {
      if (!this.#closed) this.#parts.log.error({ err: error }, "deltas cannot be followed any more");
    });
  }

  /** Up to which revision is read now, and until when changes are missing. */
  async #read(wasLost: boolean): Promise<{ readonly after: Revision; readonly untilMs: number }> {
    const { registry, clock, deltaMs } = this.#parts;
    const wanted = Math.max(await registry.revisionAt(clock.now() - deltaMs), registry.floor);
    let after = Math.max(wanted, registry.read((view) => view.revision) - REVISIONS_READ);
    // Where history begins later than the window, that and no more is missing which was lost on the way.
    let isWhole = after === wanted && !(wasLost && wanted === registry.floor);
    let untilMs = 0;
    for (;;) {
      const commits = await registry.history(after, BATCH);
      if (commits.ok) {
        const [first] = commits.value;
        // What is missing is older than the first that is not.
        if (!isWhole) untilMs = first?.atMs ?? clock.now();
        isWhole = true;
        if (first === undefined) return { after, untilMs };
        for (const commit of commits.value) after = this.#learn(commit);
      } else {
        isWhole = false;
        if (registry.floor <= after) return { after, untilMs: clock.now() };
        after = registry.floor;
      }
    }
  }

  #learn(commit: Commit): number {
    const window = this.of(commit.account);
    const before = window.size;
    window.learn(commit);
    this.#total += window.size - before;
    if (this.#total > CHANGED_TOTAL_MAX) this.#trim(window, commit.atMs);
    return commit.revision;
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
