/** Commits and their changes as watches and the events feed show them. */
import type { ChangeBody, CommitBody, EventBody, LeaseBody } from "@rollcall/client";
import {
  type Change,
  type Commit,
  fromBytes,
  type InstanceKey,
  type InstanceRecord,
  type LeaseRecord,
  leaverOf,
  ownerOf,
  type Silence,
  subjectOf,
  toBytes,
} from "../../core/index.ts";
import { decodePosition, type Mark } from "../../net/routes/position.ts";
import { toTime, toTtl } from "./numbers.ts";
import { findLeaseChange, sayReason } from "./reasons.ts";
import { toAuthorBody, toInstanceBody, toKeyBody, toLeaseBody } from "./records.ts";
import { isHiddenChange } from "./reserved.ts";

/** What is known besides the commit. */
export interface Surroundings {
  /** Of the order that the commit is in. */
  readonly mark: Mark;
  /** Of leases that the commit does not hold, as they are now. */
  ttlMs(account: string, lease: string): number | null;
}

/** What a watcher wants to see of a commit. Empty: all of it. */
export interface Interest {
  readonly services: ReadonlySet<string>;
  readonly keys: ReadonlySet<string>;
  readonly prefixes: readonly string[];
  readonly everything: boolean;
}

export function isOfInterest(change: Change, interest: Interest): boolean {
  if (isHiddenChange(change)) return false;
  if (interest.everything) return true;
  switch (change.kind) {
    case "instance":
      return isServiceOfInterest(change.before, interest) || isServiceOfInterest(change.after, interest);
    case "key":
      return isKeyOfInterest(subjectOf(change).key, interest);
    case "lease":
      return false;
  }
}

function isServiceOfInterest(record: InstanceRecord | null, { services }: Interest): boolean {
  return record !== null && services.has(record.service);
}

function isKeyOfInterest(key: string, { keys, prefixes }: Interest): boolean {
  if (keys.has(key)) return true;
  for (const prefix of prefixes) if (key.startsWith(prefix)) return true;
  return false;
}

/** The commit with the changes that are of interest; undefined when there is none. */
export function toCommitBody(commit: Commit, interest: Interest, around: Surroundings): CommitBody | undefined {
  const changes: ChangeBody[] = [];
  for (const change of commit.changes)
    if (isOfInterest(change, interest)) changes.push(toChangeBody(commit, change, around));
  if (changes.length === 0) return undefined;
  return {
    revision: commit.revision,
    at: toTime(commit.atMs),
    account: commit.account,
    by: toAuthorBody(commit.by),
    changes,
  };
}

export function toChangeBody(commit: Commit, change: Change, around: Surroundings): ChangeBody {
  const { cause } = change;
  const reason = sayReason(commit, change);
  switch (change.kind) {
    case "instance": {
      const { service, id } = subjectOf(change);
      const was = (lease: string): number | null => ttlWithin(commit, lease, "before", around);
      const is = (lease: string): number | null => ttlWithin(commit, lease, "after", around);
      const before = change.before === null ? null : toInstanceBody(change.before, was);
      const after = change.after === null ? null : toInstanceBody(change.after, is);
      return { kind: "instance", cause, service, id, reason, before, after };
    }
    case "lease": {
      const before = change.before === null ? null : toLeaseThen(commit, change.before, change.silence);
      const after = change.after === null ? null : toLeaseThen(commit, change.after, null);
      return { kind: "lease", cause, lease: subjectOf(change).id, reason, before, after };
    }
    case "key": {
      const before = change.before === null ? null : toKeyBody(change.before);
      const after = change.after === null ? null : toKeyBody(change.after);
      return { kind: "key", cause, key: fromBytes(subjectOf(change).key), reason, before, after };
    }
  }
}

function ttlWithin(commit: Commit, lease: string, side: "before" | "after", around: Surroundings): number | null {
  const change = findLeaseChange(commit, lease);
  const record = change?.[side] ?? change?.after ?? change?.before;
  return record === undefined || record === null ? around.ttlMs(commit.account, lease) : toTtl(record.ttlMs);
}

/** The lease as it was then, not as it is now: a commit reads the same whenever it is read. */
function toLeaseThen(commit: Commit, lease: LeaseRecord, silence: Silence | null): LeaseBody {
  const unknown = { lastBeatMs: 0, beats: 0, deadlineMs: commit.atMs + lease.ttlMs };
  return toLeaseBody(lease, { ...(silence ?? unknown), intervalMs: 0, rare: false });
}

