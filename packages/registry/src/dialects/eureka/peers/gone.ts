/**
 * What was taken out a moment ago. A peer that has not heard of it yet may still pass on a word about it; asked for its
 * copy, as of any instance that is unknown here, it would bring back what its client has cancelled.
 */
import { keyOf } from "./news.ts";

/** The peers know by then: what waits for them is sent every half second, after a failure every five. */
const KEPT_MS = 10_000;
const KEPT_MAX = 50_000;

interface Grave {
  /** The time of the copy: a newer one is another registration. */
  readonly dirtyMs: number;
  readonly untilMs: number;
}

export class Gone {
  /** The oldest first. */
  readonly #graves = new Map<string, Grave>();

  get size(): number {
    return this.#graves.size;
  }

  add(service: string, id: string, dirtyMs: number, nowMs: number): void {
    const key = toKey(service, id);
    this.#graves.delete(key);
    this.#graves.set(key, { dirtyMs, untilMs: nowMs + KEPT_MS });
    for (const [oldest, { untilMs }] of this.#graves) {
      if (untilMs > nowMs && this.#graves.size <= KEPT_MAX) break;
      this.#graves.delete(oldest);
    }
  }

  /** Whether this copy, or a newer one, was taken out. A word without a time is about the copy that was there. */
  has(service: string, id: string, dirtyMs: number | undefined, nowMs: number): boolean {
    const grave = this.#graves.get(toKey(service, id));
    return grave !== undefined && grave.untilMs > nowMs && (dirtyMs ?? 0) <= grave.dirtyMs;
  }
}

/** Peers say names in upper case. */
function toKey(service: string, id: string): string {
  return keyOf(service.toUpperCase(), id);
}
