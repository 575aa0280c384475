/** Requests that stay open: streams, and polls that wait. */
import type { Access, Refused } from "../../core/index.ts";

/** One of them. */
export interface Visit {
  /** The registry stops, its time is up, or its client may stay no longer: it says goodbye, and ends. */
  bye(revoked?: Refused): void;
}

/** Those that are open, each with what it came with: they end when the registry stops, or when their client may not stay. */
export class Visits<G> {
  /** True once the registry is about to stop: nobody comes in any more. */
  draining = false;
  readonly #findRevoked: (guest: G) => Refused | undefined;
  readonly #open = new Map<Visit, G>();
  readonly #forget: () => void;

  /** `findRevoked`: why this one would not be let in again; undefined when it would. */
  constructor(access: Pick<Access, "onChange">, findRevoked: (guest: G) => Refused | undefined) {
    this.#findRevoked = findRevoked;
    this.#forget = access.onChange(() => this.#endRevoked());
  }

  get size(): number {
    return this.#open.size;
  }

  enter(visit: Visit, guest: G): void {
    this.#open.set(visit, guest);
  }

  /** What it came with; undefined when it has left before. */
  leave(visit: Visit): G | undefined {
    const guest = this.#open.get(visit);
    this.#open.delete(visit);
    return guest;
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    for (const visit of [...this.#open.keys()]) visit.bye();
  }

  close(): void {
    this.drain();
    this.#forget();
  }

  #endRevoked(): void {
    for (const [visit, guest] of [...this.#open]) {
      const revoked = this.#findRevoked(guest);
      if (revoked !== undefined) visit.bye(revoked);
    }
  }
}