export function toEventId(revision: number, index: number, mark: Mark): string {
  return `${revision}-${index}${mark}`;
}

export function toEventBody(commit: Commit, index: number, around: Surroundings): EventBody {
  const body = toChangeBody(commit, commit.changes[index] as Change, around);
  const { kind, cause, reason, before, after } = body;
  return {
    id: toEventId(commit.revision, index, around.mark),
    revision: commit.revision,
    at: toTime(commit.atMs),
    type: `${kind}.${cause}`,
    ...namesOf(body),
    reason,
    by: toAuthorBody(commit.by),
    before,
    after,
  };
}

function namesOf(body: ChangeBody): Pick<EventBody, "service" | "instance" | "lease" | "key"> {
  switch (body.kind) {
    case "instance":
      return { service: body.service, instance: body.id };
    case "lease":
      return { lease: body.lease };
    case "key":
      return { key: body.key };
  }
}

/** A place in the events feed: after this change of this commit; index -1 is before its first one. */
export interface EventCursor {
  /** `ELSEWHERE` for a place in another order. */
  readonly revision: number;
  readonly index: number;
}

/** An event's id, or a bare position: after the whole commit. */
export function decodeEventCursor(text: string, mark: Mark): EventCursor | undefined {
  const position = decodePosition(text, mark);
  return position && { revision: position.revision, index: position.index ?? Number.MAX_SAFE_INTEGER };
}

/** Which events are asked for: `instance.expired`, `instance.*`, `*`. */
export type EventFilter = (change: Change) => boolean;

export interface EventTerms {
  readonly types: readonly string[];
  readonly services: readonly string[];
  /** An instance's id, also of the lease that it has to itself. */
  readonly instance?: string | undefined;
  /** A lease, and what it keeps alive. */
  readonly lease?: string | undefined;
  readonly key?: string | undefined;
  readonly prefix?: string | undefined;
}

/** All terms must hold. Without types, all; without services, those of all services, and of keys and shared leases. */
export function toEventFilter({ types, services, instance, lease, key, prefix }: EventTerms): EventFilter {
  const wanted = new Set(services);
  const [keyBytes, prefixBytes] = [key, prefix].map((text) => (text === undefined ? undefined : toBytes(text)));
  const tests: EventFilter[] = [(change) => !isHiddenChange(change), toTypeFilter(types)];
  if (wanted.size > 0) tests.push((change) => ownersOf(change).some(({ service }) => wanted.has(service)));
  if (instance !== undefined) tests.push((change) => ownersOf(change).some(({ id }) => id === instance));
  if (lease !== undefined) tests.push((change) => isOfLease(change, lease));
  if (keyBytes !== undefined) tests.push((change) => change.kind === "key" && subjectOf(change).key === keyBytes);
  if (prefixBytes !== undefined)
    tests.push((change) => change.kind === "key" && subjectOf(change).key.startsWith(prefixBytes));
  return (change) => tests.every((test) => test(change));
}

function isOfLease(change: Change, lease: string): boolean {
  if (change.kind === "lease") return subjectOf(change).id === lease;
  return change.before?.lease === lease || change.after?.lease === lease;
}

function toTypeFilter(types: readonly string[]): EventFilter {
  if (types.length === 0 || types.includes("*")) return () => true;
  const exact = new Set(types.filter((type) => !type.endsWith(".*")));
  const kinds = new Set(types.filter((type) => type.endsWith(".*")).map((type) => type.slice(0, -2)));
  return (change) => kinds.has(change.kind) || exact.has(`${change.kind}.${change.cause}`);
}

/** The instances that a change is of, also by the lease that one has to itself. One that moves is two. */
function ownersOf(change: Change): readonly InstanceKey[] {
  if (change.kind === "key") return [];
  if (change.kind === "instance") {
    const leaver = leaverOf(change);
    return leaver === null || change.after === null ? [subjectOf(change)] : [change.after, leaver];
  }
  const { own, id } = subjectOf(change);
  const owner = own ? ownerOf(id) : undefined;
  return owner === undefined ? [] : [owner];
}

const TYPE = /^(?:\*|(?:instance|lease|key)\.(?:\*|[a-z]+))$/;

export function isEventType(text: string): boolean {
  return TYPE.test(text);
}
