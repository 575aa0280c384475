/** @live Applications are looked up by names in upper case: which services each of them is. */
import { type Account, type Change, type Following, keepUp, type Registry, type View } from "../../../core/index.ts";
import { toService } from "./registration.ts";

/** Services in other letters than lower case, by their application. The others are found without being kept here. */
export class Spellings {
  readonly #registry: Registry;
  /** By account, then by the name in lower case. */
  readonly #odd = new Map<Account, Map<string, Set<string>>>();
  readonly #following: Following;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#following = keepUp(
      registry,
      { anyService: true },
      {
        read: (view) => this.#read(view),
        take: ({ account, changes }) => {
          for (const change of changes) this.#learn(account, change);
        },
      },
    );
  }

  /** Names of the services that are this application, whatever its letters' case. */
  services(account: Account, app: string): readonly string[] {
    const name = toService(app);
    const odd = this.#odd.get(account)?.get(name);
    return odd === undefined ? [name] : [name, ...odd];
  }

  close(): void {
    this.#following.close();
  }

  #read(view: View): void {
    this.#odd.clear();
    for (const account of view.accounts())
      for (const service of account.services()) this.#add(account.name, service.name);
  }

  #learn(account: Account, change: Change): void {
    if (change.kind !== "instance") return;
    const { before, after } = change;
    if (before === null && after !== null) this.#add(account, after.service);
    else if (after === null && before !== null) this.#forget(account, before.service);
  }

  #add(account: Account, service: string): void {
    const name = toService(service);
    if (name === service) return;
    let ofAccount = this.#odd.get(account);
    if (ofAccount === undefined) {
      ofAccount = new Map();
      this.#odd.set(account, ofAccount);
    }
    const names = ofAccount.get(name);
    if (names === undefined) ofAccount.set(name, new Set([service]));
    else names.add(service);
  }

  /** A spelling goes with its last instance, or lookups would try every one that was ever used. */
  #forget(account: Account, service: string): void {
    const name = toService(service);
    if (name === service) return;
    // An empty service is remembered for its revision, so its size counts. Whatever made it grow again comes here, too.
    if (this.#registry.read((view) => view.serviceSize(account, service)) > 0) return;
    const ofAccount = this.#odd.get(account);
    const names = ofAccount?.get(name);
    if (ofAccount === undefined || names === undefined) return;
    names.delete(service);
    if (names.size === 0) ofAccount.delete(name);
    if (ofAccount.size === 0) this.#odd.delete(account);
  }
}
