/** @live What came of other nodes and is to be merged: gathered while the store works, and merged many at once. */
import {
  type Account,
  type Command,
  compareVersions,
  nameOfUnit,
  type Outcome,
  type Unit,
  unitKey,
  versionOfUnit,
} from "../../core/index.ts";
import { inParts, type Placed, sizeOfUnit } from "./messages.ts";

/** Units of one commit. */
const MERGED_AT_ONCE = 500;
/** What is dropped is asked for again when nodes compare what they have. */
const WAITING_MAX = 200_000;
const WAITING_BYTES_MAX = 64 * 1024 * 1024;

export class Inbox {
  readonly #propose: (account: Account, command: Command) => Promise<Outcome<unknown>>;
  readonly #waiting = new Map<Account, Map<string, Unit>>();
  #count = 0;
  #bytes = 0;
  #working: Promise<boolean> | null = null;

  constructor(propose: (account: Account, command: Command) => Promise<Outcome<unknown>>) {
    this.#propose = propose;
  }

  get count(): number {
    return this.#count;
  }

  /** Resolves when what has come up to now is merged: false when some of it could not be. */
  async add(units: readonly Placed[]): Promise<boolean> {
    let isWhole = true;
    for (const { account, unit } of units) isWhole = this.#put(account, unit) && isWhole;
    // What is at work now does not hold these.
    if (this.#working !== null) await this.#working;
    // Whoever came before may have taken them along.
    const work = this.#count > 0 ? this.#work() : this.#working;
    return (work === null || (await work)) && isWhole;
  }

  #put(account: Account, unit: Unit): boolean {
    if (this.#count >= WAITING_MAX || this.#bytes >= WAITING_BYTES_MAX) return false;
    const units = this.#waiting.get(account) ?? new Map<string, Unit>();
    this.#waiting.set(account, units);
    const key = unitKey(nameOfUnit(unit));
    const known = units.get(key);
    if (known !== undefined && compareVersions(versionOfUnit(unit), versionOfUnit(known)) <= 0) return true;
    units.set(key, unit);
    if (known === undefined) this.#count++;
    this.#bytes += sizeOfUnit(unit);
    return true;
  }

  #work(): Promise<boolean> {
    this.#working ??= this.#mergeAll().finally(() => {
      this.#working = null;
    });
    return this.#working;
  }

  async #mergeAll(): Promise<boolean> {
    const all = [...this.#waiting];
    this.#waiting.clear();
    this.#count = 0;
    this.#bytes = 0;
    const merging = all.flatMap(([account, units]) => {
      const list = [...units.values()].sort((a, b) => Number(b.kind === "lease") - Number(a.kind === "lease"));
      const parts = [...inParts(list, MERGED_AT_ONCE, (unit) => unit)];
      return parts.map((part) => this.#propose(account, { kind: "merge", units: part }));
    });
    return (await Promise.all(merging)).every(({ ok }) => ok);
  }
}
