/** Why something changed, in plain words. */
import {
  type Change,
  type Commit,
  type InstanceRecord,
  isTimeless,
  type LeaseRecord,
  type Silence,
  statusOf,
  subjectOf,
} from "../../core/index.ts";
import { toTime } from "./numbers.ts";

/** A length of time for people: "850 ms", "10.2 s", "5 min", "2 h". */
export function sayDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${trim(ms / 1000)} s`;
  if (ms < 7_200_000) return `${trim(ms / 60_000)} min`;
  return `${trim(ms / 3_600_000)} h`;
}

function trim(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** The time of a lease: "ttl 10 s". */
export function sayTtl(lease: Pick<LeaseRecord, "ttlMs">): string {
  return isTimeless(lease) ? "without a ttl" : `ttl ${sayDuration(lease.ttlMs)}`;
}

/** Why a lease ran out. `atMs` is when it was seen to be over. */
export function saySilence(lease: LeaseRecord | null, silence: Silence | null, atMs: number): string {
  const ttl = lease === null ? "" : `, ${sayTtl(lease)}`;
  if (silence === null) return `no heartbeat in time${ttl}`;
  if (silence.lastBeatMs > 0) {
    const { lastBeatMs, deadlineMs, beats } = silence;
    const quiet = sayDuration(Math.max(0, atMs - lastBeatMs));
    // Long before its time it ends only where its session lingered: that was its last sign.
    if (lease !== null && deadlineMs - lastBeatMs < lease.ttlMs / 2)
      return `its connection ended, and was not taken up again for ${quiet}${ttl}; that was at ${toTime(lastBeatMs)}`;
    return `no heartbeat for ${quiet}${ttl}; last heartbeat ${toTime(lastBeatMs)}, ${beats} in all`;
  }
  const since = lease === null ? "" : ` since ${toTime(lease.grantedAtMs)}`;
  return `no heartbeat at all${since}${ttl}`;
}

type LeaseChange = Extract<Change, { kind: "lease" }>;
type InstanceChange = Extract<Change, { kind: "instance" }>;

const MANY = 16;
const indexed = new WeakMap<Commit, ReadonlyMap<string, LeaseChange>>();

/** The change of this lease in the same commit. */
export function findLeaseChange(commit: Commit, lease: string | null): LeaseChange | undefined {
  if (lease === null) return undefined;
  if (commit.changes.length > MANY) return indexLeases(commit).get(lease);
  for (const change of commit.changes) if (change.kind === "lease" && subjectOf(change).id === lease) return change;
  return undefined;
}

/** A commit is searched for each of its changes: with many of them an index keeps that linear. */
function indexLeases(commit: Commit): ReadonlyMap<string, LeaseChange> {
  const known = indexed.get(commit);
  if (known !== undefined) return known;
  const index = new Map<string, LeaseChange>();
  for (const change of commit.changes) if (change.kind === "lease") index.set(subjectOf(change).id, change);
  indexed.set(commit, index);
  return index;
}

/** The reason of a change within its commit. */
export function sayReason(commit: Commit, change: Change): string {
  switch (change.kind) {
    case "instance":
      return sayInstance(commit, change);
    case "lease":
      return sayLease(commit, change);
    case "key": {
      const ended = sayEnd(commit, change.cause, change.before?.lease ?? null);
      if (ended !== undefined) return change.after === null ? ended : `${ended}; the key stays`;
      return change.after === null ? "deleted by request" : `put, version ${change.after.version}`;
    }
  }
}

/** For what went with its lease. */
function sayEnd(commit: Commit, cause: Change["cause"], lease: string | null): string | undefined {
  if (cause !== "expired" && cause !== "closed") return undefined;
  const ended = findLeaseChange(commit, lease);
  if (cause === "closed") return lease === null ? "ended by request" : `its lease ${lease} was ended by request`;
  return saySilence(ended?.before ?? null, ended?.silence ?? null, commit.atMs);
}

function sayInstance(commit: Commit, change: InstanceChange): string {
  const { before, after } = change;
  const ended = sayEnd(commit, change.cause, before?.lease ?? null);
  if (ended !== undefined) return ended;
  if (after === null) return "deregistered by request";
  switch (change.cause) {
    case "held":
      return after.held?.reason ?? "held by protection";
    case "released":
      return "no longer held by protection";
    case "overridden":
      return after.override === null
        ? "the operator's override was removed"
        : `an operator set it to ${after.override}`;
    case "reported":
      return sayReport(before, after);
    default:
      return before === null
        ? `registered through ${after.via}, ${sayLife(commit, after)}`
        : sayUpdate(commit, before, after);
  }
}

function sayLife(commit: Commit, record: InstanceRecord): string {
  if (record.lease === null) return "permanent";
  const lease = findLeaseChange(commit, record.lease)?.after;
  return `kept alive by lease ${record.lease}${lease == null ? "" : `, ${sayTtl(lease)}`}`;
}

function sayReport(before: InstanceRecord | null, after: InstanceRecord): string {
  for (const check of after.checks) {
    const was = before?.checks.find((other) => other.id === check.id);
    if (was !== undefined && was.status === check.status && was.reportedAtMs === check.reportedAtMs) continue;
    const from = was === undefined || was.status === check.status ? "" : ` from ${was.status}`;
    const output = check.output === "" ? "" : `: ${check.output.slice(0, 200)}`;
    return `check ${check.id} reported ${check.status}${from}${output}`;
  }
  return "a check was reported";
}

const COMPARED = [
  "service",
  "id",
  "address",
  "ports",
  "protocol",
  "tags",
  "meta",
  "version",
  "zone",
  "weight",
  "status",
  "checks",
  "lease",
  "held",
] as const;

function sayUpdate(commit: Commit, before: InstanceRecord, after: InstanceRecord): string {
  const fields = COMPARED.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  const status = statusOf(before) === statusOf(after) ? "" : `; now ${statusOf(after)}`;
  const lease = findLeaseChange(commit, after.lease);
  const now = lease?.after;
  const ttl = now == null || now.ttlMs === lease?.before?.ttlMs ? "" : `; ${sayTtl(now)}`;
  const what = fields.length === 0 ? "registered again" : `registered again with another ${fields.join(", ")}`;
  return what + status + ttl;
}

function sayLease(commit: Commit, change: LeaseChange): string {
  const { before, after } = change;
  if (after === null)
    return change.cause === "expired" ? saySilence(before, change.silence, commit.atMs) : "ended by request";
  switch (change.cause) {
    case "held":
      return after.held?.reason ?? "held by protection";
    case "released":
      return "no longer held by protection";
    default:
      return before === null ? `granted through ${after.via}, ${sayTtl(after)}` : `changed, ${sayTtl(after)}`;
  }
}
