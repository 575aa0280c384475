/** Who reads history for an answer: few at a time, of an account and in all, as each gathers a page until it is sent. */
import type { Account } from "../../core/index.ts";

/** Who reads history for an answer. */
export interface Readers {
  /** Does this when few of the account are at it. */
  read<T>(account: Account, work: () => Promise<T>): Promise<T>;
}

const PER_ACCOUNT_MAX = 4;
/** In all: what they hold is several MB each, whatever the number of accounts. */
const READERS_MAX = 8;

export class FewReaders implements Readers {
  readonly #reading = new Map<Account, number>();
  #all = 0;
  /** Whose turn is next is the first. */
  readonly #waiting = new Map<Account, (() => void)[]>();

  /** Does this when fewer are at it. Accounts take turns; in each, those get on first who came first. */
  async read<T>(account: Account, work: () => Promise<T>): Promise<T> {
    if (this.#all < READERS_MAX && this.#isFree(account)) this.#count(account, 1);
    else await this.#wait(account);
    try {
      return await work();
    } finally {
      this.#count(account, -1);
      this.#letNext();
    }
  }

  #isFree(account: Account): boolean {
    return (this.#reading.get(account) ?? 0) < PER_ACCOUNT_MAX;
  }

  #count(account: Account, more: number): void {
    this.#all += more;
    const reading = (this.#reading.get(account) ?? 0) + more;
    if (reading > 0) this.#reading.set(account, reading);
    else this.#reading.delete(account);
  }

  #wait(account: Account): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(account);
      if (waiting === undefined) this.#waiting.set(account, [resolve]);
      else waiting.push(resolve);
    });
  }

  #letNext(): void {
    for (const [account, waiting] of this.#waiting) {
      if (!this.#isFree(account)) continue;
      const next = waiting.shift();
      this.#waiting.delete(account);
      if (waiting.length > 0) this.#waiting.set(account, waiting);
      this.#count(account, 1);
      return next?.();
    }
  }
}
