/** The instances of one account in groups, by the keys that a `Grouping` makes of their records. */
import type { InstanceRecord } from "../types.ts";
import type { AccountFacts, Grouping } from "../view.ts";

/** The very records that the catalog has. One, as most groups have; several in a list; many so that one goes at once. */
type Held = InstanceRecord | InstanceRecord[] | Set<InstanceRecord>;

const LIST_MAX = 16;

export class Groups {
  readonly #by: Grouping;
  readonly #account: Pick<AccountFacts, "instances">;
  readonly #held = new Map<string, Held>();
  /** The first id that is yet to be looked at; undefined when all are in. */
  #from: string | undefined = "";

  constructor(by: Grouping, account: Pick<AccountFacts, "instances">) {
    this.#by = by;
    this.#account = account;
  }

  get isWhole(): boolean {
    return this.#from === undefined;
  }

  /** Takes about so many more instances in, and returns how many. Changes meanwhile come by `change`. */
  gather(max: number): number {
    if (this.#from === undefined) return 0;
    let taken = 0;
    let last = "";
    for (const record of this.#account.instances(this.#from)) {
      // Several services may have an instance with the same id.
      if (taken >= max && record.id !== last) {
        this.#from = record.id;
        return taken;
      }
      this.change(undefined, record);
      last = record.id;
      taken++;
    }
    this.#from = undefined;
    return taken;
  }

  /** Gathers all that is left to be gathered. */
  at(key: string): Iterable<InstanceRecord> {
    this.gather(Number.POSITIVE_INFINITY);
    const held = this.#held.get(key);
    return held === undefined ? [] : eachOf(held);
  }

  /** The same. */
  keys(): Iterable<string> {
    this.gather(Number.POSITIVE_INFINITY);
    return this.#held.keys();
  }

  /** The same change again does no harm, nor that of a record that is yet to be gathered. */
  change(before: InstanceRecord | undefined, after: InstanceRecord | null): void {
    if (before !== undefined) for (const key of this.#by.keysOf(before)) this.#remove(key, before);
    if (after !== null) for (const key of this.#by.keysOf(after)) this.#add(key, after);
  }

  #add(key: string, record: InstanceRecord): void {
    const held = this.#held.get(key);
    this.#held.set(key, held === undefined ? record : withRecord(held, record));
  }

  #remove(key: string, record: InstanceRecord): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    const left = withoutRecord(held, record);
    if (left === undefined) this.#held.delete(key);
    else this.#held.set(key, left);
  }
}

function eachOf(held: Held): Iterable<InstanceRecord> {
  return Array.isArray(held) || held instanceof Set ? held : [held];
}

function withRecord(held: Held, record: InstanceRecord): Held {
  if (held instanceof Set) return held.add(record);
  const list = [...eachOf(held)].filter((other) => other !== record);
  list.push(record);
  if (list.length === 1) return record;
  return list.length <= LIST_MAX ? list : new Set(list);
}

function withoutRecord(held: Held, record: InstanceRecord): Held | undefined {
  if (held instanceof Set) {
    held.delete(record);
    return held.size === 0 ? undefined : held;
  }
  const list = [...eachOf(held)].filter((other) => other !== record);
  return list.length > 1 ? list : list[0];
}
