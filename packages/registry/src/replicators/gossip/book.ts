/**
 * What a node has, arranged for comparing it with another's: units are dealt out over leaves, sixteen leaves make a group,
 * and each has a digest of the versions in it. Equal digests mean equal units; tombstones are in none.
 */
import {
  type Account,
  type Bytes,
  type Commit,
  findLiving,
  isShared,
  isTombstone,
  LEAVES,
  leaverOf,
  mix,
  nameOfUnit,
  ownerIn,
  readTombstone,
  subjectOf,
  type Tombstone,
  tombstonesOf,
  type Unit,
  type UnitName,
  unitKey,
  type View,
  versionOfUnit,
} from "../../core/index.ts";
import type { Digests, Placed } from "./messages.ts";

const GROUP = 16;
export const GROUPS = LEAVES / GROUP;

type Living = Exclude<Unit, Tombstone>;

/** With its name as one string. */
export interface Noted extends Placed {
  readonly key: Bytes;
}

interface Entry {
  readonly account: Account;
  /** Of the name: others have it rarely, and it is compared quickly. */
  readonly tag: number;
  unit: Living;
  low: number;
  high: number;
}

export class Book {
  readonly #leaves = new Array<Entry[] | undefined>(LEAVES).fill(undefined);
  readonly #leafDigests = new Uint32Array(2 * LEAVES);
  readonly #groupDigests = new Uint32Array(2 * GROUPS);
  readonly #root = new Uint32Array(2);
  /** When something changed in a leaf. */
  readonly #changedMs = new Float64Array(LEAVES).fill(Number.NEGATIVE_INFINITY);
  count = 0;

