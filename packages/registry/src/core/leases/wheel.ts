/**
 * The time of leases: a timing wheel over typed arrays. A heartbeat writes four numbers and moves nothing; the wheel
 * finds out that a lease was renewed when the bucket in which it stands comes by.
 *
 * A lease stands in the bucket in which its next heartbeat is overdue. When none has come by then it is silent, and
 * stands in the bucket of its deadline. So the silent ones are known before the first of them lapses. A lease without
 * time stands in no bucket: its beats are noted, and that is all.
 *
 * Lease time is not clock time: it advances by at most `STEP_MS_MAX` a tick. A process that was paused or starved so
 * gives every lease the time that it lost: nothing expires because the registry slept.
 */
import type { Pulse } from "../registry.ts";
import type { Account, LeaseId } from "../types.ts";

export const TICK_MS = 100;
export const STEP_MS_MAX = 2 * TICK_MS;
/** A beat may wait in a socket for as long as one step: a lease is given that much after its deadline. */
const GRACE_MS = STEP_MS_MAX;
const BUCKETS = 2048;
const NONE = -1;

/** The share of its usual interval by which a beat may be late before its lease is silent, and the least such time. */
const LATE_SHARE = 0.15;
const LATE_MS_MIN = 300;
/** Beats further apart than this share of the ttl are too rare: silence shows only when leases lapse already. */
const RARE_SHARE = 0.6;

/** What a slot is, in one byte. */
const LAPSED = 1;
const SILENT = 2;
/** Silent, and another stands in for it. */
const REPLACED = 4;
/** It stands in for one that fell silent: it can do so only once. */
const SPENT = 8;
/** It was there before this process, or came back: nobody's successor. */
const SETTLED = 16;
const RARE = 32;
/** Silent, as whoever held it is known to be gone: since its last sign. */
const GONE = 64;
const QUIET = LAPSED | SILENT | REPLACED | GONE;

export interface Lapsed {
  readonly slot: number;
  readonly account: Account;
  readonly lease: LeaseId;
  /** How long ago it ran out, in lease-time ms. */
  readonly lateMs: number;
}

/** What a step of the wheel brought up. */
export interface Step {
  /** Earliest deadline first. Each is given once: then it must be removed, postponed or given again. */
  readonly lapsed: Lapsed[];
  /** Slots that fell silent, and slots whose beats were found to be too rare. */
  readonly silent: number[];
  readonly rare: number[];
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
  /** Lease time of the last beat; of the grant before the first. */
  #beatAt = new Float64Array(this.#capacity);
  #intervals = new Float32Array(this.#capacity);
  #counts = new Uint32Array(this.#capacity);
  /** Lease time of the grant in ticks, rounded up. */
  #bornTicks = new Uint32Array(this.#capacity);
  #marks = new Uint8Array(this.#capacity);
  readonly #accounts: (Account | undefined)[] = [];
  readonly #leases: (LeaseId | undefined)[] = [];
  readonly #free: number[] = [];
  #used = 0;

  constructor(monotonicMs: number) {
    this.#lastMonotonicMs = monotonicMs;
  }

