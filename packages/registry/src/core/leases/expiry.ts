/** @live Keeps lease time in step with the catalog, and proposes the end of leases that lapse. */
import type { Outcome } from "../../outcome.ts";
import type { Catalog, LeaseState } from "../catalog/state.ts";
import type { Command, Receipt } from "../command.ts";
import type { Pulse } from "../registry.ts";
import type { Account, Change, Commit, LeaseId, Silence } from "../types.ts";
import type { Census, Clock, ExpiryPolicy } from "./policy.ts";
import { type Lapsed, LeaseWheel } from "./wheel.ts";

/** An end that could not be stored is tried again after this time. */
const RETRY_MS = 1000;

export interface ExpiryOptions {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly policy: ExpiryPolicy;
  propose(account: Account, command: Command): Promise<Outcome<Receipt>>;
  onExpired?(count: number): void;
}

/** Nothing expires except by the commands that this proposes. */
export class Expiry {
  readonly wheel: LeaseWheel;
  readonly #options: ExpiryOptions;
  readonly #held = new Map<Account, number>();
  /** Held leases that renewed, until their release is committed. */
  readonly #releasing = new Set<LeaseState>();

  constructor(options: ExpiryOptions) {
    this.#options = options;
    this.wheel = new LeaseWheel(options.clock.monotonic());
  }

  /** After a restart every lease starts with a full ttl; one that is held, with what is left of its hold if that is more. */
  start(): void {
    for (const account of this.#options.catalog.accountStates.values()) {
      for (const state of account.leaseStates.values()) {
        state.slot = this.wheel.add(account.name, state.record.id, state.record.ttlMs, this.wheel.now);
        const { held } = state.record;
        if (held === null) continue;
        this.#countHeld(account.name, 1);
        const left = held.sinceMs + this.#options.policy.holdMs - this.#options.clock.now();
        this.wheel.giveAgain(state.slot, Math.max(left, state.record.ttlMs));
      }
    }
  }

