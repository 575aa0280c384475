/**
 * The time of leases: a timing wheel over typed arrays. A heartbeat writes a few numbers and moves nothing; the wheel
 * finds out that a lease was renewed when the bucket of its old deadline comes by.
 *
 * Lease time is not clock time: it advances by at most `STEP_MS_MAX` a tick. A process that was paused or starved so
 * gives every lease the time that it lost: nothing expires because the registry slept.
 */
import type { Account, LeaseId } from "../types.ts";

export const TICK_MS = 100;
export const STEP_MS_MAX = 2 * TICK_MS;
/** A beat may wait in a socket for as long as one step: a lease is given that much after its deadline. */
const GRACE_MS = STEP_MS_MAX;
const BUCKETS = 2048;
const NONE = -1;

/** Beats more than this many usual intervals apart make a lease silent; see `census`. */
const SILENT_INTERVALS = 1.5;
/** A lease without a known interval is silent after this share of its ttl. */
const SILENT_SHARE = 0.85;

export interface Lapsed {
  readonly slot: number;
  readonly account: Account;
  readonly lease: LeaseId;
  /** How long ago it ran out, in lease-time ms. */
  readonly lateMs: number;
}

export class LeaseWheel {
  /** Lease time in ms. */
  now = 0;
  #lastMonotonicMs: number;
  #bucketsDone = 0;
  readonly #heads = new Int32Array(BUCKETS).fill(NONE);
  #capacity = 1024;
  #next = new Int32Array(this.#capacity);
  #previous = new Int32Array(this.#capacity);
  #bucketOf = new Int32Array(this.#capacity).fill(NONE);
  #deadlines = new Float64Array(this.#capacity);
  #ttls = new Float64Array(this.#capacity);
  /** Lease time of the last beat, or of the grant. */
  #beatAt = new Float64Array(this.#capacity);
  #intervals = new Float32Array(this.#capacity);
  #counts = new Uint32Array(this.#capacity);
  /** 1 for a lease that has lapsed: its end is proposed, or it is held. */
  #ending = new Uint8Array(this.#capacity);
  readonly #accounts: (Account | undefined)[] = [];
  readonly #leases: (LeaseId | undefined)[] = [];
  readonly #free: number[] = [];
  #used = 0;

  constructor(monotonicMs: number) {
    this.#lastMonotonicMs = monotonicMs;
  }

