/** Applications are looked up by upper-cased names; this finds the services that are one. */
import type { Account, Change, InstanceRecord, Registry, View, Watch } from "../../../core/index.ts";
import { toService } from "./registration.ts";

/**
 * Services by the application they are. Most names are in lower case and are found by themselves; only the others are
 * kept here.
 */
export class Spellings {
  readonly #registry: Registry;
  /** By account, then by the name in lower case. */
  readonly #odd = new Map<Account, Map<string, Set<string>>>();
  #watch: Watch | undefined;

  constructor(registry: Registry) {
    this.#registry = registry;
    this.#open();
  }

  /** Names of the services that are this application, whatever its letters' case. */
  services(account: Account, app: string): readonly string[] {
    const name = toService(app);
    const odd = this.#odd.get(account)?.get(name);
    return odd === undefined ? [name] : [name, ...odd];
  }

  /** The instance of an application, of the service in lower case first. */
  find(view: View, account: Account, app: string, id: string): InstanceRecord | undefined {
    for (const service of this.services(account, app)) {
      const record = view.instance(account, service, id);
      if (record !== undefined) return record;
    }
    return undefined;
  }

  close(): void {
    this.#watch?.close();
  }

  #open(): void {
    const revision = this.#registry.read((view) => {
      this.#odd.clear();
      for (const account of view.accounts())
        for (const service of account.services()) this.#add(account.name, service.name);
      return view.revision;
    });
    const watch = this.#registry.follow({ anyService: true }, revision, {
      deliver: (commit) => {
        for (const change of commit.changes) this.#learn(commit.account, change);
        return true;
      },
      lost: () => this.#open(),
    });
    if (watch.ok) this.#watch = watch.value;
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
