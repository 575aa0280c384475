/** The catalog as readers see it. */
import type { Account, Bytes, InstanceRecord, KeyRecord, LeaseId, LeaseRecord, Revision, Status } from "./types.ts";

/** How much an account has. Reserved keys (first byte 0) count for `bytes` only. */
export interface Counts {
  readonly instances: number;
  /** Services with an instance. */
  readonly services: number;
  readonly keys: number;
  readonly leases: number;
  /** About what all of it takes of the heap. */
  readonly bytes: number;
}

/** What a lease keeps alive. */
export type Member = InstanceRecord | KeyRecord;

export interface Members {
  readonly instances: readonly InstanceRecord[];
  readonly keys: readonly KeyRecord[];
}

/**
 * Sorts instances into groups, by keys that are made of their records alone. Known by its identity: one constant for each.
 * The catalog keeps the groups from the first look at them on.
 */
export interface Grouping {
  keysOf(record: InstanceRecord): readonly string[];
}

/** The services and instances of one account, as decisions and lookups find them. */
export interface AccountFacts {
  readonly name: Account;
  /** Latest revision that touched any of its instances or services. Only grows. */
  readonly catalogRevision: Revision;
  /** Sorted by name, beginning at the first one >= `from`; empty services (all instances gone) left out. */
  services(from?: string): Iterable<ServiceView>;
  /** Also answers for a service that is empty but still remembered. */
  service(name: string): ServiceView | undefined;
  /** All instances sorted by (id, service), beginning at the first id >= `fromId`. */
  instances(fromId?: string): Iterable<InstanceRecord>;
  /** Those with this key, in no order. The first look goes over all instances, unless `Registry.group` went before. */
  grouped(by: Grouping, key: string): Iterable<InstanceRecord>;
  /** The names of the services that changed after this revision, and perhaps of others, in no order. */
  changedServices(after: Revision): Iterable<string>;
}

/** What decisions are made on: the view, or a draft laid over it. */
export interface Facts {
  readonly revision: Revision;
  /** About what the whole catalog takes of the heap. */
  readonly bytes: number;
  instance(account: Account, service: string, id: string): InstanceRecord | undefined;
  /** Every instance with this id, whatever its service; sorted by service. */
  instancesById(account: Account, id: string): readonly InstanceRecord[];
  lease(account: Account, lease: LeaseId): LeaseRecord | undefined;
  entry(account: Account, key: Bytes): KeyRecord | undefined;
  /** Keys in [from, to), sorted bytewise; `to` = "" means to the end. */
  entries(account: Account, from: Bytes, to: Bytes): Iterable<KeyRecord>;
  /** Whether there is a key in [from, to). */
  hasEntries(account: Account, from: Bytes, to: Bytes): boolean;
  members(account: Account, lease: LeaseId): Members;
  /** Of these, by `sizeOf`. */
  leaseBytes(account: Account, lease: LeaseId): number;
  /** One number at a time: each decision asks for some. */
  count(account: Account, of: keyof Counts): number;
  /** The number of the service's instances. */
  serviceSize(account: Account, service: string): number;
  /** Undefined while nothing was ever in it. Good until the next command is decided. */
  account(name: Account): AccountFacts | undefined;
}

/** A service as readers see it. The object stays the same while the service has a history; its fields move. */
export interface ServiceView {
  readonly name: string;
  /** The latest revision that touched it or one of its instances, deletions and holds included. Only grows. */
  readonly revision: Revision;
  /** Wall-clock ms of `revision`; 0 where an older version wrote it. */
  readonly changedAtMs: number;
  /** When an instance was last lost to clients: it went, or its status became one that is not usable. 0 for never. */
  readonly lostAtMs: number;
  /** By instance id, in no particular order. */
  readonly instances: ReadonlyMap<string, InstanceRecord>;
}

/**
 * What came and went in a directory: the keys that begin with one name that ends with "/". Deletions and ends of leases
 * count, over restarts too, and neither number goes back.
 */
export interface Directory {
  /** The latest revision that touched a key in it, at any depth. */
  readonly revision: Revision;
  /** The latest revision with which a key right in it (no further "/" in its name) came or went. */
  readonly children: Revision;
}

/** A directory without keys. */
export interface EmptyDirectory extends Directory {
  readonly name: Bytes;
}

/** What a store keeps of directories beside their keys. */
export interface Directories {
  /** Those without keys that are still remembered. */
  empty(): Iterable<EmptyDirectory>;
  /** The latest revision of those that are not. */
  readonly forgotten: Revision;
  /** What was deleted up to here is not known, as an older version kept the store. */
  readonly since: Revision;
}

/** One account as readers see it. */
export interface AccountView extends AccountFacts {
  /** The latest revision that touched it. Only grows. */
  readonly revision: Revision;
  /** Latest revision that touched any of its keys. Only grows. */
  readonly keysRevision: Revision;
  /** The history of its keys is gone up to here, whatever the store still has: see the command `compact`. Only grows. */
  readonly keysFloor: Revision;
  readonly createdAtMs: number;
  readonly counts: Counts;
  /** Instances by the status shown; a held one is none of the others. */
  readonly statuses: Readonly<Record<Status | "held", number>>;
  /** Instances that a lease keeps alive for a time that this node watches; of those, whose heartbeats are late. */
  readonly kept: number;
  readonly silent: number;
  /** Those whose time another node watches. */
  readonly elsewhere: number;
  /** The keys of all groups, in no order. The first look is as that of `grouped`. */
  groups(by: Grouping): Iterable<string>;
  leases(): Iterable<LeaseRecord>;
  lease(id: LeaseId): LeaseRecord | undefined;
  entry(key: Bytes): KeyRecord | undefined;
  entries(from: Bytes, to: Bytes): Iterable<KeyRecord>;
  /**
   * What came and went under this prefix. One that does not end with "/" gets the numbers of the directory that it lies
   * in ("" for the whole account), which also grow at its siblings; so does one of more than 32 levels. A directory
   * without keys is remembered exactly among the last 10 000 (1 MiB of names) of its account, and beyond these by a
   * number that is not smaller than it was.
   */
  under(prefix: Bytes): Directory;
  readonly directories: Directories;
}

/** The whole catalog at one revision. Valid only within the `read` that hands it out. */
export interface View extends Facts {
  accounts(): Iterable<AccountView>;
  account(name: Account): AccountView | undefined;
}

/** The status shown: an operator's override, else the worst of the instance's own and its checks'. */
export function statusOf(record: Pick<InstanceRecord, "status" | "override" | "checks">): Status {
  if (record.override !== null) return record.override;
  let worst = record.status;
  for (const check of record.checks) if (SEVERITY[check.status] > SEVERITY[worst]) worst = check.status;
  return worst;
}

/** Whether clients can use it: held ones are listed as well. */
export function isUsable(record: InstanceRecord): boolean {
  const status = statusOf(record);
  return status === "passing" || status === "warning";
}

const SEVERITY: Readonly<Record<Status, number>> = {
  passing: 0,
  warning: 1,
  unknown: 2,
  starting: 3,
  draining: 4,
  critical: 5,
};