  /** All of the view. */
  fill(view: View): void {
    this.#leaves.fill(undefined);
    for (const digests of [this.#leafDigests, this.#groupDigests, this.#root]) digests.fill(0);
    this.count = 0;
    for (const { unit, account } of unitsOf(view)) {
      const name = nameOfUnit(unit);
      const key = unitKey(name);
      this.#put(account, key, placeOf(key), name, unit);
    }
  }

  /** After a commit was applied. What it left of each unit that it touched. */
  note(view: View, commit: Commit, nowMs: number): readonly Noted[] {
    const { account } = commit;
    const touched = new Map<string, UnitName>();
    nameUnits(view, commit, (name) => touched.set(unitKey(name), name));
    const found: Noted[] = [];
    for (const [key, name] of touched) {
      const unit = findLiving(view, account, name);
      const place = placeOf(key);
      this.#put(account, key, place, name, unit);
      this.#changedMs[place.leaf] = nowMs;
      if (unit !== undefined) found.push({ account, key, unit });
    }
    for (const change of commit.changes) {
      if (change.kind !== "key" || change.after === null || !isTombstone(change.after.key)) continue;
      const unit = readTombstone(change.after);
      found.push({ account, key: unitKey(unit.of), unit });
    }
    return found;
  }

  #put(account: Account, key: Bytes, { leaf, tag }: Place, name: UnitName, unit: Living | undefined): void {
    const entries = this.#leaves[leaf] ?? [];
    const at = entries.findIndex((one) => one.tag === tag && one.account === account && isNamed(one.unit, name));
    const known = entries[at];
    if (known !== undefined) this.#add(leaf, -known.low, -known.high);
    if (unit === undefined) {
      if (known === undefined) return;
      entries[at] = entries[entries.length - 1] as Entry;
      entries.pop();
      this.count--;
      return;
    }
    const { stampMs, origin } = versionOfUnit(unit);
    const [low, high] = mix(`${account}\0${stampMs}\0${origin}\0${key}`);
    this.#add(leaf, low, high);
    if (known === undefined) {
      entries.push({ account, tag, unit, low, high });
      this.#leaves[leaf] = entries;
      this.count++;
    } else {
      known.unit = unit;
      known.low = low;
      known.high = high;
    }
  }

  #add(leaf: number, low: number, high: number): void {
    const group = Math.floor(leaf / GROUP);
    addTo(this.#leafDigests, leaf, low, high);
    addTo(this.#groupDigests, group, low, high);
    addTo(this.#root, 0, low, high);
  }

  get root(): Digests {
    return this.#root;
  }

  get groups(): Digests {
    return this.#groupDigests;
  }

  /** Of the leaves of a group. */
  leavesOf(group: number): Digests {
    return this.#leafDigests.subarray(2 * GROUP * group, 2 * GROUP * (group + 1));
  }

  /** Of one leaf. */
  digestOf(leaf: number): string {
    return this.#leafDigests.subarray(2 * leaf, 2 * leaf + 2).join();
  }

  /** When the leaf changed last. */
  changedMs(leaf: number): number {
    return this.#changedMs[leaf] ?? Number.NEGATIVE_INFINITY;
  }

  /** What lies in a leaf: units, and the tombstones of those that went. */
  *in(view: View, leaf: number): Iterable<Placed> {
    for (const { account, unit } of this.#leaves[leaf] ?? []) yield { account, unit };
    const [from, to] = [tombstonesOf(leaf), `${tombstonesOf(leaf)}\xff`];
    for (const { name: account } of view.accounts())
      for (const record of view.entries(account, from, to)) {
        const unit = readTombstone(record);
        if (findLiving(view, account, unit.of) === undefined) yield { account, unit };
      }
  }
}

interface Place {
  readonly leaf: number;
  readonly tag: number;
}

function placeOf(key: Bytes): Place {
  const [first, second] = mix(key);
  // A small integer: they take no room of their own.
  return { leaf: first % LEAVES, tag: second >>> 2 };
}

function addTo(digests: Digests, at: number, low: number, high: number): void {
  digests[2 * at] = ((digests[2 * at] as number) + low) >>> 0;
  digests[2 * at + 1] = ((digests[2 * at + 1] as number) + high) >>> 0;
}

/** Where digests differ: places among theirs. */
export function differing(ours: Digests, theirs: Digests): number[] {
  const places: number[] = [];
  for (let at = 0; 2 * at < ours.length; at++)
    if (ours[2 * at] !== theirs[2 * at] || ours[2 * at + 1] !== theirs[2 * at + 1]) places.push(at);
  return places;
}

/** The leaves of a group, from the first. */
export function leafAt(group: number, nth: number): number {
  return group * GROUP + nth;
}

function isNamed(unit: Living, name: UnitName): boolean {
  if (unit.kind !== name.kind) return false;
  if (name.kind === "key") return (unit.record as { key: string }).key === name.key;
  const { id, service } = unit.record as { id: string; service?: string };
  return id === name.id && (name.kind === "lease" || service === name.service);
}

export function* unitsOf(view: View): Iterable<Placed<Living>> {
  for (const account of view.accounts()) {
    const { name } = account;
    for (const record of account.leases())
      if (ownerIn(view, name, record) === undefined) yield { account: name, unit: { kind: "lease", record } };
    for (const { service, id } of account.instances()) {
      const unit = findLiving(view, name, { kind: "instance", service, id });
      if (unit !== undefined) yield { account: name, unit };
    }
    for (const record of view.entries(name, "", ""))
      if (isShared(record.key)) yield { account: name, unit: { kind: "key", record } };
  }
}

/** Calls with each unit that a commit may have changed. */
function nameUnits(view: View, { account, changes }: Commit, add: (name: UnitName) => void): void {
  for (const change of changes) {
    if (change.kind === "key") {
      const { key } = subjectOf(change);
      if (isShared(key)) add({ kind: "key", key });
    } else if (change.kind === "instance") {
      const { before, after } = change;
      const leaver = leaverOf(change);
      if (leaver !== null) add({ kind: "instance", service: leaver.service, id: leaver.id });
      if (after !== null) add({ kind: "instance", service: after.service, id: after.id });
      // A lease that the instance had to itself may keep others: it is a unit of its own then.
      if (before !== null && before.lease !== null && before.lease !== after?.lease)
        add({ kind: "lease", id: before.lease });
    } else {
      const lease = subjectOf(change);
      const owner = ownerIn(view, account, lease);
      // One that came just now as an instance's own has never been a unit by itself.
      if (owner === undefined || change.before !== null) add({ kind: "lease", id: lease.id });
      if (owner !== undefined) add({ kind: "instance", service: owner.service, id: owner.id });
    }
  }
}
