/** The nouns of the registry. Plain, immutable data: a record is replaced, never edited. Nothing here knows a protocol. */

/** A tenant. Legal names: see `limits.ts`. */
export type Account = string;

/** Position of a commit in the one order of the registry: a safe integer, 0 before the first commit. */
export type Revision = number;

/** Names a lease within its account. 64-bit numbers of other protocols are written in decimal. */
export type LeaseId = string;

/**
 * A byte string: each UTF-16 code unit is one byte, 0–255. Compares bytewise with `<`, is immutable,
 * and costs one byte a character in memory. Convert with `bytes.ts`; never hold UTF-8 text in it unconverted.
 */
export type Bytes = string;

export const STATUSES = ["passing", "warning", "critical", "starting", "draining", "unknown"] as const;

export type Status = (typeof STATUSES)[number];

export function isStatus(word: unknown): word is Status {
  return (STATUSES as readonly unknown[]).includes(word);
}

export type CheckKind = "ttl" | "http" | "tcp" | "grpc" | "udp" | "http2" | "exec" | "reported";

/** How a check is run, and how its results count. What is left out is as usual. */
export interface Probe {
  /** Of http: GET unless given. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, readonly string[]>>;
  readonly body?: string;
  /** The statuses of HTTP that pass: "200-299" unless given; "200,204,300-399". */
  readonly expect?: string;
  /** Redirects are followed, to where checks may go. */
  readonly redirects?: true;
  /** By TLS, where the target does not say. */
  readonly tls?: true;
  /** Whatever certificate the target shows. */
  readonly skipVerify?: true;
  /** The name that is asked for by TLS, and that the certificate must have; the target's host unless given. */
  readonly serverName?: string;
  /** Good results in a row until it passes, and bad ones until it is critical: 1 unless given. */
  readonly rise?: number;
  readonly fall?: number;
  /** Bad results in a row until it warns; as many as `fall` unless given. */
  readonly warnAfter?: number;
}

/** One health test of an instance, with its latest result. */
export interface Check {
  readonly id: string;
  readonly kind: CheckKind;
  readonly name: string;
  /** What to probe (URL, `host:port`, command); empty for `ttl` and `reported`. See `Aim` for what may be left out. */
  readonly target: string;
  /** Between two runs. Of a `ttl`: the longest time between two reports; 0 when a dialect keeps that time. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** How the registry runs it, where there is more to say. */
  readonly probe?: Probe;
  readonly status: Status;
  readonly output: string;
  /** Wall-clock time of the latest result in ms; 0 before the first. */
  readonly reportedAtMs: number;
  /** When the status became what it is; left out while that is when the instance came. Decisions set it. */
  readonly sinceMs?: number;
}

/** Named ports; the main one is `default` when a protocol knows only one. */
export type Ports = Readonly<Record<string, number>>;

/** The port for protocols that know only one: `default`, else the first by name. Undefined when none is above 0. */
export function mainPort(ports: Ports): number | undefined {
  if ((ports.default ?? 0) > 0) return ports.default;
  let first: string | undefined;
  for (const name in ports) if ((ports[name] as number) > 0 && (first === undefined || name < first)) first = name;
  return first === undefined ? undefined : ports[first];
}

/** What a client says of one running copy of a service. */
export interface Instance {
  readonly service: string;
  readonly id: string;
  readonly address: string;
  readonly ports: Ports;
  readonly protocol: string;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly version: string;
  readonly zone: string;
  readonly weight: number;
  /** What the instance says of itself; the status shown is `statusOf(record)`. */
  readonly status: Status;
  readonly checks: readonly Check[];
  /** The dialect it came through (`http`, `rackspace`, …). */
  readonly via: string;
}

/** What is taken of an instance where nothing is said: to be laid under what is. */
export const UNSAID = {
  ports: {},
  protocol: "",
  tags: [],
  meta: {},
  version: "",
  zone: "",
  status: "passing",
  checks: [],
} as const satisfies Partial<Instance>;

export interface InstanceKey {
  readonly service: string;
  readonly id: string;
}

