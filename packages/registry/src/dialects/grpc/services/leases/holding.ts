/** @live Leases that a stream renews by itself for as long as it is open. */
import { type LeaseId, LIMITS } from "../../../../core/index.ts";

const HELD_MAX = 10_000;
/** A lease with a long time, or none, is looked at again by then. */
const PAUSE_MS_MAX = 3_600_000;

/** Renews these and answers as `renewMany`; undefined when the stream is over. */
type Beat = (leases: readonly LeaseId[]) => Promise<Float64Array | undefined>;

export class Holding {
  readonly #beat: Beat;
  /** With the time of each. */
  readonly #held = new Map<LeaseId, number>();
  #timer: NodeJS.Timeout | undefined;
  /** What the timer was set for. */
  #pauseMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(beat: Beat) {
    this.#beat = beat;
  }

  /** Those that were renewed just now. False when there are too many. */
  add(leases: readonly LeaseId[], ttls: Float64Array): boolean {
    for (const [nth, lease] of leases.entries()) {
      const ttlMs = ttls[nth] as number;
      if (ttlMs > 0) this.#held.set(lease, ttlMs);
    }
    if (this.#held.size > HELD_MAX) return false;
    this.#arm();
    return true;
  }

  release(lease: LeaseId): void {
    this.#held.delete(lease);
  }

  /** Three times in the shortest of their times. */
  #arm(): void {
    if (this.#isClosed || this.#held.size === 0) return;
    let shortestMs = PAUSE_MS_MAX * 3;
    for (const ttlMs of this.#held.values()) shortestMs = Math.min(shortestMs, ttlMs);
    const pauseMs = Math.max(LIMITS.ttlMsMin / 4, shortestMs / 3);
    if (this.#timer !== undefined && pauseMs >= this.#pauseMs) return;
    clearTimeout(this.#timer);
    this.#pauseMs = pauseMs;
    this.#timer = setTimeout(() => void this.#work(), pauseMs);
  }

  async #work(): Promise<void> {
    const leases = [...this.#held.keys()];
    const ttls = await this.#beat(leases);
    this.#timer = undefined;
    if (ttls === undefined || this.#isClosed) return;
    for (const [nth, lease] of leases.entries()) {
      const ttlMs = ttls[nth] as number;
      if (!this.#held.has(lease)) continue;
      if (ttlMs === 0) this.#held.delete(lease);
      else if (ttlMs > 0) this.#held.set(lease, ttlMs);
    }
    this.#pauseMs = Number.POSITIVE_INFINITY;
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }
}
