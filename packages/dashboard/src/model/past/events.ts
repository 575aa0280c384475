/** Events: what they say, and how equal ones become one row. */
import type { AuthorBody, ChangeBody, CommitBody, EventBody, InstanceBody } from "@rollcall/client";
import { type Clock, clockTime } from "../numbers.ts";
import { firstLine } from "../reasons.ts";
import type { Look } from "../status.ts";

/** An event as rows show it; records may be missing (`brief`). */
export type Event = Omit<EventBody, "before" | "after"> & Partial<Pick<EventBody, "before" | "after">>;

export function authorText(by: AuthorBody | null): string {
  if (by === null) return "";
  return by.token === null ? [by.dialect, by.address ?? ""].join(" ").trim() : `token ${by.token.name}`;
}

/** The same events as the feed would tell of this commit. */
export function eventsOf(commit: CommitBody): Event[] {
  return commit.changes.map((change, index) => ({
    id: `${commit.revision}-${index}`,
    revision: commit.revision,
    at: commit.at,
    type: `${change.kind}.${change.cause}`,
    reason: change.reason,
    ...placeOf(change),
    before: change.before,
    after: change.after,
    by: commit.by,
  }));
}

function placeOf(change: ChangeBody): Pick<Event, "service" | "instance" | "lease" | "key"> {
  if (change.kind === "instance") return { service: change.service, instance: change.id };
  return change.kind === "key" ? { key: change.key } : { lease: change.lease };
}

function recordsOf(
  event: Pick<Event, "type" | "before" | "after">,
): { before: InstanceBody | null; after: InstanceBody | null } | undefined {
  if (!event.type.startsWith("instance.") || event.after === undefined) return undefined;
  return { before: event.before as InstanceBody | null, after: event.after as InstanceBody | null };
}

export function lookOfEvent(event: Pick<Event, "type" | "before" | "after">): Look | "key" {
  const cause = causeOf(event);
  if (event.type.startsWith("key.")) return "key";
  if (cause === "held") return "held";
  if (cause === "deregistered" || cause === "expired" || cause === "closed") return "gone";
  const after = recordsOf(event)?.after;
  if (after) return after.status;
  return cause === "registered" || cause === "granted" || cause === "released" ? "passing" : "unknown";
}

export function causeOf({ type }: Pick<Event, "type">): string {
  return type.slice(type.indexOf(".") + 1);
}

/** What it says, without the name of whom it says it. */
export function eventText(event: Event): string {
  const { type, reason } = event;
  const records = recordsOf(event);
  const after = records?.after;
  if (after && (type === "instance.reported" || type === "instance.updated")) {
    const check = changedCheck(records?.before ?? null, after);
    if (check !== undefined) {
      const output = firstLine(check.output);
      return `Check ${check.id} became ${check.status}${output === "" ? "" : `: ${output}`}`;
    }
    if (records?.before?.declaredStatus !== after.declaredStatus) return `Said of itself: ${after.declaredStatus}`;
  }
  if (after && type === "instance.registered")
    return `Registered through ${after.via}${after.ttlMs === null ? "" : `, ttl ${after.ttlMs / 1000} s`}${after.version === "" ? "" : `, version ${after.version}`}`;
  if (after && type === "instance.overridden")
    return after.override === null ? "Override taken back" : overrideText(after.override);
  if (type === "key.put") {
    const key = event.after as { version?: number; value?: string | null } | null | undefined;
    return key?.version === undefined
      ? reason || "Written"
      : `Version ${key.version}${key.value == null ? "" : `, ${key.value.length} characters`}`;
  }
  return reason === "" ? causeOf(event) : reason.charAt(0).toUpperCase() + reason.slice(1);
}

function overrideText({ status, reason, by }: NonNullable<InstanceBody["override"]>): string {
  return `Set by ${by ?? "an operator"}: ${status}${reason === "" ? "" : `, ${reason}`}`;
}

function changedCheck(before: InstanceBody | null, after: InstanceBody): InstanceBody["checks"][number] | undefined {
  return after.checks.find(({ id, status }) => before?.checks.find((one) => one.id === id)?.status !== status);
}

/** Equal events that came within so long are one row. */
const FOLD_MS = 10_000;

export interface EventRow {
  readonly key: string;
  /** Newest first. */
  readonly events: readonly Event[];
}

/** `events` newest first. What is equal: type, service and what is said. What a lease tells that its instance tells, too, is left out. */
export function foldEvents(events: readonly Event[]): EventRow[] {
  const rows: { key: string; events: Event[] }[] = [];
  const open = new Map<string, { key: string; events: Event[] }>();
  const told = new Set(events.map(({ revision, service, instance }) => `${revision} ${service}/${instance}`));
  for (const event of events) {
    if (event.lease !== undefined && told.has(`${event.revision} ${event.lease}`)) continue;
    const what = JSON.stringify([event.type, event.service ?? event.id, withoutTimes(eventText(event))]);
    const row = open.get(what);
    const last = row?.events.at(-1);
    if (row !== undefined && last !== undefined && Date.parse(last.at) - Date.parse(event.at) <= FOLD_MS) {
      row.events.push(event);
      continue;
    }
    const fresh = { key: event.id, events: [event] };
    rows.push(fresh);
    open.set(what, fresh);
  }
  return rows;
}

const TIMES = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

function withoutTimes(text: string): string {
  return text.replace(TIMES, "");
}

/** Times within a sentence, as the clock shows them. */
export function showTimes(text: string, clock: Clock): string {
  return text.replace(TIMES, (at) => clockTime(at, clock));
}

/** What a row is about: an instance, a service when there are several, a key, a lease. */
export function subjectOf({ events }: EventRow): string {
  const [first] = events;
  if (first === undefined) return "";
  if (events.length > 1 && first.service !== undefined) return first.service;
  return first.instance ?? first.key ?? first.service ?? first.lease ?? "";
}