/** An instance as the catalog holds it. */
export interface InstanceRecord extends Instance {
  readonly lease: LeaseId | null;
  /** An operator's word over the status; null when there is none. */
  readonly override: Status | null;
  /** What is known of the override; left out where there is none. */
  readonly overridden?: Overridden;
  /** When the status shown became what it is, wall-clock ms; left out while that is `createdAtMs`. */
  readonly statusAtMs?: number;
  /** Set while protection keeps it listed although its lease lapsed. */
  readonly held: Held | null;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly createdAtMs: number;
  /** With `origin`, the stamp by which replicas without a common order decide who wrote last. */
  readonly stampMs: number;
  /** The node that took the latest write. */
  readonly origin: string;
}

/** Of an operator's override. Times are wall-clock ms. */
export interface Overridden {
  readonly sinceMs: number;
  /** When it ends by itself; 0: when it is taken back. */
  readonly untilMs: number;
  /** In the operator's words; may be empty. */
  readonly reason: string;
  /** The name of who did it; empty where nobody said. */
  readonly by: string;
}

/** Who asked for a change. One object for many commits. */
export interface Author {
  /** Null where none was shown. The id is empty for one that is not listed. */
  readonly token: { readonly id: string; readonly name: string } | null;
  /** The dialect that was spoken. */
  readonly dialect: string;
  /** The client's; empty where the dialect did not say, or acted by itself. */
  readonly address: string;
}

export interface Held {
  readonly sinceMs: number;
  readonly reason: string;
  /** When protection lets go at the latest. */
  readonly untilMs?: number;
}

export interface LeaseRecord {
  readonly id: LeaseId;
  /** Infinity: it has no time, never lapses and is never silent; it ends only by a command. */
  readonly ttlMs: number;
  /** The dialect that granted it. */
  readonly via: string;
  /** True: it was granted together with one instance and ends with its last member. */
  readonly own: boolean;
  /** What the owner says of itself (a session's metadata); small. */
  readonly meta: Readonly<Record<string, string>>;
  /** Set while protection keeps a lapsed lease alive. */
  readonly held: Held | null;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly grantedAtMs: number;
  /** As an instance's. Where all share one order there is none; else left out while it is `grantedAtMs`. */
  readonly stampMs?: number;
  /** The node that keeps its time. */
  readonly origin: string;
}

/** Whether it never lapses. */
export function isTimeless({ ttlMs }: Pick<LeaseRecord, "ttlMs">): boolean {
  return ttlMs === Number.POSITIVE_INFINITY;
}

/** A configuration entry. */
export interface KeyRecord {
  readonly key: Bytes;
  readonly value: Bytes;
  readonly lease: LeaseId | null;
  /** What becomes of it when its lease ends: it goes along, or stays without a lease. "delete" while it has none. */
  readonly atEnd: "delete" | "detach";
  /** When its lease ended and it stayed, wall-clock ms; 0 if it never did, or has got a lease since. */
  readonly detachedAtMs: number;
  /** 1 when created, one more at each change; starts anew after a delete. */
  readonly version: number;
  readonly createRevision: Revision;
  readonly modRevision: Revision;
  readonly createdAtMs: number;
  readonly stampMs: number;
  readonly origin: string;
}

/** Keys in [from, to); `to` = "" means to the end, left out means the one key. */
export interface KeyRange {
  readonly from: Bytes;
  readonly to?: Bytes;
}

/** Why a change came about. */
export const CAUSES = [
  "registered",
  "updated",
  "reported",
  "overridden",
  "deregistered",
  "granted",
  "closed",
  "expired",
  "held",
  "released",
  "put",
  "deleted",
] as const;

export type Cause = (typeof CAUSES)[number];

/** How a lease ended: for the event that says why. All times are wall-clock ms. */
export interface Silence {
  /** When the lease ran out. */
  readonly deadlineMs: number;
  /** The last heartbeat seen; 0 when there was none. */
  readonly lastBeatMs: number;
  /** Heartbeats seen since the grant (or since this node's start). */
  readonly beats: number;
}

