/** What the end of leases is given: the time, and who decides when many fall silent together. */

/** Time as the core is given it. */
export interface Clock {
  /** Wall-clock ms. */
  now(): number;
  /** Monotonic ms, any origin. */
  monotonic(): number;
}

/** How many of a service or of an account are there, and how many are missing. */
export interface Census {
  /** Instances that are not silent. */
  readonly there: number;
  /** Those of them that were heard since the first of the lapsing ones was overdue. */
  readonly heard: number;
  /** Those of them whose heartbeat was due since then and has not come. */
  readonly late: number;
  /** Instances that are silent, or ended by silence just now, and that no other stands in for. */
  readonly lost: number;
  /** Instances that other nodes keep, and that are not silent. Of those who is there and who is late is told by those above. */
  readonly elsewhere: number;
}

export const NOBODY: Census = { there: 0, heard: 0, late: 0, lost: 0, elsewhere: 0 };

/** Of two services. */
export function addCensus(a: Census, b: Census): Census {
  return {
    there: a.there + b.there,
    heard: a.heard + b.heard,
    late: a.late + b.late,
    lost: a.lost + b.lost,
    elsewhere: a.elsewhere + b.elsewhere,
  };
}

/** Decides what becomes of leases that lapse. Only those that keep instances come before it. */
export interface ExpiryPolicy {
  /** For how long an instance that ended counts as lost beside those that lapse after it; at least its ttl. */
  readonly windowMs: number;
  /** How long held leases are kept. */
  readonly holdMs: number;
  /** Whether a census is worth taking: so many instances of `kept` are silent or ended just now. */
  suspects(missing: number, kept: number): boolean;
  /** True holds what lapses of this service or account. */
  holds(census: Census): boolean;
}