  /** Lease time at a moment between two ticks. */
  at(monotonicMs: number): number {
    return this.now + Math.max(0, Math.min(monotonicMs - this.#lastMonotonicMs, STEP_MS_MAX));
  }

  /** Starts a lease with a full ttl at this lease time. */
  add(account: Account, lease: LeaseId, ttlMs: number, at: number): number {
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#capacity) this.#grow();
    this.#accounts[slot] = account;
    this.#leases[slot] = lease;
    this.#ttls[slot] = ttlMs;
    this.#beatAt[slot] = at;
    this.#intervals[slot] = 0;
    this.#counts[slot] = 0;
    this.#ending[slot] = 0;
    this.#bucketOf[slot] = NONE;
    this.#setDeadline(slot, at + ttlMs);
    return slot;
  }

  remove(slot: number): void {
    this.#unlink(slot);
    this.#accounts[slot] = undefined;
    this.#leases[slot] = undefined;
    this.#free.push(slot);
  }

  /** A heartbeat at this lease time: no link moves, nothing is allocated. Returns the ttl in ms. */
  beat(slot: number, at: number): number {
    const ttlMs = this.#ttls[slot] as number;
    const gap = at - (this.#beatAt[slot] as number);
    const interval = this.#intervals[slot] as number;
    this.#intervals[slot] = interval === 0 ? gap : interval * 0.75 + gap * 0.25;
    this.#beatAt[slot] = at;
    this.#counts[slot] = (this.#counts[slot] as number) + 1;
    this.#deadlines[slot] = at + ttlMs;
    this.#ending[slot] = 0;
    return ttlMs;
  }

  /** A new ttl counts from the next heartbeat; the deadline stays. */
  setTtl(slot: number, ttlMs: number): void {
    this.#ttls[slot] = ttlMs;
    this.#intervals[slot] = 0;
    this.#unlink(slot);
    this.#link(slot);
  }

  /** Lets the lease lapse `delayMs` from now (again), whatever its ttl. */
  postpone(slot: number, delayMs: number): void {
    this.#ending[slot] = 0;
    this.#setDeadline(slot, this.now + delayMs);
  }

  /** Gives a lapsed lease again after this time, unless it beats or is removed. It counts as silent no more. */
  giveAgain(slot: number, delayMs: number): void {
    this.#setDeadline(slot, this.now + delayMs);
    this.#ending[slot] = 1;
  }

  ttlMs(slot: number): number {
    return this.#ttls[slot] as number;
  }

  beats(slot: number): number {
    return this.#counts[slot] as number;
  }

  intervalMs(slot: number): number {
    return this.#intervals[slot] as number;
  }

  /** Ms since the last beat, or since the grant, at this lease time. */
  silenceMs(slot: number, at: number): number {
    return at - (this.#beatAt[slot] as number);
  }

  /** Ms until it lapses, at this lease time; negative when it has. */
  remainingMs(slot: number, at: number): number {
    return (this.#deadlines[slot] as number) - at;
  }

  /**
   * Moves lease time on and gives the leases that lapsed, the earliest deadline first. Each is given once: it must then
   * be removed or postponed.
   */
  advance(monotonicMs: number): Lapsed[] {
    const elapsed = monotonicMs - this.#lastMonotonicMs;
    this.#lastMonotonicMs = monotonicMs;
    this.now += Math.max(0, Math.min(elapsed, STEP_MS_MAX));
    const lapsed: Lapsed[] = [];
    const until = Math.floor(this.now / TICK_MS);
    for (; this.#bucketsDone <= until; this.#bucketsDone++) this.#drain(this.#bucketsDone % BUCKETS, lapsed);
    return lapsed.sort((a, b) => b.lateMs - a.lateMs);
  }

  #drain(bucket: number, lapsed: Lapsed[]): void {
    let slot = this.#heads[bucket] as number;
    while (slot !== NONE) {
      const following = this.#next[slot] as number;
      const deadline = this.#deadlines[slot] as number;
      this.#unlink(slot);
      if (deadline + GRACE_MS > this.now) this.#link(slot);
      else {
        lapsed.push({
          slot,
          account: this.#accounts[slot] as Account,
          lease: this.#leases[slot] as LeaseId,
          lateMs: this.now - deadline,
        });
      }
      slot = following;
    }
  }

  /**
   * The number of each account's silent leases: not lapsed, but past the time of their usual beat, and due to lapse
   * within the window. They tell protection that many are about to go, before the first ones are gone.
   */
  census(accounts: ReadonlySet<Account>, windowMs: number): Map<Account, number> {
    const silent = new Map<Account, number>();
    for (let slot = 0; slot < this.#used; slot++) {
      const account = this.#accounts[slot];
      if (account === undefined || !accounts.has(account) || this.#ending[slot] === 1) continue;
      if (this.#isSilent(slot, windowMs)) silent.set(account, (silent.get(account) ?? 0) + 1);
    }
    return silent;
  }

  #isSilent(slot: number, windowMs: number): boolean {
    const remaining = (this.#deadlines[slot] as number) - this.now;
    const silence = this.now - (this.#beatAt[slot] as number);
    const interval = this.#intervals[slot] as number;
    const ttl = this.#ttls[slot] as number;
    // A deadline far beyond the ttl is that of a held lease, which counts as lapsed already.
    if (remaining > windowMs || remaining > ttl + STEP_MS_MAX) return false;
    const bound =
      interval === 0
        ? SILENT_SHARE * ttl
        : Math.min(SILENT_INTERVALS * interval + TICK_MS, SILENT_SHARE * ttl + interval);
    return silence > bound;
  }

  #setDeadline(slot: number, deadline: number): void {
    this.#deadlines[slot] = deadline;
    this.#unlink(slot);
    this.#link(slot);
  }

  /**
   * Puts the slot into the bucket in which it is looked at next: that of its deadline, but no later than one ttl from
   * now, as a beat after a change of ttl may bring a nearer deadline, and no later than the wheel reaches.
   */
  #link(slot: number): void {
    const at = Math.min(this.#deadlines[slot] as number, this.now + (this.#ttls[slot] as number));
    const due = Math.ceil((at + GRACE_MS) / TICK_MS);
    const first = Math.max(this.#bucketsDone, Math.floor(this.now / TICK_MS) + 1);
    const bucket = Math.max(first, Math.min(due, first + BUCKETS - 2)) % BUCKETS;
    const head = this.#heads[bucket] as number;
    this.#next[slot] = head;
    this.#previous[slot] = NONE;
    if (head !== NONE) this.#previous[head] = slot;
    this.#heads[bucket] = slot;
    this.#bucketOf[slot] = bucket;
  }

  #unlink(slot: number): void {
    const bucket = this.#bucketOf[slot] as number;
    if (bucket === NONE) return;
    const next = this.#next[slot] as number;
    const previous = this.#previous[slot] as number;
    if (previous === NONE) this.#heads[bucket] = next;
    else this.#next[previous] = next;
    if (next !== NONE) this.#previous[next] = previous;
    this.#bucketOf[slot] = NONE;
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#next = copy(Int32Array, this.#next, this.#capacity);
    this.#previous = copy(Int32Array, this.#previous, this.#capacity);
    this.#bucketOf = copy(Int32Array, this.#bucketOf, this.#capacity);
    this.#deadlines = copy(Float64Array, this.#deadlines, this.#capacity);
    this.#ttls = copy(Float64Array, this.#ttls, this.#capacity);
    this.#beatAt = copy(Float64Array, this.#beatAt, this.#capacity);
    this.#intervals = copy(Float32Array, this.#intervals, this.#capacity);
    this.#counts = copy(Uint32Array, this.#counts, this.#capacity);
    this.#ending = copy(Uint8Array, this.#ending, this.#capacity);
  }
}

function copy<T extends { set(from: T): void }>(Kind: new (length: number) => T, from: T, length: number): T {
  const to = new Kind(length);
  to.set(from);
  return to;
}
