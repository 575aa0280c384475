/** @live Handlers of histories: which status instances had when, and how many of a service had which. */
import type { InstanceHistoryBody, ServiceHistoryBody, SpanBody } from "@rollcall/client";
import {
  type Account,
  type InstanceKey,
  type InstanceRecord,
  type Outcome,
  ok,
  type Refused,
  refuse,
  type ServiceView,
  statusOf,
} from "../../../core/index.ts";
import { Fields, isObject } from "../../../native/wire/fields.ts";
import { decodeCount, decodeTime, toTime } from "../../../native/wire/numbers.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";
import { type Counts, standingOf } from "./net.ts";
import { countedAs, type Place, StatusLog, type Turn } from "./status-log.ts";

/** Of one answer: the latest. */
const SPANS_MAX = 1000;
const STEPS_MAX = 1440;
export const INSTANCES_MAX = 100;

interface Range {
  readonly fromMs: number;
  readonly toMs: number;
}

/** By the registry: each has one. */
const logs = new WeakMap<Desk, StatusLog>();

async function logOf(desk: Desk): Promise<StatusLog> {
  let log = logs.get(desk);
  if (log === undefined) {
    log = new StatusLog(desk.registry, desk.clock);
    logs.set(desk, log);
  }
  await log.open();
  return log;
}

/** Ends what follows the registry for these. */
export function closeHistories(desk: Desk): void {
  logs.get(desk)?.close();
}

function decodeRange(read: (name: string) => string | undefined, nowMs: number): Outcome<Range> {
  const [from, to] = (["from", "to"] as const).map((name): number | Refused | undefined => {
    const text = read(name);
    if (text === undefined) return undefined;
    return (
      decodeTime(text, nowMs) ?? refuse("invalid", `${name} must be a time such as 2030-01-31T12:00:00Z, or like -15m`)
    );
  });
  if (typeof from === "object") return from;
  if (typeof to === "object") return to;
  const range = { fromMs: from ?? 0, toMs: to ?? Number.POSITIVE_INFINITY };
  return range.fromMs > range.toMs ? refuse("invalid", "from is later than to") : ok(range);
}

/** GET …/instances/:id/history */
export async function getInstanceHistory({ desk, account, params, query }: Exchange): Promise<Result> {
  const range = decodeRange((name) => query.get(name), desk.clock.now());
  if (!range.ok) return range;
  const log = await logOf(desk);
  const key = { service: params[0] as string, id: params[1] as string };
  return toJson(toHistory(desk, log, account, key, range.value));
}

const ASKED: ReadonlySet<string> = new Set(["instances", "from", "to"]);

/** POST …/histories */
export async function getHistories({ desk, account, json }: Exchange): Promise<Result> {
  const fields = new Fields(json, ASKED);
  fields.need("instances");
  const list = fields.list("instances", INSTANCES_MAX);
  const keys = list.flatMap((item): InstanceKey[] => {
    if (isObject(item) && typeof item.service === "string" && typeof item.id === "string")
      return [{ service: item.service, id: item.id }];
    fields.fail("each of the instances must be an object with service and id");
    return [];
  });
  const said = Object.fromEntries(
    ["from", "to"].map((name) => [name, fields.has(name) ? fields.text(name, "") : undefined]),
  );
  if (fields.fault !== undefined) return fields.fault;
  const range = decodeRange((name) => said[name], desk.clock.now());
  if (!range.ok) return range;
  const log = await logOf(desk);
  const histories = keys.map((key) => toHistory(desk, log, account, key, range.value));
  return toJson({ since: toTime(log.sinceMs), histories });
}

function toHistory(desk: Desk, log: StatusLog, account: Account, key: InstanceKey, range: Range): InstanceHistoryBody {
  const record = desk.registry.read((view) => view.instance(account, key.service, key.id));
  const turns: Turn[] = [];
  // One more than there may be spans: the last one tells what was before.
  for (const turn of log.turnsOf(account, key)) {
    if (turn.atMs > range.toMs) continue;
    turns.push(turn);
    if (turn.atMs <= range.fromMs || turns.length >= SPANS_MAX) break;
  }
  const sinceMs = Math.max(log.sinceMs, range.fromMs);
  const after = firstAfter(log.turnsOf(account, key), range.toMs);
  const spans = toSpans(
    turns.reverse(),
    sinceMs,
    after?.was ?? placeOf(record),
    after === undefined ? undefined : range.toMs,
  );
  return { service: key.service, id: key.id, since: toTime(log.sinceMs), spans };
}

