/** @live What commits tell is to be done, by the node on duty: gathered by accounts, and worked off in portions when their turn is over. */
import type { Nodes } from "../leases/keeping.ts";
import type { Account } from "../types.ts";

export class Chores<T> {
  readonly #nodes: Pick<Nodes, "isOnDuty">;
  readonly #portionMax: number;
  readonly #work: (account: Account, some: readonly T[]) => Promise<void>;
  readonly #waiting = new Map<Account, Map<string, T>>();
  #isBusy = false;

  /** `work` gets so many at most, and must not reject. */
  constructor(
    nodes: Pick<Nodes, "isOnDuty">,
    portionMax: number,
    work: (account: Account, some: readonly T[]) => Promise<void>,
  ) {
    this.#nodes = nodes;
    this.#portionMax = portionMax;
    this.#work = work;
  }

  /** What waits under the same name gives way. */
  note(account: Account, name: string, chore: T): void {
    const waiting = this.#waiting.get(account) ?? new Map<string, T>();
    this.#waiting.set(account, waiting.set(name, chore));
    if (this.#isBusy) return;
    this.#isBusy = true;
    // Not within the commit that told of it, and once for all that come together.
    setImmediate(() => void this.#workOff());
  }

  async #workOff(): Promise<void> {
    try {
      for (;;) {
        const [next] = this.#waiting;
        if (next === undefined) break;
        const [account, waiting] = next;
        this.#waiting.delete(account);
        // Who is on duty next looks at all that there is.
        if (!this.#nodes.isOnDuty()) continue;
        const all = [...waiting.values()];
        for (let from = 0; from < all.length; from += this.#portionMax)
          await this.#work(account, all.slice(from, from + this.#portionMax));
      }
    } finally {
      this.#isBusy = false;
    }
  }
}
