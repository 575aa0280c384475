/** Who reads history for an answer: few of an account at a time, as each gathers a page until it is sent. */
import type { Account } from "../../../core/index.ts";
import type { Readers } from "../desk.ts";

const READERS_MAX = 4;

export class FewReaders implements Readers {
  readonly #reading = new Map<Account, number>();
  readonly #waiting = new Map<Account, (() => void)[]>();

  /** Does this when fewer of the account are at it. Those who wait get on in the order in which they came. */
  async read<T>(account: Account, work: () => Promise<T>): Promise<T> {
    const reading = this.#reading.get(account) ?? 0;
    if (reading < READERS_MAX) this.#reading.set(account, reading + 1);
    else await this.#wait(account);
    try {
      return await work();
    } finally {
      this.#handOn(account);
    }
  }

  #wait(account: Account): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(account);
      if (waiting === undefined) this.#waiting.set(account, [resolve]);
      else waiting.push(resolve);
    });
  }

  /** The place goes to the next who waits. */
  #handOn(account: Account): void {
    const waiting = this.#waiting.get(account);
    const next = waiting?.shift();
    if (waiting?.length === 0) this.#waiting.delete(account);
    if (next !== undefined) return next();
    const left = (this.#reading.get(account) ?? 1) - 1;
    if (left > 0) this.#reading.set(account, left);
    else this.#reading.delete(account);
  }
}
