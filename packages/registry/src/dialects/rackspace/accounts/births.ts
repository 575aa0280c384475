/** @live An account comes into being at its first request: from then on its events can be asked for. */
import type { Account, Registry } from "../../../core/index.ts";

const BORN = "\0rackspace/born";
/** Requests that need no credentials must not fill the store with accounts. */
const BIRTHS_MAX = 10_000;

export class Births {
  readonly #registry: Registry;
  readonly #births = new Map<Account, Promise<unknown>>();
  #born = 0;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Resolves when the account is there, or cannot come into being. */
  async bear(account: Account): Promise<void> {
    if (this.#registry.read((view) => view.account(account) !== undefined)) return;
    let birth = this.#births.get(account);
    if (birth === undefined) {
      if (this.#born >= BIRTHS_MAX) return;
      this.#born++;
      birth = this.#registry
        .propose(account, {
          kind: "when",
          guards: [{ on: "version", key: BORN, is: "=", than: 0 }],
          then: [{ kind: "put", key: BORN, value: "" }],
          otherwise: [],
        })
        .finally(() => this.#births.delete(account));
      this.#births.set(account, birth);
    }
    await birth;
  }
}
