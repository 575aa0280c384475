/** What the end of leases is given: the time, and who decides when many lapse together. */
import type { Account, LeaseId } from "../types.ts";

/** Time as the core is given it. */
export interface Clock {
  /** Wall-clock ms. */
  now(): number;
  /** Monotonic ms, any origin. */
  monotonic(): number;
}

/** Decides whether leases that lapse together end, or are held. */
export interface ExpiryPolicy {
  /** A silent lease counts as about to lapse when it is due within this time. */
  readonly windowMs: number;
  /** The time for which leases are held. */
  readonly holdMs: number;
  /** Called once a tick for each account with lapsed leases. A reason holds them; null lets them end. */
  judge(account: Account, census: Census, nowMs: number): string | null;
}

export interface Census {
  /** Leases that lapsed in this tick. */
  readonly lapsed: readonly LeaseId[];
  /** The number of leases that are overdue for their usual heartbeat, and due to lapse within the window. */
  readonly silent: number;
  /** Leases held already. */
  readonly held: number;
  /** All leases of the account, the lapsed and held ones included. */
  readonly live: number;
  /** Whether the lease exists now: one that ended and came back has not gone for good. */
  isLive(lease: LeaseId): boolean;
}
