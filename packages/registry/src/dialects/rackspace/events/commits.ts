/** Commits -> the events feed of this API. */
import {
  type Change,
  type Commit,
  type InstanceRecord,
  type KeyRecord,
  type LeaseRecord,
  subjectOf,
} from "../../../core/index.ts";
import { isSession, ownTimeoutS } from "../services/instances.ts";
import { toValueBody } from "../values/keys.ts";
import { isServiceId, type Metadata } from "../wire/fields.ts";
import { formatUuid, type Maker, type Ticks, toTicks } from "../wire/uuid.ts";

/** Clients throw at types they do not know: this list is closed. */
export const EVENT_TYPES = [
  "service.join",
  "service.remove",
  "service.timeout",
  "services.timeout",
  "configuration_value.update",
  "configuration_value.remove",
] as const;

export type EventType = (typeof EVENT_TYPES)[number];

export interface ServicePayload {
  readonly id: string;
  readonly session_id?: string;
  readonly heartbeat_timeout: number | null;
  readonly tags: readonly string[];
  readonly metadata: Metadata;
}

export interface EventBody {
  readonly id: string;
  readonly timestamp: number;
  readonly type: EventType;
  readonly payload: object;
}

export interface Event {
  /** Its place in the feed: strictly increasing over all commits. */
  readonly ticks: Ticks;
  readonly timestamp: number;
  readonly type: EventType;
  readonly payload: object;
}

type InstanceChange = Extract<Change, { kind: "instance" }>;
type LeaseChange = Extract<Change, { kind: "lease" }>;

/** A lease as it is now, for changes whose own commit does not touch it. */
export type FindLease = (id: string) => LeaseRecord | undefined;

/** The events of one commit, in the order of its changes. */
export function toEvents(commit: Commit, findLease: FindLease): readonly Event[] {
  const leases = new Map<string, LeaseChange>();
  for (const change of commit.changes) {
    if (change.kind === "lease") leases.set(subjectOf(change).id, change);
  }
  const sessions = new Set<string>();
  const events: Event[] = [];
  commit.changes.forEach((change, index) => {
    const event =
      change.kind === "instance"
        ? toServiceEvent(commit, change, leases, findLease, sessions)
        : change.kind === "key"
          ? toValueEvent(commit, change.before, change.after)
          : null;
    if (event !== null) events.push({ ...event, ticks: toTicks(commit.orderMs, commit.nth + index) });
  });
  return events;
}

export function toEventBody(event: Event, maker: Maker): EventBody {
  const { timestamp, type, payload } = event;
  return { id: formatUuid(event.ticks, maker), timestamp, type, payload };
}

type Bare = Omit<Event, "ticks">;

function toServiceEvent(
  commit: Commit,
  change: InstanceChange,
  leases: ReadonlyMap<string, LeaseChange>,
  findLease: FindLease,
  sessions: Set<string>,
): Bare | null {
  const { before, after } = change;
  const record = subjectOf(change);
  // What was there and still is, was updated: no event.
  if ((before !== null && after !== null) || !isServiceId(record.id)) return null;
  const held = record.lease === null ? undefined : leases.get(record.lease);
  const lease = (held && subjectOf(held)) ?? (record.lease === null ? undefined : findLease(record.lease));
  const payload = toPayload(record, lease);
  if (after !== null) return { type: "service.join", timestamp: commit.atMs, payload };
  if (change.cause !== "expired") return { type: "service.remove", timestamp: commit.atMs, payload };
  const timestamp = held?.silence?.deadlineMs ?? commit.atMs;
  if (lease === undefined || !isSession(lease)) return { type: "service.timeout", timestamp, payload };
  // The end of a session is one event, however many services it had.
  if (sessions.has(lease.id)) return null;
  sessions.add(lease.id);
  return { type: "services.timeout", timestamp, payload: membersOf(commit, lease) };
}

function membersOf(commit: Commit, lease: LeaseRecord): readonly ServicePayload[] {
  const payloads: ServicePayload[] = [];
  for (const change of commit.changes) {
    if (change.kind !== "instance" || change.after !== null || change.before?.lease !== lease.id) continue;
    if (isServiceId(change.before.id)) payloads.push(toPayload(change.before, lease));
  }
  return payloads;
}

function toPayload(record: InstanceRecord, lease: LeaseRecord | undefined): ServicePayload {
  const session = lease !== undefined && isSession(lease);
  return {
    id: record.id,
    ...(session ? { session_id: lease.id } : {}),
    heartbeat_timeout: ownTimeoutS(lease),
    tags: record.tags,
    metadata: record.meta,
  };
}

function toValueEvent({ atMs: timestamp }: Commit, before: KeyRecord | null, after: KeyRecord | null): Bare | null {
  const old = before === null ? null : toValueBody(before);
  const now = after === null ? null : toValueBody(after);
  if (now !== null) {
    if (old?.value === now.value) return null;
    const payload = { old_value: old?.value ?? null, new_value: now.value, configuration_value_id: now.id };
    return { type: "configuration_value.update", timestamp, payload };
  }
  if (old === null) return null;
  const payload = { old_value: old.value, configuration_value_id: old.id };
  return { type: "configuration_value.remove", timestamp, payload };
}
