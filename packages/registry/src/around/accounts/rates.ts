/** Request rates of accounts. */
import type { Account } from "../../core/index.ts";

interface Bucket {
  tokens: number;
  atMs: number;
}

const BUCKETS_MAX = 10_000;

/** One token bucket an account, which holds one second's worth. A full bucket says nothing and can be forgotten. */
export class Rates {
  readonly #buckets = new Map<Account, Bucket>();

  /** Takes one request of this account; false when there is none left. */
  take(account: Account, perSecond: number, nowMs: number): boolean {
    let bucket = this.#buckets.get(account);
    if (bucket === undefined) {
      if (this.#buckets.size >= BUCKETS_MAX) this.#forget(nowMs);
      bucket = { tokens: perSecond, atMs: nowMs };
      this.#buckets.set(account, bucket);
    } else {
      bucket.tokens = Math.min(perSecond, bucket.tokens + ((nowMs - bucket.atMs) * perSecond) / 1000);
      bucket.atMs = nowMs;
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  /**
   * Buckets that were not touched for a second are full again and go. Of the others, the oldest go until half of the
   * places are free: those accounts gain at most one second's worth.
   */
  #forget(nowMs: number): void {
    for (const [account, bucket] of this.#buckets) if (nowMs - bucket.atMs >= 1000) this.#buckets.delete(account);
    let surplus = this.#buckets.size - BUCKETS_MAX / 2;
    for (const account of this.#buckets.keys()) {
      if (surplus-- <= 0) break;
      this.#buckets.delete(account);
    }
  }
}
