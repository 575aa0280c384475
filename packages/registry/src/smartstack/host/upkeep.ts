/** @live Work that brings something into a state which may change meanwhile: one run at a time, the newest state next. */

/**
 * Does it once. Returns after how many ms it is to be done again; undefined when only a change makes it necessary. Rejects
 * with nothing. `isAgain`: because that time is over.
 */
export type Bring = (isAgain: boolean) => Promise<number | undefined>;

export class Upkeep {
  readonly #bring: Bring;
  #isDirty = false;
  #isAgain = false;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(bring: Bring) {
    this.#bring = bring;
  }

  /** Something has changed. */
  ask(): void {
    this.#isDirty = true;
    this.#working ??= this.#work();
  }

  /** What is there stays. Resolves when no run is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#working;
  }

  async #work(): Promise<void> {
    // What changes in one turn is one change.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#isDirty && !this.#isClosed) {
      const isAgain = this.#isAgain;
      this.#isDirty = this.#isAgain = false;
      clearTimeout(this.#timer);
      const againMs = await this.#bring(isAgain);
      if (againMs !== undefined && !this.#isClosed) this.#timer = setTimeout(() => this.#askAgain(), againMs).unref();
    }
    this.#working = undefined;
  }

  #askAgain(): void {
    this.#isAgain = true;
    this.ask();
  }
}
