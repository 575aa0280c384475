/** Commits and their changes as watches and the events feed show them. */
import type { ChangeBody, CommitBody, EventBody, LeaseBody } from "@rollcall/client";
import {
  type Change,
  type Commit,
  fromBytes,
  type InstanceRecord,
  type LeaseRecord,
  type Silence,
  subjectOf,
} from "../../../core/index.ts";
import { toTime } from "./numbers.ts";
import { findLeaseChange, sayReason } from "./reasons.ts";
import { toInstanceBody, toKeyBody, toLeaseBody } from "./records.ts";
import { isHiddenChange } from "./reserved.ts";

/** What is known now of leases that the commit does not hold. */
export interface Surroundings {
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
  return { revision: commit.revision, at: toTime(commit.atMs), account: commit.account, changes };
}

export function toChangeBody(commit: Commit, change: Change, around: Surroundings): ChangeBody {
  const names = namesOf(change);
  return {
    kind: change.kind,
    cause: change.cause,
    ...names,
    reason: sayReason(commit, change),
    ...sidesOf(commit, change, around),
  };
}

function namesOf(change: Change): Pick<ChangeBody, "service" | "id" | "lease" | "key"> {
  switch (change.kind) {
    case "instance": {
      const { service, id } = subjectOf(change);
      return { service, id };
    }
    case "lease":
      return { lease: subjectOf(change).id };
    case "key":
      return { key: fromBytes(subjectOf(change).key) };
  }
}

function sidesOf(commit: Commit, change: Change, around: Surroundings): Pick<ChangeBody, "before" | "after"> {
  switch (change.kind) {
    case "instance": {
      const was = (lease: string): number | null => ttlWithin(commit, lease, "before", around);
      const is = (lease: string): number | null => ttlWithin(commit, lease, "after", around);
      return {
        before: change.before === null ? null : toInstanceBody(change.before, was),
        after: change.after === null ? null : toInstanceBody(change.after, is),
      };
    }
    case "lease":
      return {
        before: change.before === null ? null : toLeaseThen(commit, change.before, change.silence),
        after: change.after === null ? null : toLeaseThen(commit, change.after, null),
      };
    case "key":
      return {
        before: change.before === null ? null : toKeyBody(change.before),
        after: change.after === null ? null : toKeyBody(change.after),
      };
  }
}

function ttlWithin(commit: Commit, lease: string, side: "before" | "after", around: Surroundings): number | null {
  const change = findLeaseChange(commit, lease);
  const record = change?.[side] ?? change?.after ?? change?.before;
  return record === undefined || record === null ? around.ttlMs(commit.account, lease) : record.ttlMs;
}

/** The lease as it was then, not as it is now: a commit reads the same whenever it is read. */
function toLeaseThen(commit: Commit, lease: LeaseRecord, silence: Silence | null): LeaseBody {
  const unknown = { lastBeatMs: 0, beats: 0, deadlineMs: commit.atMs + lease.ttlMs };
  return toLeaseBody(lease, { ...(silence ?? unknown), intervalMs: 0, rare: false });
}

export function toEventId(revision: number, index: number): string {
  return `${revision}-${index}`;
}

export function toEventBody(commit: Commit, index: number, around: Surroundings): EventBody {
  const change = commit.changes[index] as Change;
  const { id, ...names } = namesOf(change);
  return {
    id: toEventId(commit.revision, index),
    revision: commit.revision,
    at: toTime(commit.atMs),
    type: `${change.kind}.${change.cause}`,
    ...names,
    ...(id === undefined ? {} : { instance: id }),
    reason: sayReason(commit, change),
    ...sidesOf(commit, change, around),
  };
}

/** A place in the events feed: after this change of this commit; index -1 is before its first one. */
export interface EventCursor {
  readonly revision: number;
  readonly index: number;
}

/** `<revision>-<index>`, or a bare revision: after the whole commit. */
export function decodeEventCursor(text: string): EventCursor | undefined {
  const match = /^([0-9]{1,16})(?:-([0-9]{1,9}))?$/.exec(text);
  const revision = Number(match?.[1]);
  if (match === null || !Number.isSafeInteger(revision)) return undefined;
  return { revision, index: match[2] === undefined ? Number.MAX_SAFE_INTEGER : Number(match[2]) };
}

/** Which events are asked for: `instance.expired`, `instance.*`, `*`. */
export type EventFilter = (change: Change) => boolean;

export function toEventFilter(types: readonly string[]): EventFilter {
  if (types.length === 0 || types.includes("*")) return (change) => !isHiddenChange(change);
  const exact = new Set(types.filter((type) => !type.endsWith(".*")));
  const kinds = new Set(types.filter((type) => type.endsWith(".*")).map((type) => type.slice(0, -2)));
  return (change) => !isHiddenChange(change) && (kinds.has(change.kind) || exact.has(`${change.kind}.${change.cause}`));
}

const TYPE = /^(?:\*|(?:instance|lease|key)\.(?:\*|[a-z]+))$/;

export function isEventType(text: string): boolean {
  return TYPE.test(text);
}
