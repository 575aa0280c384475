/** What is made from a service, or from anything else that has a revision, once for each revision of it. */
import type { Revision } from "../types.ts";

/** How much is kept: the sum of the costs. What was made longest ago goes first. */
export interface Bound<V> {
  readonly costMax: number;
  costOf(value: V): number;
}

interface Made<V> {
  readonly revision: Revision;
  readonly value: V;
}

/**
 * Calls `derive` once for each object and revision of it, and answers what it made until the revision moves. The
 * context is for making it only: another one makes nothing anew. Without a bound a value is kept as long as its object.
 */
export function perRevision<T extends { readonly revision: Revision }, V, C = void>(
  derive: (of: T, context: C) => V,
  bound?: Bound<V>,
): (of: T, context: C) => V {
  const kept = bound === undefined ? new WeakMap<T, Made<V>>() : new Bounded<T, V>(bound);
  return (of, context) => {
    const known = kept.get(of);
    if (known !== undefined && known.revision === of.revision) return known.value;
    const made = { revision: of.revision, value: derive(of, context) };
    kept.set(of, made);
    return made.value;
  };
}

class Bounded<T, V> {
  readonly #bound: Bound<V>;
  readonly #made = new Map<T, Made<V>>();
  #cost = 0;

  constructor(bound: Bound<V>) {
    this.#bound = bound;
  }

  get(of: T): Made<V> | undefined {
    return this.#made.get(of);
  }

  set(of: T, made: Made<V>): void {
    const { costMax } = this.#bound;
    this.#drop(of);
    const cost = this.#bound.costOf(made.value);
    // It would push out too many others.
    if (cost > costMax / 8) return;
    this.#made.set(of, made);
    this.#cost += cost;
    for (const oldest of this.#made.keys()) {
      if (this.#cost <= costMax) break;
      this.#drop(oldest);
    }
  }

  #drop(of: T): void {
    const made = this.#made.get(of);
    if (made === undefined) return;
    this.#made.delete(of);
    this.#cost -= this.#bound.costOf(made.value);
  }
}
