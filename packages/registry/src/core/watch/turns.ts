/**
 * @live One read of history in each turn of the event loop, first come, first served: many who read far back at once hold
 * up nobody else.
 */
export class Turns {
  #isTaken = false;
  readonly #waiting: (() => void)[] = [];

  /** Resolves when it is this one's turn; at once when nobody had this turn yet. */
  async turn(): Promise<void> {
    while (this.#isTaken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
    setImmediate(() => {
      this.#isTaken = false;
      this.#waiting.shift()?.();
    });
  }
}
