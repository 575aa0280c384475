/** The catalog in memory. Records are immutable; only the indexes over them move, and only `apply` moves them. */
import sortedBtree from "sorted-btree";
import { compareStrings, FLOOR_KEY, isReserved } from "../bytes.ts";
import {
  type Account,
  type Bytes,
  type InstanceRecord,
  isTimeless,
  type KeyRecord,
  type LeaseId,
  type LeaseRecord,
  type Revision,
} from "../types.ts";
import {
  type AccountView,
  type Counts,
  type Directory,
  type Grouping,
  type ServiceView,
  statusOf,
  type View,
} from "../view.ts";
import { DirectoryIndex } from "./directories.ts";
import { Groups } from "./groups.ts";
import { LeaseState, whereOf } from "./lease.ts";
import { ServiceState } from "./service.ts";
import { ACCOUNT_BYTES, heldBytes, serviceBytes } from "./size.ts";

const BTree = sortedBtree.default;
type Tree<V> = InstanceType<typeof BTree<string, V>>;

const NO_COUNTS: Counts = { instances: 0, services: 0, keys: 0, leases: 0, bytes: 0 };
/** Services without instances that an account remembers, as a service's revision must not go back. */
const EMPTY_SERVICES_MAX = 10_000;

export class AccountState implements AccountView {
  readonly name: Account;
  revision: Revision = 0;
  catalogRevision: Revision = 0;
  keysRevision: Revision = 0;
  createdAtMs: number;
  /** Instances that a lease keeps for a time, here or at another node; of those here, whose lease is silent. */
  kept = 0;
  elsewhere = 0;
  silent = 0;
  readonly serviceStates = new Map<string, ServiceState>();
  /** Those with instances, sorted. */
  readonly #listed: Tree<ServiceState> = new BTree(undefined, compareStrings);
  readonly statuses: Record<keyof AccountView["statuses"], number> = {
    passing: 0,
    warning: 0,
    critical: 0,
    starting: 0,
    draining: 0,
    unknown: 0,
    held: 0,
  };
  readonly leaseStates = new Map<LeaseId, LeaseState>();
  /** By id; where there are several, by their services. One may be in thousands. */
  readonly #byId: Tree<InstanceRecord | Tree<InstanceRecord>> = new BTree(undefined, compareStrings);
  readonly #groups = new Map<Grouping, Groups>();
  readonly keys: Tree<KeyRecord> = new BTree(undefined, compareStrings);
  readonly directories = new DirectoryIndex();
  readonly counts: { -readonly [K in keyof Counts]: number } = { ...NO_COUNTS };

  constructor(name: Account, createdAtMs: number) {
    this.name = name;
    this.createdAtMs = createdAtMs;
  }

  get keysFloor(): Revision {
    return Number(this.keys.get(FLOOR_KEY)?.value ?? 0);
  }