/** One thing that became different. `before` is null for what is new, `after` for what is gone. */
export type Change =
  | {
      readonly kind: "instance";
      readonly cause: Cause;
      readonly before: InstanceRecord | null;
      readonly after: InstanceRecord | null;
    }
  | {
      readonly kind: "lease";
      readonly cause: Cause;
      readonly before: LeaseRecord | null;
      readonly after: LeaseRecord | null;
      readonly silence: Silence | null;
    }
  | {
      readonly kind: "key";
      readonly cause: Cause;
      readonly before: KeyRecord | null;
      readonly after: KeyRecord | null;
    };

/** The record that a change is about: as it is now, or as it was last. */
export function subjectOf<C extends Change>(change: C): NonNullable<C["after"]> {
  return (change.after ?? change.before) as NonNullable<C["after"]>;
}

/** The instance that goes with a change, or leaves its name for another one; null when none does. */
export function leaverOf(change: {
  readonly before: InstanceRecord | null;
  readonly after: InstanceRecord | null;
}): InstanceRecord | null {
  const { before, after } = change;
  const stays = after !== null && before !== null && after.service === before.service && after.id === before.id;
  return stays ? null : before;
}

/** What replicas without a common order merge as a whole. See `catalog/unit.ts`. */
export type UnitName =
  | { readonly kind: "instance"; readonly service: string; readonly id: string }
  | { readonly kind: "lease"; readonly id: LeaseId }
  | { readonly kind: "key"; readonly key: Bytes };

/** Of two, the one with the greater stamp is newer; then the one that is there; then that of the greater origin. */
export interface Version {
  readonly stampMs: number;
  readonly origin: string;
  readonly isGone: boolean;
}

/** That there is no such unit any more. */
export interface Tombstone {
  readonly kind: "gone";
  readonly of: UnitName;
  /**
   * Of a unit whose lease ran out: one more than that of the version that ended, so that whatever was written anywhere
   * since is newer.
   */
  readonly stampMs: number;
  /** The node that ended it. */
  readonly origin: string;
  readonly cause: Cause;
}

/** A unit as another replica has it. Revisions in it are those of the other's order, and say nothing here. */
export type Unit =
  /** With the lease that it has to itself, if it has one. */
  | { readonly kind: "instance"; readonly record: InstanceRecord; readonly own: LeaseRecord | null }
  | { readonly kind: "lease"; readonly record: LeaseRecord }
  | { readonly kind: "key"; readonly record: KeyRecord }
  | Tombstone;

/** A place in the order of changes: what is committed next comes after it. */
export interface Position {
  readonly revision: Revision;
  readonly orderMs: number;
  readonly nth: number;
}

/** All changes of one command: one revision, one time, one account. */
export interface Commit {
  readonly revision: Revision;
  readonly account: Account;
  /** Wall-clock ms. Smaller than that of the commit before when the clock was set back. */
  readonly atMs: number;
  /** The same, but never smaller than that of the commit before: a clock that was ahead stays in it until time gets there. */
  readonly orderMs: number;
  /**
   * Position of the first change among all changes of the same millisecond. `(orderMs, nth + index)` is thus a
   * strictly increasing time for every change, fine enough for 100 ns clocks (nth + index < 10 000).
   */
  readonly nth: number;
  readonly changes: readonly Change[];
  /** Left out where the registry did it by itself, and where nobody wrote it down. */
  readonly by?: Author;
}

/** Changes that fit into one millisecond of 100 ns steps. */
const CHANGES_PER_MS = 10_000;

/** The position after a commit: the next change of the same millisecond is number `nth`. */
export function positionAfter({ revision, orderMs, nth, changes }: Commit): Position {
  const next = nth + changes.length;
  return { revision, orderMs: orderMs + Math.floor(next / CHANGES_PER_MS), nth: next % CHANGES_PER_MS };
}

/** Field by field: made by a spread, each commit has a shape of its own, which takes more than the commit itself. */
export function toCommit(
  { revision, orderMs, nth }: Position,
  account: Account,
  atMs: number,
  changes: Commit["changes"],
  by: Commit["by"],
): Commit {
  if (by === undefined) return { revision, account, atMs, orderMs, nth, changes };
  return { revision, account, atMs, orderMs, nth, changes, by };
}
