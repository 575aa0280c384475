/** Watchers that are awaited. */
/** A change that takes longer than this has lost a watcher. */
const CHANGE_MS_MAX = 10_000;

/** Counts deliveries and tells when all that are awaited have come. */
export class Arrivals {
  #left = 0;
  #resolve: () => void = () => {};
  /** Deliveries that nobody waited for: a watcher was told twice. */
  stray = 0;

  await(count: number, what: string): Promise<void> {
    this.#left = count;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${what}: ${this.#left} of ${count} watchers were not reached in ${CHANGE_MS_MAX} ms`)),
        CHANGE_MS_MAX,
      );
      this.#resolve = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  arrive(count: number): void {
    if (this.#left === 0) this.stray += count;
    else {
      this.#left -= count;
      if (this.#left <= 0) this.#resolve();
    }
  }
}

export interface Audience {
  arrivals: Arrivals;
  /** Sends change `number`. */
  change(number: number): void;
  close(): void;
}
