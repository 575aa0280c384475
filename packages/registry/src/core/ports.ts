import type { Outcome } from "../outcome.ts";
import type { Command, Receipt } from "./command.ts";
import type {
  Account,
  Bytes,
  Commit,
  InstanceRecord,
  KeyRecord,
  LeaseId,
  LeaseRecord,
  Ports,
  Revision,
  Status,
} from "./types.ts";

/** Numbers of one account. Counts take no notice of reserved keys (first byte 0). */
export interface Counts {
  readonly instances: number;
  /** Services that have an instance now. */
  readonly services: number;
  readonly keys: number;
  readonly leases: number;
}

/** What decide needs to know. The view has it, and so has a draft laid over the view. */
export interface Facts {
  readonly revision: Revision;
  instance(account: Account, service: string, id: string): InstanceRecord | undefined;
  /** Every instance with this id, whatever its service; sorted by service. */
  instancesById(account: Account, id: string): readonly InstanceRecord[];
  lease(account: Account, lease: LeaseId): LeaseRecord | undefined;
  entry(account: Account, key: Bytes): KeyRecord | undefined;
  /** Keys in [from, to), sorted bytewise; `to` = "" means to the end. */
  entries(account: Account, from: Bytes, to: Bytes): Iterable<KeyRecord>;
  /** What the lease keeps alive. */
  members(
    account: Account,
    lease: LeaseId,
  ): { readonly instances: readonly InstanceRecord[]; readonly keys: readonly KeyRecord[] };
  counts(account: Account): Counts;
  /** How many instances the service has. */
  serviceSize(account: Account, service: string): number;
}

/** A service as readers see it. The object stays the same while the service has a history; its fields move. */
export interface ServiceView {
  readonly name: string;
  /** The latest revision that touched it or one of its instances, deletions and holds included. Only grows. */
  readonly revision: Revision;
  /** By instance id, in no particular order. */
  readonly instances: ReadonlyMap<string, InstanceRecord>;
}

/** One account as readers see it. */
export interface AccountView {
  readonly name: Account;
  /** The latest revision that touched it. Only grows. */
  readonly revision: Revision;
  /** Latest revision that touched any of its instances or services. Only grows. */
  readonly catalogRevision: Revision;
  /** Latest revision that touched any of its keys. Only grows. */
  readonly keysRevision: Revision;
  readonly createdAtMs: number;
  readonly counts: Counts;
  /** Sorted by name; empty services (all instances gone) left out. */
  services(): Iterable<ServiceView>;
  /** Also answers for a service that is empty but still remembered. */
  service(name: string): ServiceView | undefined;
  /** All instances sorted by (id, service), beginning at the first id >= `fromId`. */
  instances(fromId?: string): Iterable<InstanceRecord>;
  leases(): Iterable<LeaseRecord>;
  lease(id: LeaseId): LeaseRecord | undefined;
  entry(key: Bytes): KeyRecord | undefined;
  entries(from: Bytes, to: Bytes): Iterable<KeyRecord>;
}

/** The whole catalog at one revision. Valid only within the `read` that hands it out. */
export interface View extends Facts {
  accounts(): Iterable<AccountView>;
  account(name: Account): AccountView | undefined;
}

/** Which commits a watcher wants. An empty scope is everything in the account. */
export interface Scope {
  /** All accounts when left out. */
  readonly account?: Account;
  /** Changes of these services' instances (and holds of their leases). */
  readonly services?: readonly string[];
  /** Any service. */
  readonly anyService?: boolean;
  /** Changes of keys in [from, to); `to` = "" means to the end, left out means the one key. */
  readonly keys?: { readonly from: Bytes; readonly to?: Bytes };
}

/**
 * A watcher's side. It is a cursor into the history, never a queue: commits are handed over at once, in order, and
 * each counts as delivered when `deliver` returns true. Returning false parks the cursor before that commit; `resume`
 * continues from there.
 */
export interface Watcher {
  deliver(commit: Commit): boolean;
  /** Called once: all that there was when the watch began has been delivered. */
  caughtUp?(): void;
  /**
   * The position is older than the history, or `deliver` threw: read the state again and watch from its revision. Ends
   * the watch.
   */
  lost(compacted: Revision): void;
}

export interface Watch {
  /** The revision up to which everything in scope has been delivered. */
  readonly position: Revision;
  resume(): void;
  close(): void;
}

/** What is known of a lease's heartbeats on this node. Times are wall-clock ms, 0 for never. */
export interface Pulse {
  readonly lastBeatMs: number;
  readonly beats: number;
  /** Smoothed time between beats in ms; 0 while unknown. */
  readonly intervalMs: number;
  readonly deadlineMs: number;
}

