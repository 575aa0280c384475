/**
 * Instances that were taken out a moment ago. A peer that does not know yet may still pass on a heartbeat of one. Asked
 * for its copy, as for that of any unknown instance, it would bring back what a client has cancelled.
 */
import { keyOf } from "./news.ts";

/** By then the peers know: what waits for them is sent every half second, after a failure every five. */
const KEPT_MS = 10_000;
const KEPT_MAX = 50_000;

interface Grave {
  /** The copy's lastDirtyTimestamp: a newer copy is another registration. */
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

  /** Whether this copy or a newer one was taken out. A word without a time is about the copy that was there. */
  has(service: string, id: string, dirtyMs: number | undefined, nowMs: number): boolean {
    const grave = this.#graves.get(toKey(service, id));
    return grave !== undefined && grave.untilMs > nowMs && (dirtyMs ?? 0) <= grave.dirtyMs;
  }
}

/** Peers say names in upper case. */
function toKey(service: string, id: string): string {
  return keyOf(service.toUpperCase(), id);
}
