/** Lets clients go on, or has them finish what is under way and wait. */
import { setTimeout as delay } from "node:timers/promises";

export class Gate {
  #isOpen = false;
  #isOver = false;
  #busy = 0;
  readonly #failures: unknown[] = [];
  #changed: (() => void)[] = [];

  /** Does this again and again while the gate is open, with a pause between. */
  loop(pauseMs: () => number, step: () => Promise<void>): void {
    const run = async (): Promise<void> => {
      while (!this.#isOver) {
        if (!this.#isOpen) {
          await this.#change();
          continue;
        }
        this.#busy++;
        try {
          await step();
        } finally {
          this.#busy--;
          this.#tell();
        }
        await delay(pauseMs());
      }
    };
    run().catch((error: unknown) => this.#failures.push(error));
  }

  open(): void {
    this.#isOpen = true;
    this.#tell();
  }

  /** Resolves when nobody is under way. Rejects with what a client threw. */
  async close(): Promise<void> {
    this.#isOpen = false;
    while (this.#busy > 0) await this.#change();
    if (this.#failures.length > 0) throw this.#failures[0];
  }

  end(): void {
    this.#isOver = true;
    this.#isOpen = false;
    this.#tell();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#changed.push(resolve));
  }

  #tell(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const go of waiting) go();
  }
}