/** The door to the catalog. Dialects have nothing else. */
export interface Registry {
  /** One revision from start to finish: a query cannot await, so it never sees half a change. */
  read<T>(query: (view: View) => T extends PromiseLike<unknown> ? never : T): T;
  /** Resolves when the change, or what a refusal rests on, is durable and visible. Never rejects for a refusal. */
  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>>;
  /** A heartbeat. Not a command: renewals never enter the log. Resolves to the ttl in ms. */
  renew(account: Account, lease: LeaseId): Promise<Outcome<{ readonly ttlMs: number }>>;
  /** Many heartbeats: the ttl in ms of each, in order, or 0 where there is no such lease. */
  renewMany(account: Account, leases: readonly LeaseId[]): Promise<Float64Array>;
  pulse(account: Account, lease: LeaseId): Pulse | undefined;
  /** Resolves when this node has applied `revision`; rejects only when aborted. */
  reached(revision: Revision, signal?: AbortSignal): Promise<void>;
  /** Follows every commit after `after` that touches `scope`. Refused as `compacted` when history is gone. */
  follow(scope: Scope, after: Revision, watcher: Watcher): Outcome<Watch>;
  /** The same as an endless iterable; slow readers lose nothing but may end as `compacted` (the iterable throws `Lost`). */
  watch(scope: Scope, after: Revision, signal: AbortSignal): Outcome<AsyncIterable<Commit>>;
  /** Stored commits with revision > after, oldest first, at most `limit`; refused as `compacted` below the floor. */
  history(after: Revision, limit: number): Promise<Outcome<readonly Commit[]>>;
  /** The last revision committed before wall-clock time `atMs` (0 when none is older). */
  revisionAt(atMs: number): Promise<Revision>;
  /** History up to and including this revision is gone. */
  readonly floor: Revision;
  /** Forgets history up to and including `revision`. */
  compact(revision: Revision): Promise<Outcome<Revision>>;
}

/** The port of protocols that know only one: `default`, else the first by name; undefined when there is none above 0. */
export function mainPort(ports: Ports): number | undefined {
  if ((ports.default ?? 0) > 0) return ports.default;
  let first: string | undefined;
  for (const name in ports) if ((ports[name] as number) > 0 && (first === undefined || name < first)) first = name;
  return first === undefined ? undefined : ports[first];
}

/** Shown status: an operator's override, else the worst of what the instance and its checks say. */
export function statusOf(record: InstanceRecord): Status {
  if (record.override !== null) return record.override;
  let worst = record.status;
  for (const check of record.checks) if (SEVERITY[check.status] > SEVERITY[worst]) worst = check.status;
  return worst;
}

const SEVERITY: Readonly<Record<Status, number>> = {
  passing: 0,
  warning: 1,
  unknown: 2,
  starting: 3,
  draining: 4,
  critical: 5,
};

/** Time as the core is given it. */
export interface Clock {
  /** Wall-clock ms. */
  now(): number;
  /** Monotonic ms, any origin. */
  monotonic(): number;
}

/** Decides what becomes of leases that lapse together. */
export interface ExpiryPolicy {
  /** How far ahead silent leases count as about to lapse. */
  readonly windowMs: number;
  /** How long held leases are kept. */
  readonly holdMs: number;
  /** Called once a tick for each account in which leases lapsed. A reason holds them; null lets them end. */
  judge(account: Account, census: Census, nowMs: number): string | null;
}

export interface Census {
  /** Leases that lapsed in this tick. */
  readonly lapsed: readonly LeaseId[];
  /** Not lapsed, but overdue for their usual heartbeat and due to lapse within the window. */
  readonly silent: number;
  /** Leases held already. */
  readonly held: number;
  /** All leases of the account, the lapsed and held ones included. */
  readonly live: number;
  /** Whether there is such a lease now. One that ended and came back has not fallen silent for good. */
  isLive(lease: LeaseId): boolean;
}

/** How a replicator hands durable things to the core. Called in order, never concurrently. */
export interface Sink {
  /** The restored state, before anything is committed. */
  restore(state: Restored): void;
  /** These commits are durable: apply, show, push. In revision order, without gaps of this node's making. */
  committed(commits: readonly Commit[]): void;
  /** Decides on the state after everything proposed so far; undefined order for local replicators. */
  readonly view: View;
}

/** State as stored, streamed so that a large one is never held twice. */
export interface Restored {
  readonly revision: Revision;
  readonly atMs: number;
  readonly nth: number;
  /** History up to here is gone. */
  readonly floor: Revision;
  readonly accounts: Iterable<StoredAccount>;
  readonly leases: Iterable<readonly [Account, LeaseRecord]>;
  readonly instances: Iterable<readonly [Account, InstanceRecord]>;
  readonly keys: Iterable<readonly [Account, KeyRecord]>;
  /** The newest commits, oldest first, to fill the history in memory; may be empty. */
  readonly recent: Iterable<Commit>;
}

export interface StoredAccount {
  readonly name: Account;
  readonly createdAtMs: number;
  readonly revision: Revision;
  readonly catalogRevision: Revision;
  readonly keysRevision: Revision;
  /** Revisions of services, also of those that are empty now. */
  readonly services: readonly (readonly [string, Revision])[];
}

/** Makes commits durable and agrees on their order. */
export interface Replicator {
  readonly name: string;
  readonly order: "total" | "local";
  /** Opens the store, restores through the sink, and is then ready for proposals. Rejects with a sentence for people. */
  open(sink: Sink): Promise<void>;
  /** Resolves when the command's commit is durable and has been handed to the sink. */
  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>>;
  /** Stored commits after `after`, oldest first. The caller has checked `floor`. */
  history(after: Revision, limit: number): Promise<readonly Commit[]>;
  revisionAt(atMs: number): Promise<Revision>;
  readonly floor: Revision;
  compact(revision: Revision): Promise<Outcome<Revision>>;
  /** Waits for what is under way, refuses the rest as `unavailable`, closes the store. */
  close(): Promise<void>;
}
