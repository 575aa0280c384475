/** Changes laid over a state without touching it: decided, but not durable yet or not sure to come about. */
import { isReserved } from "../bytes.ts";
import { growthOf, sizeOf } from "../catalog/size.ts";
import {
  type Account,
  type Bytes,
  type Change,
  type InstanceRecord,
  type KeyRecord,
  type LeaseId,
  type LeaseRecord,
  type Revision,
  subjectOf,
} from "../types.ts";
import type { AccountFacts, Counts, Facts, Member, Members } from "../view.ts";
import { AccountOver, ServiceDrafts } from "./over.ts";

/** The changes of one account. Null stands for "gone here, whatever lies below". */
class DraftAccount {
  readonly services = new ServiceDrafts();
  readonly leases = new Map<LeaseId, LeaseRecord | null>();
  readonly keys = new Map<Bytes, KeyRecord | null>();
  /** The services that an id was changed in; mostly one. */
  readonly ids = new Map<string, string | Set<string>>();
  readonly serviceDeltas = new Map<string, number>();
  /** The records of this draft by the lease that keeps them alive; mostly one. */
  readonly members = new Map<LeaseId, Member | Set<Member>>();
  readonly #counted = new Map<LeaseId, number>();
  /** Of the latest commit with an instance; 0 while there is none. */
  catalogRevision: Revision = 0;
  readonly deltas = { instances: 0, services: 0, keys: 0, leases: 0, bytes: 0 };
  /** The names in `keys`, sorted; null until somebody wants them so. */
  #sorted: Bytes[] | null = null;

  setInstance({ service, id }: InstanceRecord, after: InstanceRecord | null, revision: Revision): void {
    this.services.set(service, id, after);
    this.catalogRevision = revision;
    const known = this.ids.get(id);
    if (known === undefined) this.ids.set(id, service);
    else if (known instanceof Set) known.add(service);
    else if (known !== service) this.ids.set(id, new Set([known, service]));
  }

  servicesOf(id: string): Iterable<string> {
    const known = this.ids.get(id);
    return known === undefined ? [] : known instanceof Set ? known : [known];
  }

  setKey(key: Bytes, record: KeyRecord | null): void {
    if (this.#sorted !== null && !this.keys.has(key)) this.#sorted.splice(placeOf(this.#sorted, key), 0, key);
    this.keys.set(key, record);
  }

  /** The names in `keys` from this one on, sorted. */
  *keysFrom(from: Bytes): Iterable<Bytes> {
    this.#sorted ??= [...this.keys.keys()].sort();
    for (let i = placeOf(this.#sorted, from); i < this.#sorted.length; i++) yield this.#sorted[i] as Bytes;
  }

  join(lease: LeaseId | null, record: Member): void {
    if (lease === null) return;
    const known = this.members.get(lease);
    if (known === undefined) {
      this.members.set(lease, record);
      return;
    }
    this.#count(lease, sizeOf(record));
    if (known instanceof Set) known.add(record);
    else {
      this.#count(lease, sizeOf(known));
      this.members.set(lease, new Set([known, record]));
    }
  }

  part(lease: LeaseId | null, record: Member): void {
    if (lease === null) return;
    const known = this.members.get(lease);
    if (known === record) {
      this.members.delete(lease);
      return;
    }
    this.#count(lease, -sizeOf(record));
    if (known instanceof Set) known.delete(record);
  }

  #count(lease: LeaseId, bytes: number): void {
    this.#counted.set(lease, (this.#counted.get(lease) ?? 0) + bytes);
  }

  /** By how much what a lease keeps grew, by `sizeOf`. One member alone is not counted before somebody asks. */
  leaseBytes(lease: LeaseId): number {
    const known = this.members.get(lease);
    const alone = known === undefined || known instanceof Set ? 0 : sizeOf(known);
    return (this.#counted.get(lease) ?? 0) + alone;
  }

  membersOf(lease: LeaseId): Iterable<Member> {
    const known = this.members.get(lease);
    return known === undefined ? [] : known instanceof Set ? known : [known];
  }
}

/** Where the key stands among these, or would. */
function placeOf(sorted: readonly Bytes[], key: Bytes): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as Bytes) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

export class Draft implements Facts {
  /** The state below. The sequencer moves it to the view once the draft in between has become part of the view. */
  base: Facts;
  revision: Revision;
  /** Keys that ranges came by and left out, since they are no more. */
  #passed = 0;
  #growth = 0;
  readonly #accounts = new Map<Account, DraftAccount>();

  constructor(base: Facts) {
    this.base = base;
    this.revision = base.revision;
  }

  /** Lays changes over the state. */
  fold(account: Account, changes: readonly Change[], revision: Revision, growth = growthOf(changes)): void {
    let draft = this.#accounts.get(account);
    if (draft === undefined) {
      draft = new DraftAccount();
      this.#accounts.set(account, draft);
    }
    for (const change of changes) {
      if (change.kind === "instance") this.#foldInstance(account, draft, change, revision);
      else if (change.kind === "key") this.#foldKey(draft, change);
      else {
        draft.deltas.leases += (change.after === null ? 0 : 1) - (change.before === null ? 0 : 1);
        draft.leases.set(subjectOf(change).id, change.after);
      }
    }
    draft.deltas.bytes += growth;
    this.#growth += growth;
    this.revision = revision;
  }

  get bytes(): number {
    return this.base.bytes + this.#growth;
  }

  #foldInstance(
    account: Account,
    draft: DraftAccount,
    { before, after }: Pick<Extract<Change, { kind: "instance" }>, "before" | "after">,
    revision: Revision,
  ): void {
    const moved = before !== null && after !== null && (before.service !== after.service || before.id !== after.id);
    if (moved) {
      this.#foldInstance(account, draft, { before, after: null }, revision);
      this.#foldInstance(account, draft, { before: null, after }, revision);
      return;
    }
    const record = (after ?? before) as InstanceRecord;
    const delta = (after === null ? 0 : 1) - (before === null ? 0 : 1);
    if (delta !== 0) {
      const size = this.serviceSize(account, record.service);
      if (size === 0 && delta > 0) draft.deltas.services++;
      if (size === 1 && delta < 0) draft.deltas.services--;
      draft.serviceDeltas.set(record.service, (draft.serviceDeltas.get(record.service) ?? 0) + delta);
      draft.deltas.instances += delta;
    }
    draft.setInstance(record, after, revision);
    if (before !== null) draft.part(before.lease, before);
    if (after !== null) draft.join(after.lease, after);
  }

  #foldKey(draft: DraftAccount, change: Extract<Change, { kind: "key" }>): void {
    const { before, after } = change;
    const { key } = subjectOf(change);
    if (!isReserved(key)) draft.deltas.keys += (after === null ? 0 : 1) - (before === null ? 0 : 1);
    draft.setKey(key, after);
    if (before !== null) draft.part(before.lease, before);
    if (after !== null) draft.join(after.lease, after);
  }

