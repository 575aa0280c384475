/** A scope for programs that are no tests. */
import type { Scope } from "./scope.ts";

/** Ends what it was told of, the last first. */
export class Ends implements Scope {
  readonly #ends: (() => void | Promise<void>)[] = [];

  after(end: () => void | Promise<void>): void {
    this.#ends.push(end);
  }

  async end(): Promise<void> {
    for (let end = this.#ends.pop(); end !== undefined; end = this.#ends.pop()) await end();
  }
}
