/** A question that many ask: one at a time is under way, and who comes meanwhile shares the next one. */

export class Shared<T> {
  readonly #question: () => Promise<T>;
  #current: Promise<unknown> | null = null;
  #next: Promise<T> | null = null;

  /** `question`: resolves always. */
  constructor(question: () => Promise<T>) {
    this.#question = question;
  }

  /** The answer to a question that was put now or later: an earlier one may not know of what the asker has heard. */
  ask(): Promise<T> {
    this.#next ??= this.#after(this.#current);
    return this.#next;
  }

  async #after(current: Promise<unknown> | null): Promise<T> {
    await current;
    const asked = this.#question();
    this.#current = asked;
    this.#next = null;
    return asked;
  }
}
