/**
 * @live Leases whose holder is gone without a word: each lapses unless it is heard within the time that was said for it. They
 * are silent meanwhile, so that the first of many that end together is judged beside all of them.
 */
import type { LeaseState } from "../catalog/lease.ts";
import type { Account } from "../types.ts";
import type { Clock } from "./policy.ts";
import type { Lapsed, LeaseWheel } from "./wheel.ts";

/** Those whose time is over within so long of each other are judged at once. */
const GRAIN_MS = 10;
/** A timer that is later was kept from its work, as were signs of life that wait in sockets: these leases have their time again. */
const LATE_MS_MAX = 20;
/** Other nodes are told soon enough to judge theirs with it: less than the least linger. */
const TELL_MS = 25;

export interface LingeringOptions {
  readonly clock: Clock;
  readonly wheel: LeaseWheel;
  wait(ms: number, run: () => void): void;
  /** Tells other nodes who is silent here. */
  tell(): void;
  lapse(lapsed: readonly Lapsed[]): void;
}

interface Linger {
  readonly account: Account;
  readonly lingerMs: number;
  /** Monotonic ms. */
  readonly dueMs: number;
}

export class Lingering {
  readonly #options: LingeringOptions;
  readonly #lingers = new Map<LeaseState, Linger>();
  readonly #due = new Map<number, LeaseState[]>();
  #isTelling = false;

  constructor(options: LingeringOptions) {
    this.#options = options;
  }

  /** One that has a slot, and is marked as gone there. */
  add(account: Account, state: LeaseState, lingerMs: number): void {
    const nowMs = this.#options.clock.monotonic();
    const dueMs = Math.ceil((nowMs + lingerMs) / GRAIN_MS) * GRAIN_MS;
    this.#lingers.set(state, { account, lingerMs, dueMs });
    const due = this.#due.get(dueMs);
    if (due !== undefined) due.push(state);
    else {
      this.#due.set(dueMs, [state]);
      this.#options.wait(dueMs - nowMs, () => this.#end(dueMs));
    }
    this.#tellSoon();
  }

  /** Until it lapses; Infinity for one that does not linger. */
  leftMs(state: LeaseState): number {
    const linger = this.#lingers.get(state);
    if (linger === undefined || state.slot < 0 || !this.#options.wheel.isGone(state.slot))
      return Number.POSITIVE_INFINITY;
    return Math.max(0, linger.dueMs - this.#options.clock.monotonic());
  }

  #tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    this.#options.wait(TELL_MS, () => {
      this.#isTelling = false;
      this.#options.tell();
    });
  }

  #end(dueMs: number): void {
    const { clock, wheel, lapse } = this.#options;
    const isLate = clock.monotonic() - dueMs > LATE_MS_MAX;
    const states = this.#due.get(dueMs) ?? [];
    this.#due.delete(dueMs);
    const lapsed: Lapsed[] = [];
    for (const state of new Set(states)) {
      const linger = this.#lingers.get(state);
      // It was heard, and is gone again: its time counts from then.
      if (linger?.dueMs !== dueMs) continue;
      this.#lingers.delete(state);
      const { slot, record } = state;
      // Heard meanwhile, ended, another node's, or held.
      if (slot < 0 || !wheel.isGone(slot) || record.held !== null) continue;
      const { account, lingerMs } = linger;
      if (isLate) this.add(account, state, lingerMs);
      else lapsed.push({ slot, account, lease: record.id, lateMs: 0 });
    }
    if (lapsed.length > 0) lapse(lapsed);
  }
}