  /** To be called before a commit is applied: frees the slots of leases that end. */
  before(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.kind !== "lease" || change.after !== null || change.before === null) continue;
      const state = this.#options.catalog.leaseState(commit.account, change.before.id);
      if (state === undefined || state.slot < 0) continue;
      this.wheel.remove(state.slot);
      state.slot = -1;
      this.#releasing.delete(state);
      if (state.record.held !== null) this.#countHeld(commit.account, -1);
    }
  }

  /** To be called after a commit was applied: gives slots to new leases, and sets the time of changed ones. */
  after(commit: Commit): void {
    for (const change of commit.changes)
      if (change.kind === "lease" && change.after !== null) this.#track(commit, change);
  }

  #track(commit: Commit, change: Extract<Change, { kind: "lease" }>): void {
    const state = this.#options.catalog.leaseState(commit.account, change.after?.id ?? "");
    if (state === undefined) return;
    if (state.slot < 0) {
      state.slot = this.wheel.add(commit.account, state.record.id, state.record.ttlMs, this.at());
      return;
    }
    const wasHeld = change.before?.held != null;
    const isHeld = state.record.held !== null;
    if (wasHeld !== isHeld) this.#countHeld(commit.account, isHeld ? 1 : -1);
    if (isHeld && !wasHeld) this.wheel.giveAgain(state.slot, this.#options.policy.holdMs);
    if (!isHeld) this.#releasing.delete(state);
    if (state.record.ttlMs !== this.wheel.ttlMs(state.slot)) this.wheel.setTtl(state.slot, state.record.ttlMs);
    if (!isHeld && wasHeld) this.wheel.postpone(state.slot, state.record.ttlMs);
  }

  /** Lease time now. */
  at(): number {
    return this.wheel.at(this.#options.clock.monotonic());
  }

  /** A heartbeat: the ttl in ms, 0 when there is no such lease. */
  beat(account: Account, lease: LeaseId, at: number): number {
    const state = this.#options.catalog.leaseState(account, lease);
    if (state === undefined || state.slot < 0) return 0;
    const ttlMs = this.wheel.beat(state.slot, at);
    if (state.record.held !== null) this.#release(account, state);
    return ttlMs;
  }

  #release(account: Account, state: LeaseState): void {
    if (this.#releasing.has(state)) return;
    this.#releasing.add(state);
    void this.#options.propose(account, { kind: "release", leases: [state.record.id] }).then((outcome) => {
      if (!outcome.ok) this.#releasing.delete(state);
    });
  }

  pulse(account: Account, lease: LeaseId): Pulse | undefined {
    const state = this.#options.catalog.leaseState(account, lease);
    if (state === undefined || state.slot < 0) return undefined;
    const { wheel } = this;
    const nowMs = this.#options.clock.now();
    const at = this.at();
    const beats = wheel.beats(state.slot);
    return {
      beats,
      lastBeatMs: beats === 0 ? 0 : Math.round(nowMs - wheel.silenceMs(state.slot, at)),
      intervalMs: beats < 2 ? 0 : Math.round(wheel.intervalMs(state.slot)),
      deadlineMs: Math.round(nowMs + wheel.remainingMs(state.slot, at)),
    };
  }

  /** Moves lease time on, and proposes the end or the hold of what lapsed. To be called about every `TICK_MS`. */
  tick(): void {
    const { clock, catalog } = this.#options;
    const lapsed = this.wheel.advance(clock.monotonic());
    if (lapsed.length === 0) return;
    const byAccount = new Map<Account, Lapsed[]>();
    for (const one of lapsed) {
      const list = byAccount.get(one.account);
      if (list === undefined) byAccount.set(one.account, [one]);
      else list.push(one);
      // Not to be given again until its end is committed; if that fails, it is tried again then.
      this.wheel.giveAgain(one.slot, RETRY_MS);
    }
    const silent = this.wheel.census(new Set(byAccount.keys()), this.#options.policy.windowMs);
    const nowMs = clock.now();
    for (const [account, list] of byAccount)
      this.#settle(account, list, silent.get(account) ?? 0, catalog.counts(account).leases, nowMs);
  }

  #settle(account: Account, lapsed: readonly Lapsed[], silent: number, live: number, nowMs: number): void {
    const fresh: Lapsed[] = [];
    for (const one of lapsed) {
      const state = this.#options.catalog.leaseState(account, one.lease);
      // A lease whose hold is over ends now.
      if (state?.record.held != null) this.#end(account, one, state, nowMs);
      else if (state !== undefined) fresh.push(one);
    }
    if (fresh.length === 0) return;
    const census: Census = {
      lapsed: fresh.map((one) => one.lease),
      silent,
      held: this.#held.get(account) ?? 0,
      live,
      isLive: (lease) => this.#options.catalog.leaseState(account, lease) !== undefined,
    };
    const reason = this.#options.policy.judge(account, census, nowMs);
    if (reason !== null) {
      void this.#options.propose(account, { kind: "hold", leases: census.lapsed, reason });
      return;
    }
    for (const one of fresh) {
      const state = this.#options.catalog.leaseState(account, one.lease);
      if (state !== undefined) this.#end(account, one, state, nowMs);
    }
  }

  #end(account: Account, lapsed: Lapsed, state: LeaseState, nowMs: number): void {
    const beats = this.wheel.beats(lapsed.slot);
    const silence: Silence = {
      deadlineMs: Math.round(nowMs - lapsed.lateMs),
      lastBeatMs: beats === 0 ? 0 : Math.round(nowMs - this.wheel.silenceMs(lapsed.slot, this.wheel.now)),
      beats,
    };
    const command: Command = {
      kind: "end",
      lease: lapsed.lease,
      cause: "expired",
      silence,
      createRevision: state.record.createRevision,
    };
    void this.#options.propose(account, command).then((outcome) => {
      if (outcome.ok) this.#options.onExpired?.(1);
    });
  }

  #countHeld(account: Account, delta: number): void {
    this.#held.set(account, (this.#held.get(account) ?? 0) + delta);
  }

  heldLeases(): number {
    let sum = 0;
    for (const count of this.#held.values()) sum += count;
    return sum;
  }
}