  /** How many leases have their time here. */
  get size(): number {
    return this.#used - this.#free.length;
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
    this.#bornTicks[slot] = Math.ceil(at / TICK_MS);
    this.#intervals[slot] = 0;
    this.#counts[slot] = 0;
    this.#marks[slot] = 0;
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

  /**
   * A heartbeat at this lease time: no link moves, nothing is allocated. Returns the ttl in ms. A silent lease must be
   * roused then.
   */
  beat(slot: number, at: number): number {
    const ttlMs = this.#ttls[slot] as number;
    const gap = at - (this.#beatAt[slot] as number);
    const interval = this.#intervals[slot] as number;
    const beats = this.#counts[slot] as number;
    // The first pause is that from the grant. Later the interval grows fast and shrinks slowly: what is usual with a
    // client that beats unevenly are its longer pauses. A pause in which it lapsed is not, nor one in which it was gone.
    if (gap <= ttlMs && !this.isGone(slot))
      this.#intervals[slot] =
        beats < 2 || interval === 0 ? gap : interval + (gap - interval) * (gap > interval ? 0.5 : 0.125);
    this.#beatAt[slot] = at;
    this.#counts[slot] = beats + 1;
    this.#deadlines[slot] = at + ttlMs;
    return ttlMs;
  }

  /** A silent lease was heard. True when its beats were found to be too rare. */
  rouse(slot: number): boolean {
    this.#unmark(slot, QUIET);
    this.#unlink(slot);
    this.#link(slot);
    return this.#findRare(slot);
  }

  /** Whoever held it is gone at this lease time: it was alive until then. Its ttl runs on from its last heartbeat. */
  abandon(slot: number, at: number): void {
    this.#beatAt[slot] = at;
    this.#mark(slot, SILENT | GONE);
    this.#unlink(slot);
    this.#link(slot);
  }

  isGone(slot: number): boolean {
    return ((this.#marks[slot] as number) & GONE) !== 0;
  }

  /**
   * A new ttl counts from the last heartbeat. A shorter one only if that was `heard` with it, else from the next. Without
   * time nobody had to beat: what has time from now on counts from now.
   */
  setTtl(slot: number, ttlMs: number, heard = false): void {
    const wasTimeless = this.#isTimeless(slot);
    this.#ttls[slot] = ttlMs;
    this.#intervals[slot] = 0;
    this.#unmark(slot, this.#isTimeless(slot) ? RARE | QUIET : RARE);
    if (wasTimeless) {
      this.postpone(slot, ttlMs);
      return;
    }
    const deadline = (this.#beatAt[slot] as number) + ttlMs;
    if (heard || deadline > (this.#deadlines[slot] as number)) this.#deadlines[slot] = deadline;
    this.#unlink(slot);
    this.#link(slot);
  }

  /** As if heard now: it lapses `delayMs` from now. */
  postpone(slot: number, delayMs: number): void {
    this.#unmark(slot, QUIET);
    this.#beatAt[slot] = this.now;
    this.#setDeadline(slot, this.now + delayMs);
  }

  /** Gives a lapsed lease again after this time, unless it is heard or removed. */
  giveAgain(slot: number, delayMs: number): void {
    this.#mark(slot, LAPSED | SILENT);
    this.#setDeadline(slot, this.now + delayMs);
  }

  replace(slot: number): void {
    this.#mark(slot, REPLACED);
  }

  isReplaced(slot: number): boolean {
    return ((this.#marks[slot] as number) & REPLACED) !== 0;
  }

  spend(slot: number): void {
    this.#mark(slot, SPENT);
  }

  settle(slot: number): void {
    this.#mark(slot, SETTLED);
  }

  isSpent(slot: number): boolean {
    return ((this.#marks[slot] as number) & (SPENT | SETTLED)) !== 0;
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

  /** Lease time of the last beat, or of the grant. */
  heardAt(slot: number): number {
    return this.#beatAt[slot] as number;
  }

  /** Lease time at which it was granted; long ago for what was there before. */
  bornAt(slot: number): number {
    if (((this.#marks[slot] as number) & SETTLED) !== 0) return Number.NEGATIVE_INFINITY;
    return (this.#bornTicks[slot] as number) * TICK_MS;
  }

  /** When its next beat is due, by what is usual with it. */
  dueAt(slot: number): number {
    return (this.#beatAt[slot] as number) + this.#usualMs(slot);
  }

  /** From when on it is silent. */
  overdueAt(slot: number): number {
    if (this.isGone(slot)) return this.heardAt(slot);
    const usual = this.#usualMs(slot);
    const most = ((this.#ttls[slot] as number) - usual) / 2;
    return (this.#beatAt[slot] as number) + usual + Math.min(Math.max(usual * LATE_SHARE, LATE_MS_MIN), most);
  }

  /** Its usual interval; while that is unknown, as if it beat twice in a ttl. */
  #usualMs(slot: number): number {
    const ttl = this.#ttls[slot] as number;
    const interval = this.#intervals[slot] as number;
    const known = interval > 0 && (this.#counts[slot] as number) > 1;
    return Math.min(ttl, known ? interval : Math.max(interval, ttl / 2));
  }

  /** Ms until it lapses, at this lease time; negative when it has. */
  remainingMs(slot: number, at: number): number {
    return (this.#deadlines[slot] as number) - at;
  }

  /** What was seen of a lease up to this lease time, which is `nowMs` of the wall clock. */
  pulse(slot: number, at: number, nowMs: number): Pulse {
    const beats = this.beats(slot);
    return {
      beats,
      lastBeatMs: beats === 0 ? 0 : Math.round(nowMs - (at - this.heardAt(slot))),
      intervalMs: beats < 2 ? 0 : Math.round(this.intervalMs(slot)),
      rare: this.isRare(slot),
      deadlineMs: Math.round(nowMs + this.remainingMs(slot, at)),
    };
  }

  /** Moves lease time on. */
  advance(monotonicMs: number): Step {
    const elapsed = monotonicMs - this.#lastMonotonicMs;
    this.#lastMonotonicMs = monotonicMs;
    this.now += Math.max(0, Math.min(elapsed, STEP_MS_MAX));
    const step: Step = { lapsed: [], silent: [], rare: [] };
    const until = Math.floor(this.now / TICK_MS);
    for (; this.#bucketsDone <= until; this.#bucketsDone++) this.#drain(this.#bucketsDone % BUCKETS, step);
    step.lapsed.sort((a, b) => b.lateMs - a.lateMs);
    return step;
  }

  #drain(bucket: number, step: Step): void {
    let slot = this.#heads[bucket] as number;
    this.#heads[bucket] = NONE;
    while (slot !== NONE) {
      const following = this.#next[slot] as number;
      this.#bucketOf[slot] = NONE;
      if (!this.#isSilent(slot) && this.overdueAt(slot) <= this.now) {
        this.#mark(slot, SILENT);
        step.silent.push(slot);
      }
      if (this.#findRare(slot)) step.rare.push(slot);
      const lateMs = this.now - (this.#deadlines[slot] as number);
      if (lateMs < GRACE_MS) this.#link(slot);
      else {
        const account = this.#accounts[slot] as Account;
        step.lapsed.push({ slot, account, lease: this.#leases[slot] as LeaseId, lateMs });
      }
      slot = following;
    }
  }

  #isTimeless(slot: number): boolean {
    return this.#ttls[slot] === Number.POSITIVE_INFINITY;
  }

  #isSilent(slot: number): boolean {
    return ((this.#marks[slot] as number) & SILENT) !== 0;
  }

  /** True once for each lease. */
  #findRare(slot: number): boolean {
    if (((this.#marks[slot] as number) & RARE) !== 0 || !this.isRare(slot)) return false;
    this.#mark(slot, RARE);
    return true;
  }

  isRare(slot: number): boolean {
    return (this.#intervals[slot] as number) > RARE_SHARE * (this.#ttls[slot] as number);
  }

  accountOf(slot: number): Account {
    return this.#accounts[slot] as Account;
  }

  leaseOf(slot: number): LeaseId {
    return this.#leases[slot] as LeaseId;
  }

  #mark(slot: number, bits: number): void {
    this.#marks[slot] = (this.#marks[slot] as number) | bits;
  }

  #unmark(slot: number, bits: number): void {
    this.#marks[slot] = (this.#marks[slot] as number) & ~bits;
  }

  #setDeadline(slot: number, deadline: number): void {
    this.#deadlines[slot] = deadline;
    this.#unlink(slot);
    this.#link(slot);
  }

  /**
   * Puts the slot into the bucket at which to look at it next: when it is overdue, or when it is silent, that of its
   * deadline; but no later than one ttl from now, because a beat after a change of ttl may bring a nearer deadline, and
   * no later than the wheel reaches.
   */
  #link(slot: number): void {
    if (this.#isTimeless(slot)) return;
    const deadline = (this.#deadlines[slot] as number) + GRACE_MS;
    const at = this.#isSilent(slot) ? deadline : Math.min(deadline, this.overdueAt(slot));
    const due = Math.ceil(Math.min(at, this.now + GRACE_MS + (this.#ttls[slot] as number)) / TICK_MS);
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
    this.#bornTicks = copy(Uint32Array, this.#bornTicks, this.#capacity);
    this.#marks = copy(Uint8Array, this.#marks, this.#capacity);
  }
}

function copy<T extends { set(from: T): void }>(Kind: new (length: number) => T, from: T, length: number): T {
  const to = new Kind(length);
  to.set(from);
  return to;
}
