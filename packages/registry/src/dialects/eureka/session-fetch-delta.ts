/** Follows the registry for the answers to /apps/delta. Begins with the history, so a restart takes nothing from clients. */
import type { Logger } from "pino";
import type { Account, Clock, Commit, Watch } from "../../core/index.ts";
import type { Source } from "./session-fetch-application.ts";
import { Window } from "./session-fetch-window.ts";

/** Changed instances that are kept for one account. A delta of more would be longer than the registry. */
const ENTRIES_MAX = 16_384;
/** And for all accounts. */
const ENTRIES_TOTAL_MAX = 8 * ENTRIES_MAX;
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
  /** Before this the start has read nothing. */
  #unreadUntilMs = 0;

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
      window = new Window(this.#parts, account, this.#parts.deltaMs, ENTRIES_MAX, this.#unreadUntilMs);
      this.#windows.set(account, window);
    }
    return window;
  }

  /** Reads what history holds of the last minutes, and follows from there. */
  async #open(): Promise<void> {
    const { registry, clock, deltaMs } = this.#parts;
    const wanted = Math.max(await registry.revisionAt(clock.now() - deltaMs), registry.floor);
    let after = Math.max(wanted, registry.read((view) => view.revision) - REVISIONS_READ);
    let isWhole = after === wanted;
    for (;;) {
      const commits = await registry.history(after, BATCH);
      if (commits.ok && !isWhole) this.#unreadUntilMs = commits.value[0]?.atMs ?? 0;
      isWhole = true;
      if (!commits.ok) {
        // Gone meanwhile: clients find out by the hash.
        if (registry.floor <= after) break;
        after = registry.floor;
      } else if (commits.value.length === 0) break;
      else for (const commit of commits.value) after = this.#learn(commit);
    }
    if (this.#closed) return;
    const watch = registry.follow({ anyService: true }, after, {
      deliver: (commit) => {
        this.#learn(commit);
        return true;
      },
      lost: () => void this.#open().catch((error: unknown) => this.#fail(error)),
    });
    if (watch.ok) this.#watch = watch.value;
  }

  #fail(error: unknown): void {
    if (!this.#closed) this.#parts.log.error({ err: error }, "deltas cannot be followed any more");
  }

  #learn(commit: Commit): number {
    const window = this.of(commit.account);
    const before = window.size;
    window.learn(commit);
    this.#total += window.size - before;
    if (this.#total > ENTRIES_TOTAL_MAX) this.#trim(window, commit.atMs);
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
    for (; this.#total > ENTRIES_TOTAL_MAX && window.size > 0; this.#total--) window.dropOldest();
  }
}