  *services(from = ""): Iterable<ServiceView> {
    for (const [, service] of this.#listed.entries(from)) yield service;
  }

  service(name: string): ServiceState | undefined {
    return this.serviceStates.get(name);
  }

  *instances(fromId = ""): Iterable<InstanceRecord> {
    for (const [, found] of this.#byId.entries(fromId)) {
      if (found instanceof BTree) yield* found.values();
      else yield found;
    }
  }

  grouped(by: Grouping, key: string): Iterable<InstanceRecord> {
    return this.groupsBy(by).at(key);
  }

  groups(by: Grouping): Iterable<string> {
    return this.groupsBy(by).keys();
  }

  groupsBy(by: Grouping): Groups {
    const known = this.#groups.get(by) ?? new Groups(by, this);
    this.#groups.set(by, known);
    return known;
  }

  *changedServices(after: Revision): Iterable<string> {
    if (this.catalogRevision <= after) return;
    for (const { name, revision } of this.serviceStates.values()) if (revision > after) yield name;
  }

  instancesById(id: string): readonly InstanceRecord[] {
    const found = this.#byId.get(id);
    return found === undefined ? [] : found instanceof BTree ? [...found.values()] : [found];
  }

  *leases(): Iterable<LeaseRecord> {
    for (const state of this.leaseStates.values()) yield state.record;
  }

  lease(id: LeaseId): LeaseRecord | undefined {
    return this.leaseStates.get(id)?.record;
  }

  entry(key: Bytes): KeyRecord | undefined {
    return this.keys.get(key);
  }

  *entries(from: Bytes, to: Bytes): Iterable<KeyRecord> {
    for (const [key, record] of this.keys.entries(from)) {
      if (to !== "" && key >= to) return;
      yield record;
    }
  }

  under(prefix: Bytes): Directory {
    return this.directories.under(prefix);
  }

  setLease(id: LeaseId, after: LeaseRecord | null): void {
    const state = this.leaseStates.get(id);
    this.#count(state?.record, after);
    if (state === undefined) {
      if (after === null) return;
      this.leaseStates.set(id, new LeaseState(after));
      this.counts.leases++;
      return;
    }
    const wasTimed = !isTimeless(state.record);
    const isTimed = after !== null && !isTimeless(after);
    if (wasTimed !== isTimed) {
      this.setSilent(state, false);
      for (const service of this.#servicesOf(state)) this.#tally(whereOf(state), service, isTimed ? 1 : -1);
    }
    if (after !== null) state.record = after;
    else {
      this.leaseStates.delete(id);
      this.counts.leases--;
    }
  }

  setInstance(service: string, id: string, after: InstanceRecord | null, revision: Revision): void {
    const state = this.touchService(service, revision);
    const before = state.instances.get(id);
    this.#count(before, after);
    for (const groups of this.#groups.values()) groups.change(before, after);
    if (before !== undefined) {
      this.statuses[before.held === null ? statusOf(before) : "held"]--;
      if (before.lease !== null) this.#leave(state, before, before.lease);
      if (after === null) this.#unindex(before);
    }
    if (after !== null) {
      this.statuses[after.held === null ? statusOf(after) : "held"]++;
      if (state.instances.size === 0) {
        this.counts.services++;
        this.#listed.set(service, state);
      }
      if (before === undefined) this.counts.instances++;
      state.instances.set(id, after);
      if (after.lease !== null) this.#join(state, after, after.lease);
      this.#index(after);
    } else if (before !== undefined) {
      state.instances.delete(id);
      this.counts.instances--;
      if (state.instances.size === 0) {
        this.counts.services--;
        this.#listed.delete(service);
      }
    }
  }

  #join(service: ServiceState, record: InstanceRecord, id: LeaseId): void {
    const lease = this.leaseStates.get(id);
    if (lease === undefined) return;
    lease.add(record);
    if (!isTimeless(lease.record)) this.#tally(whereOf(lease), service, 1);
    if (lease.silent) this.#tally("silent", service, 1);
  }

  #leave(service: ServiceState, record: InstanceRecord, id: LeaseId): void {
    const lease = this.leaseStates.get(id);
    if (lease?.remove(record) !== true) return;
    if (!isTimeless(lease.record)) this.#tally(whereOf(lease), service, -1);
    if (lease.silent) this.#tally("silent", service, -1);
  }

  setSilent(lease: LeaseState, silent: boolean): void {
    if (lease.silent === silent) return;
    lease.silent = silent;
    for (const service of this.#servicesOf(lease)) this.#tally("silent", service, silent ? 1 : -1);
  }

  setElsewhere(lease: LeaseState, isElsewhere: boolean): void {
    if (lease.isElsewhere === isElsewhere) return;
    if (!isTimeless(lease.record)) {
      for (const service of this.#servicesOf(lease)) {
        this.#tally(whereOf(lease), service, -1);
        this.#tally(isElsewhere ? "elsewhere" : "kept", service, 1);
      }
    }
    lease.setElsewhere(isElsewhere);
  }

  /** The service of each instance that the lease keeps. */
  *#servicesOf(lease: LeaseState): Iterable<ServiceState> {
    for (const member of lease.each()) {
      const service = "key" in member ? undefined : this.serviceStates.get(member.service);
      if (service !== undefined) yield service;
    }
  }

  #tally(what: "kept" | "elsewhere" | "silent", service: ServiceState, delta: number): void {
    service[what] += delta;
    this[what] += delta;
  }

  /** `revision`: of the commit that did this to the key. */
  setKey(key: Bytes, after: KeyRecord | null, revision: Revision): void {
    const before = this.keys.get(key);
    this.#count(before, after);
    this.#noteInDirectory(key, before, after, revision);
    if (before?.lease != null) this.leaseStates.get(before.lease)?.remove(before);
    if (after === null) {
      if (before !== undefined) {
        this.keys.delete(key);
        if (!isReserved(key)) this.counts.keys--;
      }
      return;
    }
    this.keys.set(key, after);
    if (after.lease !== null) this.leaseStates.get(after.lease)?.add(after);
    if (before === undefined && !isReserved(key)) this.counts.keys++;
  }