function firstAfter(turns: Iterable<Turn>, atMs: number): Turn | undefined {
  let found: Turn | undefined;
  for (const turn of turns) {
    if (turn.atMs <= atMs) break;
    found = turn;
  }
  return found;
}

function placeOf(record: InstanceRecord | undefined): Place {
  return record === undefined ? null : { status: statusOf(record), held: record.held !== null };
}

/** Oldest first. Without a turn it was all the time as it is at the end. */
function toSpans(turns: readonly Turn[], sinceMs: number, last: Place, endMs: number | undefined): SpanBody[] {
  const spans: SpanBody[] = [];
  const first = turns[0];
  const add = (place: Place, fromMs: number, turn?: Turn): void => {
    const before = spans.at(-1);
    if (before !== undefined) before.to = toTime(fromMs);
    spans.push({
      status: place?.status ?? "gone",
      held: place?.held ?? false,
      from: toTime(fromMs),
      to: endMs === undefined ? null : toTime(endMs),
      cause: turn?.cause ?? null,
      revision: turn?.revision ?? null,
    });
  };
  if (first === undefined) add(last, sinceMs);
  else if (first.atMs > sinceMs) add(first.was, sinceMs);
  for (const turn of turns) add(turn.is, Math.max(turn.atMs, sinceMs), turn);
  return spans;
}

/** GET …/services/:service/history */
export async function getServiceHistory({ desk, account, params, query }: Exchange): Promise<Result> {
  const nowMs = desk.clock.now();
  const range = decodeRange((name) => query.get(name), nowMs);
  if (!range.ok) return range;
  const text = query.get("buckets");
  const buckets = text === undefined ? 0 : (decodeCount(text) ?? -1);
  if (buckets < 0 || buckets > STEPS_MAX)
    return refuse("invalid", `query parameter buckets must be an integer up to ${STEPS_MAX}`);
  const log = await logOf(desk);
  const service = params[0] as string;
  const sinceMs = Math.max(log.sinceMs, range.value.fromMs);
  const endMs = Math.min(range.value.toMs, nowMs);
  const now = desk.registry.read((view) => countNow(view.account(account)?.service(service)));
  const changes = stepsBack(log.turnsIn(account, service), now, sinceMs, endMs);
  const steps =
    buckets > 0 || changes.length > STEPS_MAX ? thin(changes, buckets || STEPS_MAX, sinceMs, endMs) : changes;
  const body: ServiceHistoryBody = {
    service,
    since: toTime(log.sinceMs),
    steps: steps.map(({ atMs, counts }) => ({ at: toTime(atMs), counts })),
  };
  return toJson(body);
}

type Some = Partial<Counts>;

interface Step {
  readonly atMs: number;
  readonly counts: Some;
}

function countNow(service: ServiceView | undefined): Some {
  const counts: Some = {};
  for (const record of service?.instances.values() ?? []) add(counts, standingOf(record), 1);
  return counts;
}

function add(counts: Some, name: keyof Counts, by: number): void {
  const count = (counts[name] ?? 0) + by;
  if (count > 0) counts[name] = count;
  else delete counts[name];
}

/** From the counts now back to the beginning, one step for each time at which something changed; oldest first. */
function stepsBack(turns: Iterable<Turn>, now: Some, sinceMs: number, endMs: number): Step[] {
  const counts = { ...now };
  const steps: Step[] = [];
  for (const { atMs, was, is } of turns) {
    if (atMs <= sinceMs) break;
    if (atMs <= endMs && steps.at(-1)?.atMs !== atMs) steps.push({ atMs, counts: { ...counts } });
    const [before, after] = [countedAs(was), countedAs(is)];
    if (after !== undefined) add(counts, after, -1);
    if (before !== undefined) add(counts, before, 1);
  }
  steps.push({ atMs: sinceMs, counts });
  return steps.reverse();
}

/** So many steps of one length, each with the counts at its beginning. */
function thin(steps: readonly Step[], buckets: number, sinceMs: number, endMs: number): Step[] {
  const lengthMs = Math.max(1, (endMs - sinceMs) / buckets);
  let at = 0;
  return Array.from({ length: buckets }, (_, nth) => {
    const atMs = Math.floor(sinceMs + nth * lengthMs);
    while (at + 1 < steps.length && (steps[at + 1] as Step).atMs <= atMs) at++;
    return { atMs, counts: (steps[at] as Step).counts };
  });
}
