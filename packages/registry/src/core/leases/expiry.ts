/** @live Keeps lease time in step with the catalog, and proposes the end of leases that lapse. */
import type { Outcome } from "../../outcome.ts";
import type { LeaseState } from "../catalog/lease.ts";
import type { AccountState, Catalog } from "../catalog/state.ts";
import type { Command, Heard, Receipt } from "../command.ts";
import type { Pulse } from "../registry.ts";
import {
  type Account,
  type Change,
  type Commit,
  type InstanceRecord,
  isTimeless,
  type LeaseId,
  type LeaseRecord,
} from "../types.ts";
import { instancesOf, Surveyor } from "./census.ts";
import { Departures } from "./departures.ts";
import { Ends } from "./ends.ts";
import { HeldInstances, portionsOf } from "./held.ts";
import { type Hold, Judge, spanOf } from "./judge.ts";
import type { Keeping, Nodes } from "./keeping.ts";
import { Lingering } from "./lingering.ts";
import { Others } from "./others.ts";
import type { Clock, ExpiryPolicy } from "./policy.ts";
import { Reviews } from "./reviews.ts";
import { type Lapsed, LeaseWheel, TICK_MS } from "./wheel.ts";

/** How long to wait before an expiry that could not be stored is tried again. */
const RETRY_MS = 1000;
const SWEEP_TICKS = 60_000 / TICK_MS;
const TELL_TICKS = 1000 / TICK_MS;

/** Told of what people should know. */
export interface ExpiryListener {
  onExpired?(count: number): void;
  onHeld?(account: Account, hold: Hold): void;
  /** Once for each lease whose beats come so rarely that protection may notice a silence too late. */
  onRareBeats?(account: Account, instance: InstanceRecord, lease: LeaseRecord, intervalMs: number): void;
}

export interface ExpiryOptions extends ExpiryListener {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly policy: ExpiryPolicy;
  /** Asked when leases come and go, and whenever nodes do. */
  keeping(): Keeping | undefined;
  /** Who tell each other of those that fell silent. */
  nodes(): Nodes | undefined;
  propose(account: Account, command: Command): Promise<Outcome<Receipt>>;
  wait(ms: number, run: () => void): void;
}

/** Of a heartbeat: there is such a lease, but another node keeps it, or its end is under way. */
export const ELSEWHERE = -1;

/** Nothing expires except by the commands that this proposes. Only leases that this node keeps have a place in the wheel. */
export class Expiry {
  readonly wheel: LeaseWheel;
  readonly #options: ExpiryOptions;
  readonly #surveyor: Surveyor;
  readonly #departures: Departures;
  readonly #ends: Ends;
  readonly #heldInstances = new HeldInstances();
  #heldLeases = 0;
  /** Held leases that renewed, until their release is committed. */
  readonly #releasing = new Set<LeaseState>();
  readonly #reviews: Reviews;
  readonly #others: Others;
  readonly #lingering: Lingering;
  /** Other ttls that heartbeats came with, until they are committed. */
  readonly #promised = new WeakMap<LeaseState, number>();
  #ticks = 0;

  constructor(options: ExpiryOptions) {
    const { windowMs, holdMs } = options.policy;
    this.#options = options;
    this.wheel = new LeaseWheel(options.clock.monotonic());
    this.#ends = new Ends({ ...options, wheel: this.wheel });
    this.#departures = new Departures(Math.max(windowMs, holdMs));
    this.#surveyor = new Surveyor(this.wheel, this.#departures, (account, state) => this.#letGo(account.name, state));
    this.#reviews = new Reviews(options.catalog, this.#surveyor, windowMs);
    this.#others = new Others({ ...options, surveyor: this.#surveyor, windowMs });
    const tell = (): void => this.#others.tell(this.wheel.now);
    const lapse = (lapsed: readonly Lapsed[]): void => this.#lapse(lapsed);
    this.#lingering = new Lingering({ ...options, wheel: this.wheel, tell, lapse });
  }

