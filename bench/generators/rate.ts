/** What load generators measure, and for how long. */

/** What a generator may take beyond its measured time: connecting, warming up, starting. */
export const SLACK_MS = 30_000;

/** How long to warm up and to measure. */
export interface Span {
  warmMs: number;
  measureMs: number;
}

export interface Rate {
  perSecond: number;
  errors: number;
  /** What 99 of 100 answers did not exceed, where the generator tells. */
  p99Ms?: number;
  /** Over UDP: the percentage of queries without an answer. */
  lostPercent?: number;
}

/** Refuses a rate with failed requests in it, or of nothing. */
export function checkRate(what: string, rate: Rate): Rate {
  if (rate.errors > 0) throw new Error(`${what}: ${rate.errors} requests failed`);
  if (!(rate.perSecond > 0)) throw new Error(`${what}: nothing was answered`);
  return rate;
}
