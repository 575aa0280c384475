/** Which instances are at an address. Compact: most instances take one entry of a map. */
import type { Account, InstanceRecord, Registry, View } from "../../../core/index.ts";
import { toCanonical } from "../labels/address.ts";

/** One instance; several in a list; many by their keys, so that one of them is taken out at once. */
type Held = InstanceRecord | InstanceRecord[] | Map<string, InstanceRecord>;

const LIST_MAX = 16;
/** Of one step; takes 2 to 5 ms. */
const STEP_INSTANCES = 2000;

/** Instances by address, of each account. */
export class AddressBook {
  readonly #accounts = new Map<Account, Map<string, Held>>();

  /** Takes all present instances in, some at each step. Changes meanwhile come by `take`. */
  *gather(registry: Registry): Generator<void, void> {
    const accounts = registry.read((view) => [...view.accounts()].map(({ name }) => name));
    for (const account of accounts) {
      for (let from: string | undefined = ""; from !== undefined; ) {
        const next: string | undefined = registry.read((view) => this.#addSome(view, account, from as string));
        yield;
        from = next;
      }
    }
  }

  /** Some of those whose ids are not before `from`; returns the next id, undefined when there is none. */
  #addSome(view: View, account: Account, from: string): string | undefined {
    let left = STEP_INSTANCES;
    let last = "";
    for (const record of view.account(account)?.instances(from) ?? []) {
      // Several services may have an instance with the same id.
      if (left <= 0 && record.id !== last) return record.id;
      this.#add(account, record);
      last = record.id;
      left--;
    }
    return undefined;
  }

  at(address: string): readonly { readonly account: Account; readonly record: InstanceRecord }[] {
    const found: { account: Account; record: InstanceRecord }[] = [];
    for (const [account, addresses] of this.#accounts) {
      const held = addresses.get(address);
      if (held !== undefined) for (const record of eachOf(held)) found.push({ account, record });
    }
    return found;
  }

  /** Brings the book up to date with a change. The same change again does no harm. */
  take(account: Account, before: InstanceRecord | null, after: InstanceRecord | null): void {
    if (before !== null) this.#remove(account, before);
    if (after !== null) this.#add(account, after);
  }

  #add(account: Account, record: InstanceRecord): void {
    const address = toCanonical(record.address);
    if (address === undefined) return;
    let addresses = this.#accounts.get(account);
    if (addresses === undefined) {
      addresses = new Map();
      this.#accounts.set(account, addresses);
    }
    const held = addresses.get(address);
    addresses.set(address, held === undefined ? record : withRecord(held, record));
  }

  #remove(account: Account, record: InstanceRecord): void {
    const address = toCanonical(record.address);
    const addresses = this.#accounts.get(account);
    const held = address === undefined ? undefined : addresses?.get(address);
    if (address === undefined || addresses === undefined || held === undefined) return;
    const left = withoutRecord(held, record);
    if (left === undefined) addresses.delete(address);
    else addresses.set(address, left);
    if (addresses.size === 0) this.#accounts.delete(account);
  }
}

function eachOf(held: Held): Iterable<InstanceRecord> {
  if (held instanceof Map) return held.values();
  return Array.isArray(held) ? held : [held];
}

function keyOfRecord(record: InstanceRecord): string {
  return `${record.service}/${record.id}`;
}

function isSame(one: InstanceRecord, other: InstanceRecord): boolean {
  return one.id === other.id && one.service === other.service;
}

function withRecord(held: Held, record: InstanceRecord): Held {
  if (held instanceof Map) return held.set(keyOfRecord(record), record);
  const list = [...eachOf(held)].filter((other) => !isSame(other, record));
  list.push(record);
  if (list.length === 1) return record;
  return list.length <= LIST_MAX ? list : new Map(list.map((each) => [keyOfRecord(each), each]));
}

function withoutRecord(held: Held, record: InstanceRecord): Held | undefined {
  if (held instanceof Map) {
    held.delete(keyOfRecord(record));
    return held.size === 0 ? undefined : held;
  }
  const list = [...eachOf(held)].filter((other) => !isSame(other, record));
  return list.length > 1 ? list : list[0];
}
