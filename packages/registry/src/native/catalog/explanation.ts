/** Explain: from what is found in the catalog and in history to an account of one instance. */
import type { ExplainBody } from "@rollcall/client";
import {
  type Change,
  type Commit,
  type InstanceKey,
  type InstanceRecord,
  isTimeless,
  type LeaseRecord,
  type Pulse,
  type Silence,
  statusOf,
} from "../../core/index.ts";
import type { Seen } from "../../dialects/contract.ts";
import { toCheckBody } from "../wire/checks.ts";
import { toTime, toTtl } from "../wire/numbers.ts";
import { findLeaseChange, sayDuration, sayReason } from "../wire/reasons.ts";
import { toInstanceBody } from "../wire/records.ts";

/** One commit's change of the instance. */
export interface Trace {
  readonly commit: Commit;
  readonly change: Extract<Change, { kind: "instance" }>;
}

/** The changes of this instance in a commit. */
export function findTraces(commit: Commit, { service, id }: InstanceKey): Trace[] {
  const traces: Trace[] = [];
  for (const change of commit.changes) {
    if (change.kind !== "instance") continue;
    const { before, after } = change;
    if ((before?.service === service && before.id === id) || (after?.service === service && after.id === id))
      traces.push({ commit, change });
  }
  return traces;
}

export interface Findings {
  readonly key: InstanceKey;
  readonly record: InstanceRecord | undefined;
  readonly lease: LeaseRecord | undefined;
  readonly pulse: Pulse | undefined;
  /** The node that keeps the lease, where there are several. */
  readonly keptBy: string | undefined;
  /** Newest first. */
  readonly traces: readonly Trace[];
  /** The latest run of a check, where this node runs it. */
  seen(checkId: string): Seen | undefined;
  readonly nowMs: number;
}

export function toExplainBody(findings: Findings): ExplainBody {
  const { key, record, traces } = findings;
  const newest = traces[0];
  const gone = record === undefined && newest !== undefined ? newest : undefined;
  const last = record ?? gone?.change.before ?? undefined;
  return {
    service: key.service,
    id: key.id,
    present: record !== undefined,
    summary: record === undefined ? summarizeGone(findings, gone) : summarizePresent(findings, record),
    instance: record === undefined ? null : toInstance(findings, record),
    last: record !== undefined || last === undefined ? null : toInstanceBody(last, (lease) => ttlThen(gone, lease)),
    came: last === undefined ? null : { at: toTime(last.createdAtMs), revision: last.createRevision, via: last.via },
    keptAliveBy: record === undefined ? toPastLife(gone) : toLife(findings),
    gone:
      gone === undefined
        ? null
        : {
            at: toTime(gone.commit.atMs),
            revision: gone.commit.revision,
            cause: gone.change.cause,
            reason: sayReason(gone.commit, gone.change),
          },
    history: traces.map(({ commit, change }) => ({
      at: toTime(commit.atMs),
      revision: commit.revision,
      cause: change.cause,
      reason: sayReason(commit, change),
    })),
  };
}

function toInstance({ lease, seen }: Findings, record: InstanceRecord): ExplainBody["instance"] {
  const body = toInstanceBody(record, () => toTtl(lease?.ttlMs));
  return { ...body, checks: record.checks.map((check) => toCheckBody(check, record.createdAtMs, seen(check.id))) };
}

function ttlThen(gone: Trace | undefined, lease: string): number | null {
  return gone === undefined ? null : toTtl(findLeaseChange(gone.commit, lease)?.before?.ttlMs);
}

type Life = ExplainBody["keptAliveBy"];

function toLife({ lease, pulse, keptBy }: Findings): Life {
  if (lease === undefined) return null;
  return {
    lease: lease.id,
    ttlMs: toTtl(lease.ttlMs),
    lastBeatAt: pulse === undefined || pulse.lastBeatMs === 0 ? null : toTime(pulse.lastBeatMs),
    beats: pulse?.beats ?? 0,
    beatIntervalMs: pulse === undefined || pulse.intervalMs === 0 ? null : pulse.intervalMs,
    beatsTooRare: pulse?.rare ?? false,
    expiresAt: pulse === undefined || isTimeless(lease) ? null : toTime(pulse.deadlineMs),
    ...(keptBy !== undefined && { keptBy }),
  };
}

/** What kept it alive until it went. */
function toPastLife(gone: Trace | undefined): Life {
  const name = gone?.change.before?.lease;
  if (gone === undefined || name == null) return null;
  const change = findLeaseChange(gone.commit, name);
  const lease = change?.before;
  if (change === undefined || lease == null) return null;
  const silence: Silence | null = change.silence;
  return {
    lease: lease.id,
    ttlMs: toTtl(lease.ttlMs),
    lastBeatAt: silence === null || silence.lastBeatMs === 0 ? null : toTime(silence.lastBeatMs),
    beats: silence?.beats ?? 0,
    beatIntervalMs: null,
    beatsTooRare: false,
    expiresAt: silence === null ? null : toTime(silence.deadlineMs),
  };
}

/** The status, and what makes it one that is not passing. */
function sayStatus(record: InstanceRecord): string {
  const status = statusOf(record);
  if (record.override !== null) return `${status} by an operator's override`;
  if (status === "passing" || status === record.status) return status;
  const check = record.checks.find((one) => one.status === status);
  if (check === undefined) return status;
  const why = check.output.split("\n", 1)[0]?.slice(0, 200);
  return `${status} by its check ${check.id}${why ? ` (${why})` : ""}`;
}

function summarizePresent({ lease, pulse, keptBy, nowMs }: Findings, record: InstanceRecord): string {
  const word = sayStatus(record);
  if (record.held !== null)
    return `It is held since ${toTime(record.held.sinceMs)}, shown as ${word}, although its lease ran out: ${record.held.reason}.`;
  if (lease === undefined) return `It is shown as ${word}; it is permanent and stays until it is deregistered.`;
  const unseen =
    pulse === undefined && keptBy !== undefined
      ? "that node is not reached, so its heartbeats are not known here"
      : "no heartbeat was seen yet";
  const beat =
    pulse === undefined || pulse.lastBeatMs === 0
      ? unseen
      : `the last heartbeat came ${sayDuration(Math.max(0, nowMs - pulse.lastBeatMs))} ago`;
  const left =
    pulse === undefined || isTimeless(lease)
      ? ""
      : `; it has ${sayDuration(Math.max(0, pulse.deadlineMs - nowMs))} left`;
  const ttl = isTimeless(lease) ? "without a ttl" : `with a ttl of ${sayDuration(lease.ttlMs)}`;
  const where = keptBy === undefined ? "" : ` at node ${keptBy}`;
  const kept = `kept alive by lease ${lease.id} ${ttl}${where}`;
  return `It is shown as ${word}, ${kept}: ${beat}${left}.${pulse?.rare === true ? sayRare(pulse) : ""}`;
}

function sayRare({ intervalMs }: Pulse): string {
  const come = intervalMs === 0 ? "come" : `come every ${sayDuration(intervalMs)},`;
  return ` Its heartbeats ${come} fewer than two in a ttl: when many fall silent together, protection may notice too late.`;
}

function summarizeGone({ key }: Findings, gone: Trace | undefined): string {
  if (gone === undefined)
    return `There is no instance ${key.id} of service ${key.service}, and the history that was searched knows none.`;
  return `It is gone since ${toTime(gone.commit.atMs)} (${gone.change.cause}): ${sayReason(gone.commit, gone.change)}.`;
}