  #noteInDirectory(key: Bytes, before: KeyRecord | undefined, after: KeyRecord | null, revision: Revision): void {
    const by = (after === null ? 0 : 1) - (before === undefined ? 0 : 1);
    const cameOrWent = after === null ? revision : after.createRevision;
    const bytesBefore = this.directories.bytes;
    this.directories.note(after?.key ?? key, by, revision, cameOrWent);
    this.counts.bytes += this.directories.bytes - bytesBefore;
  }

  restoreDirectories(...known: Parameters<DirectoryIndex["restore"]>): void {
    const bytesBefore = this.directories.bytes;
    this.directories.restore(...known);
    this.counts.bytes += this.directories.bytes - bytesBefore;
  }

  #count(before: InstanceRecord | LeaseRecord | KeyRecord | undefined, after: typeof before | null): void {
    if (after != null) this.counts.bytes += heldBytes(after);
    if (before !== undefined) this.counts.bytes -= heldBytes(before);
  }

  touchService(name: string, revision: Revision): ServiceState {
    let state = this.serviceStates.get(name);
    if (state === undefined) {
      state = new ServiceState(name, revision);
      this.serviceStates.set(name, state);
      this.counts.bytes += serviceBytes(name);
      if (this.serviceStates.size > this.counts.services + EMPTY_SERVICES_MAX) this.#forgetEmptyServices();
    } else if (revision > state.revision) state.revision = revision;
    return state;
  }

  #forgetEmptyServices(): void {
    const empty = [...this.serviceStates.values()].filter((service) => service.instances.size === 0);
    for (const { name } of empty.sort((a, b) => a.revision - b.revision).slice(0, EMPTY_SERVICES_MAX / 2)) {
      this.serviceStates.delete(name);
      this.counts.bytes -= serviceBytes(name);
    }
  }

  #index(record: InstanceRecord): void {
    const found = this.#byId.get(record.id);
    if (found instanceof BTree) found.set(record.service, record);
    else if (found === undefined || found.service === record.service) this.#byId.set(record.id, record);
    else {
      const all: Tree<InstanceRecord> = new BTree(undefined, compareStrings);
      all.set(found.service, found);
      all.set(record.service, record);
      this.#byId.set(record.id, all);
    }
  }

  #unindex({ service, id }: InstanceRecord): void {
    const found = this.#byId.get(id);
    if (!(found instanceof BTree)) this.#byId.delete(id);
    else {
      found.delete(service);
      if (found.size === 1) for (const rest of found.values()) this.#byId.set(id, rest);
    }
  }
}

/** The view. Mutated by `apply` alone, between reads. */
export class Catalog implements View {
  revision: Revision = 0;
  bytes = 0;
  readonly accountStates = new Map<Account, AccountState>();
  /** Those by which the instances of all accounts are sorted. */
  readonly groupings = new Set<Grouping>();

  accounts(): Iterable<AccountView> {
    return this.accountStates.values();
  }

  account(name: Account): AccountState | undefined {
    return this.accountStates.get(name);
  }

  /** The account's state, made when it is new. */
  openAccount(name: Account, atMs: number): AccountState {
    let state = this.accountStates.get(name);
    if (state === undefined) {
      state = new AccountState(name, atMs);
      this.accountStates.set(name, state);
      for (const by of this.groupings) state.groupsBy(by).gather(1);
      this.bytes += ACCOUNT_BYTES;
    }
    return state;
  }

  /** Sorts the instances of all accounts, those that come meanwhile too: so many between two stops. */
  *group(by: Grouping, max: number): Generator<void, void> {
    let left = max;
    for (const account of this.accountStates.values())
      for (const groups = account.groupsBy(by); !groups.isWhole; ) {
        left -= groups.gather(left);
        if (left > 0) continue;
        yield;
        left = max;
      }
    this.groupings.add(by);
  }

  instance(account: Account, service: string, id: string): InstanceRecord | undefined {
    return this.accountStates.get(account)?.serviceStates.get(service)?.instances.get(id);
  }

  instancesById(account: Account, id: string): readonly InstanceRecord[] {
    return this.accountStates.get(account)?.instancesById(id) ?? [];
  }

  lease(account: Account, lease: LeaseId): LeaseRecord | undefined {
    return this.leaseState(account, lease)?.record;
  }

  leaseState(account: Account, lease: LeaseId): LeaseState | undefined {
    return this.accountStates.get(account)?.leaseStates.get(lease);
  }

  entry(account: Account, key: Bytes): KeyRecord | undefined {
    return this.accountStates.get(account)?.keys.get(key);
  }

  entries(account: Account, from: Bytes, to: Bytes): Iterable<KeyRecord> {
    return this.accountStates.get(account)?.entries(from, to) ?? [];
  }

  hasEntries(account: Account, from: Bytes, to: Bytes): boolean {
    const next = this.accountStates.get(account)?.keys.getPairOrNextHigher(from);
    return next !== undefined && (to === "" || next[0] < to);
  }

  members(account: Account, lease: LeaseId): { instances: InstanceRecord[]; keys: KeyRecord[] } {
    const [instances, keys]: [InstanceRecord[], KeyRecord[]] = [[], []];
    for (const one of this.leaseState(account, lease)?.each() ?? [])
      "key" in one ? keys.push(one) : instances.push(one);
    return { instances, keys };
  }

  leaseBytes(account: Account, lease: LeaseId): number {
    return this.leaseState(account, lease)?.bytes ?? 0;
  }

  count(account: Account, of: keyof Counts): number {
    return this.accountStates.get(account)?.counts[of] ?? 0;
  }

  serviceSize(account: Account, service: string): number {
    return this.accountStates.get(account)?.serviceStates.get(service)?.instances.size ?? 0;
  }
}