  /** After a restart every lease starts with a full ttl; what was held has that much more. */
  start(): void {
    this.#others.listen(() => this.wheel.now);
    for (const account of this.#options.catalog.accountStates.values()) {
      for (const state of account.leaseStates.values()) {
        // It came by a commit of another node.
        if (state.slot >= 0 || state.isElsewhere) continue;
        if (state.record.held !== null) {
          this.#heldLeases++;
          for (const record of instancesOf(state)) this.#heldInstances.add(account.name, record);
        }
        if (this.#keeps(account.name, state)) this.#takeOver(account, state);
        else account.setElsewhere(state, true);
      }
    }
  }

  /**
   * Nodes came or went: takes over what this node keeps now, and lets go of what it does not. What is taken over counts as
   * silent until it is heard: whether it can be is what nobody knows then.
   */
  rekeep(): void {
    for (const account of this.#options.catalog.accountStates.values()) {
      for (const state of account.leaseStates.values()) {
        const keeps = this.#keeps(account.name, state);
        if (keeps === state.slot >= 0) continue;
        if (!keeps) this.#handOver(account, state);
        else if (this.#takeOver(account, state) && !isTimeless(state.record)) {
          account.setSilent(state, true);
          this.wheel.giveAgain(state.slot, state.record.ttlMs);
        }
      }
    }
  }

  #keeps(account: Account, state: LeaseState): boolean {
    return this.#options.keeping()?.keeps(account, state.record) ?? true;
  }

