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
import type { Placed } from "./messages.ts";

/** Units of one commit. */
const MERGED_AT_ONCE = 500;
/** What is dropped is asked for again when nodes compare what they have. */
const WAITING_MAX = 200_000;

export class Inbox {
  readonly #propose: (account: Account, command: Command) => Promise<Outcome<unknown>>;
  readonly #waiting = new Map<Account, Map<string, Unit>>();
  #count = 0;
  #working: Promise<void> | null = null;

  constructor(propose: (account: Account, command: Command) => Promise<Outcome<unknown>>) {
    this.#propose = propose;
  }

  get count(): number {
    return this.#count;
  }

  /** Resolves when what has come up to now is merged, or could not be. */
  async add(units: readonly Placed[]): Promise<void> {
    for (const { account, unit } of units) this.#put(account, unit);
    // What is at work now does not hold these.
    if (this.#working !== null) await this.#working;
    if (this.#count > 0) await this.#work();
  }

  #put(account: Account, unit: Unit): void {
    if (this.#count >= WAITING_MAX) return;
    const units = this.#waiting.get(account) ?? new Map<string, Unit>();
    this.#waiting.set(account, units);
    const key = unitKey(nameOfUnit(unit));
    const known = units.get(key);
    if (known === undefined) this.#count++;
    if (known === undefined || compareVersions(versionOfUnit(unit), versionOfUnit(known)) > 0) units.set(key, unit);
  }

  #work(): Promise<void> {
    this.#working ??= this.#mergeAll().finally(() => {
      this.#working = null;
    });
    return this.#working;
  }

  async #mergeAll(): Promise<void> {
    const all = [...this.#waiting];
    this.#waiting.clear();
    this.#count = 0;
    const merging = all.flatMap(([account, units]) => {
      const list = [...units.values()].sort((a, b) => Number(b.kind === "lease") - Number(a.kind === "lease"));
      const parts: Promise<Outcome<unknown>>[] = [];
      for (let at = 0; at < list.length; at += MERGED_AT_ONCE)
        parts.push(this.#propose(account, { kind: "merge", units: list.slice(at, at + MERGED_AT_ONCE) }));
      return parts;
    });
    await Promise.all(merging);
  }
}