  instance(account: Account, service: string, id: string): InstanceRecord | undefined {
    const found = this.#accounts.get(account)?.services.get(service, id);
    return found === undefined ? this.base.instance(account, service, id) : (found ?? undefined);
  }

  instancesById(account: Account, id: string): readonly InstanceRecord[] {
    const below = this.base.instancesById(account, id);
    const draft = this.#accounts.get(account);
    if (draft?.ids.has(id) !== true) return below;
    const rest = below.filter((record) => !draft.services.has(record));
    for (const service of draft.servicesOf(id)) {
      const record = draft.services.get(service, id);
      if (record != null) rest.push(record);
    }
    return rest.sort((a, b) => (a.service < b.service ? -1 : 1));
  }

  lease(account: Account, lease: LeaseId): LeaseRecord | undefined {
    const found = this.#accounts.get(account)?.leases.get(lease);
    return found === undefined ? this.base.lease(account, lease) : (found ?? undefined);
  }

  entry(account: Account, key: Bytes): KeyRecord | undefined {
    const found = this.#accounts.get(account)?.keys.get(key);
    return found === undefined ? this.base.entry(account, key) : (found ?? undefined);
  }

  *entries(account: Account, from: Bytes, to: Bytes): Iterable<KeyRecord> {
    const draft = this.#accounts.get(account);
    if (draft === undefined || draft.keys.size === 0) {
      yield* this.base.entries(account, from, to);
      return;
    }
    const mine = draft.keysFrom(from)[Symbol.iterator]();
    let next = mine.next();
    const isBefore = (end: Bytes): boolean => next.done !== true && (end === "" || next.value < end);
    for (const record of this.base.entries(account, from, to)) {
      for (; isBefore(record.key); next = mine.next()) yield* this.#present(draft, next.value as Bytes);
      if (!draft.keys.has(record.key)) yield record;
    }
    for (; isBefore(to); next = mine.next()) yield* this.#present(draft, next.value as Bytes);
  }

  hasEntries(account: Account, from: Bytes, to: Bytes): boolean {
    const draft = this.#accounts.get(account);
    if (draft === undefined || draft.keys.size === 0) return this.base.hasEntries(account, from, to);
    let isShortened = false;
    for (const key of draft.keysFrom(from)) {
      if (to !== "" && key >= to) break;
      if (draft.keys.get(key) != null) return true;
      isShortened = true;
    }
    if (!isShortened) return this.base.hasEntries(account, from, to);
    for (const _one of this.entries(account, from, to)) return true;
    return false;
  }

  *#present(draft: DraftAccount, key: Bytes): Iterable<KeyRecord> {
    const record = draft.keys.get(key);
    if (record != null) yield record;
    else this.#passed++;
  }

  /** Of this draft and those below: what ranges cost beyond what they give. */
  get passed(): number {
    return this.#passed + (this.base instanceof Draft ? this.base.passed : 0);
  }

  members(account: Account, lease: LeaseId): Members {
    const below = this.base.members(account, lease);
    const draft = this.#accounts.get(account);
    if (draft === undefined) return below;
    const instances = below.instances.filter((record) => !draft.services.has(record));
    const keys = below.keys.filter((record) => !draft.keys.has(record.key));
    for (const member of draft.membersOf(lease)) {
      if ("key" in member) keys.push(member);
      else instances.push(member);
    }
    return { instances, keys };
  }

  leaseBytes(account: Account, lease: LeaseId): number {
    return this.base.leaseBytes(account, lease) + (this.#accounts.get(account)?.leaseBytes(lease) ?? 0);
  }

  count(account: Account, of: keyof Counts): number {
    return this.base.count(account, of) + (this.#accounts.get(account)?.deltas[of] ?? 0);
  }

  serviceSize(account: Account, service: string): number {
    return this.base.serviceSize(account, service) + (this.#accounts.get(account)?.serviceDeltas.get(service) ?? 0);
  }

  account(name: Account): AccountFacts | undefined {
    const draft = this.#accounts.get(name);
    const below = this.base.account(name);
    return draft === undefined ? below : new AccountOver(name, below, draft);
  }
}