  /** A lease that was there before: it has a full ttl; one that is held (false) what it has left of that, if it is more. */
  #takeOver(account: AccountState, state: LeaseState): boolean {
    const { clock, policy } = this.#options;
    const { id, held, ttlMs } = state.record;
    account.setElsewhere(state, false);
    state.slot = this.wheel.add(account.name, id, ttlMs, this.at());
    this.wheel.settle(state.slot);
    if (held === null) return true;
    account.setSilent(state, true);
    const heldMs = clock.now() - held.sinceMs;
    // The clock may have been wrong when it was held, or may be now: a time that cannot be begins anew.
    const isPossible = heldMs >= 0 && heldMs <= policy.holdMs;
    this.wheel.giveAgain(state.slot, Math.max(policy.holdMs - (isPossible ? heldMs : 0), ttlMs));
    return false;
  }

  #handOver(account: AccountState, state: LeaseState): void {
    this.#leave(state);
    account.setSilent(state, false);
    account.setElsewhere(state, true);
    this.#surveyor.noteElsewhere(state, undefined);
  }

  /** Before a commit is applied: slots of leases that go. */
  before(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.kind !== "lease" || change.after !== null || change.before === null) continue;
      const state = this.#options.catalog.leaseState(commit.account, change.before.id);
      if (state === undefined) continue;
      if (state.record.held !== null) this.#heldLeases--;
      if (state.slot < 0) continue;
      if (change.cause === "expired" && !isTimeless(state.record)) this.#remember(commit.account, state);
      this.#leave(state);
    }
  }

  #leave(state: LeaseState): void {
    this.wheel.remove(state.slot);
    state.leave();
    this.#releasing.delete(state);
  }

  #remember(account: Account, state: LeaseState): void {
    const end = { silent: true, endedAt: this.wheel.now, wasHeld: state.record.held !== null };
    for (const instance of instancesOf(state)) {
      const departure = { ...this.#surveyor.lifeOf(instance, state), ...end };
      this.#departures.add(account, instance.service, instance.id, departure);
    }
  }

  /** After a commit was applied: slots of leases that came or changed. A registration is a sign of life, too. */
  after(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.kind === "lease" && change.after !== null) this.#follow(commit.account, change);
      else if (change.kind === "instance") this.#followInstance(commit.account, change);
    }
  }

  #follow(account: Account, change: Extract<Change, { kind: "lease" }>): void {
    const accountState = this.#options.catalog.account(account);
    const state = accountState?.leaseStates.get(change.after?.id ?? "");
    if (accountState === undefined || state === undefined) return;
    const wasHeld = change.before?.held != null;
    const isHeld = state.record.held !== null;
    this.#heldLeases += Number(isHeld) - Number(wasHeld);
    const keeps = this.#keeps(account, state);
    if (state.slot >= 0 && !keeps) return this.#handOver(accountState, state);
    if (state.slot < 0) {
      accountState.setElsewhere(state, !keeps);
      if (keeps) state.slot = this.wheel.add(account, state.record.id, state.record.ttlMs, this.at());
      return;
    }
    if (isHeld && !wasHeld) {
      // It may have been heard since this was proposed.
      if (state.silent) this.wheel.giveAgain(state.slot, this.#options.policy.holdMs);
      else this.#release(account, state);
    }
    const { ttlMs } = state.record;
    if (ttlMs !== this.wheel.ttlMs(state.slot))
      this.wheel.setTtl(state.slot, ttlMs, this.#promised.get(state) === ttlMs);
    this.#promised.delete(state);
    if (isHeld) return;
    this.#releasing.delete(state);
    if (!wasHeld) return;
    // It was let go by a registration, not by a heartbeat.
    if (state.silent) this.wheel.postpone(state.slot, state.record.ttlMs);
    accountState.setSilent(state, false);
  }

  #followInstance(account: Account, { before, after }: Extract<Change, { kind: "instance" }>): void {
    if (before !== null && before.held !== null) this.#heldInstances.remove(account, before);
    if (after === null) return;
    if (after.held !== null) this.#heldInstances.add(account, after);
    if (before === null) this.#welcome(account, after);
  }

  /** A new instance: one that ended and is back, or one that stands in for another. */
  #welcome(account: Account, newcomer: InstanceRecord): void {
    const { service, id, lease } = newcomer;
    const { catalog } = this.#options;
    const keeper = lease === null ? undefined : catalog.leaseState(account, lease);
    const slot = keeper === undefined || isTimeless(keeper.record) ? -1 : keeper.slot;
    if (this.#departures.takeBack(account, service, id)) {
      if (slot >= 0) this.wheel.settle(slot);
      return;
    }
    const held = this.#heldInstances.at(account, newcomer)?.lease;
    const state = held == null ? undefined : catalog.leaseState(account, held);
    // A lease that keeps others, too, is not let go for one of them.
    if (state !== undefined && state.slot >= 0 && state.keepsOne()) {
      if (slot >= 0) this.wheel.spend(slot);
      this.wheel.replace(state.slot);
      return this.#letGo(account, state);
    }
    if (keeper?.isElsewhere && keeper.record.createRevision === newcomer.createRevision)
      this.#surveyor.noteElsewhere(keeper, this.at());
    if (keeper !== undefined && !isTimeless(keeper.record) && this.#heldInstances.has(account, service)) {
      // One that it stands in for may not be known to be silent yet: a ttl from now it is.
      this.#reviews.note(account, service, this.at() + keeper.record.ttlMs);
    }
  }

  /** Another stands in for this held one. */
  #letGo(account: Account, state: LeaseState): void {
    this.wheel.giveAgain(state.slot, RETRY_MS);
    this.#ends.propose(account, state, 0);
  }

  /** The lease time of what happens now. */
  at(): number {
    return this.wheel.at(this.#options.clock.monotonic());
  }

  /** A heartbeat: the ttl in ms, Infinity when it has no time, 0 when there is no such lease, else `ELSEWHERE`. */
  beat(account: Account, lease: LeaseId, at: number): number {
    const state = this.#options.catalog.leaseState(account, lease);
    if (state === undefined) return 0;
    if (state.slot < 0 || this.#ends.isUnderWay(state)) return ELSEWHERE;
    const ttlMs = this.wheel.beat(state.slot, at);
    if (state.silent || state.record.held !== null) this.#rouse(account, state);
    return ttlMs;
  }

  /** Resolves when it is known of all of these whether they end; undefined when it is. */
  decided(account: Account, leases: readonly LeaseId[]): Promise<unknown> | undefined {
    return this.#ends.over(leases.map((lease) => this.#options.catalog.leaseState(account, lease)));
  }

  /** Whoever held this lease is gone without a word: it lapses unless it is heard within so long. Only of one kept here. */
  abandon(account: Account, lease: LeaseId, lingerMs: number): void {
    const state = this.#options.catalog.leaseState(account, lease);
    if (state === undefined || state.slot < 0 || isTimeless(state.record)) return;
    if (state.record.held !== null || this.#ends.isUnderWay(state)) return;
    this.wheel.abandon(state.slot, this.at());
    this.#options.catalog.account(account)?.setSilent(state, true);
    this.#lingering.add(account, state, lingerMs);
  }

  /** A heartbeat that came with a command. */
  hear(account: Account, { lease, ttlMs }: Heard): void {
    const now = this.beat(account, lease, this.at());
    if (now === ELSEWHERE) void this.#options.keeping()?.renew(account, [lease]);
    if (now === ELSEWHERE || now === 0 || now === ttlMs) return;
    const state = this.#options.catalog.leaseState(account, lease);
    if (state !== undefined) this.#promised.set(state, ttlMs);
  }

  #rouse(account: Account, state: LeaseState): void {
    this.#options.catalog.account(account)?.setSilent(state, false);
    if (this.wheel.rouse(state.slot)) this.#tellRare(account, state);
    if (state.record.held !== null) this.#release(account, state);
    this.#options.keeping()?.heard?.(account, state.record);
  }

  #release(account: Account, state: LeaseState): void {
    if (this.#releasing.has(state)) return;
    this.#releasing.add(state);
    void this.#options.propose(account, { kind: "release", leases: [state.record.id] }).then((outcome) => {
      if (!outcome.ok) this.#releasing.delete(state);
    });
  }

  #tellRare(account: Account, state: LeaseState): void {
    for (const instance of instancesOf(state))
      return this.#options.onRareBeats?.(account, instance, state.record, this.wheel.intervalMs(state.slot));
  }

  pulse(account: Account, lease: LeaseId): Pulse | undefined {
    const state = this.#options.catalog.leaseState(account, lease);
    if (state === undefined || state.slot < 0) return undefined;
    const nowMs = this.#options.clock.now();
    const pulse = this.wheel.pulse(state.slot, this.at(), nowMs);
    const endMs = Math.round(nowMs + this.#lingering.leftMs(state));
    return { ...pulse, deadlineMs: Math.min(pulse.deadlineMs, endMs) };
  }

  /** Moves lease time on and proposes what follows. To be called about every `TICK_MS`. */
  tick(): void {
    const { clock } = this.#options;
    const { lapsed, silent, rare } = this.wheel.advance(clock.monotonic());
    if (++this.#ticks % SWEEP_TICKS === 0) this.#departures.sweep(this.wheel.now);
    if (this.#ticks % TELL_TICKS === 0) this.#others.tell(this.wheel.now);
    for (const slot of silent) this.#setSilent(slot);
    for (const slot of rare) {
      const state = this.#stateOf(slot);
      if (state !== undefined) this.#tellRare(this.wheel.accountOf(slot), state);
    }
    this.#reviews.run(this.wheel.now);
    if (lapsed.length > 0) this.#lapse(lapsed);
  }

  #lapse(lapsed: readonly Lapsed[]): void {
    const byAccount = new Map<Account, Lapsed[]>();
    for (const one of lapsed) {
      const list = byAccount.get(one.account);
      if (list === undefined) byAccount.set(one.account, [one]);
      else list.push(one);
      this.#setSilent(one.slot);
      // Until its end is committed it must not be given again; a failed proposal is tried again then.
      this.wheel.giveAgain(one.slot, RETRY_MS);
    }
    for (const [name, list] of byAccount) {
      const account = this.#options.catalog.account(name);
      if (account !== undefined) this.#settle(account, list);
    }
  }

  #stateOf(slot: number): LeaseState | undefined {
    return this.#options.catalog.leaseState(this.wheel.accountOf(slot), this.wheel.leaseOf(slot));
  }

  #setSilent(slot: number): void {
    const state = this.#stateOf(slot);
    if (state !== undefined) this.#options.catalog.account(this.wheel.accountOf(slot))?.setSilent(state, true);
  }

  #settle(account: AccountState, lapsed: readonly Lapsed[]): void {
    const { policy } = this.#options;
    const bench = { policy, surveyor: this.#surveyor, departures: this.#departures, others: this.#others };
    const judge = new Judge(bench, account, spanOf(this.wheel, account, lapsed, policy.windowMs));
    const held = new Map<string, { readonly hold: Hold; readonly leases: LeaseId[] }>();
    for (const { lease, lateMs } of lapsed) {
      const state = account.leaseStates.get(lease);
      if (state === undefined) continue;
      // A lease whose hold is over ends now.
      const hold = state.record.held === null ? judge.judge(state) : undefined;
      if (hold === undefined) this.#ends.propose(account.name, state, lateMs);
      else if (held.get(hold.reason)?.leases.push(lease) === undefined)
        held.set(hold.reason, { hold, leases: [lease] });
    }
    for (const { hold, leases } of held.values()) this.#hold(account.name, hold, leases);
  }

  #hold(account: Account, hold: Hold, leases: readonly LeaseId[]): void {
    this.#options.onHeld?.(account, hold);
    const { reason } = hold;
    const untilMs = this.#options.clock.now() + this.#options.policy.holdMs;
    const states = this.#options.catalog.account(account)?.leaseStates;
    for (const some of portionsOf(leases, (lease) => states?.get(lease)?.bytes ?? 0))
      void this.#options.propose(account, { kind: "hold", leases: some, reason, untilMs });
  }

  heldLeases(): number {
    return this.#heldLeases;
  }
}
