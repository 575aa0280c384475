/** @live The session era: one heartbeat for many services. */
import { randomInt } from "node:crypto";
import { type LeaseRecord, ok, refuse, succeeded, untilDecided, type View } from "../../../core/index.ts";
import { type Answer, answerPage, type Call, changedAt, type Desk } from "../desk.ts";
import { toFault } from "../refusals.ts";
import { depthOf } from "../services/commands.ts";
import { sessionKey, toServiceBody } from "../services/instances.ts";
import { parseHeartbeat, parseNewSession, parseSessionUpdate } from "../wire/bodies.ts";
import { limitReached, missing } from "../wire/faults.ts";
import { isServiceId, MARKER_LENGTH_MAX } from "../wire/fields.ts";
import { Lazy } from "../wire/json.ts";
import { parsePage } from "../wire/page.ts";
import { eachSession, toCreateSession, toSessionBody, toUpdateSession } from "./leases.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

function makeSessionId(): string {
  let id = "se";
  for (let i = 0; i < 8; i++) id += ALPHABET.charAt(randomInt(ALPHABET.length));
  return id;
}

function list(desk: Desk, call: Call, show: (lease: LeaseRecord, view: View) => () => object): Answer {
  const request = parsePage(call.query, MARKER_LENGTH_MAX);
  return request.ok ? answerPage(desk, call, request.value, eachSession, show) : request;
}

export function listSessions(desk: Desk, call: Call): Answer {
  const lastBeat = desk.tokens.lastBeatIn(call.account);
  return list(desk, call, (lease) => () => toSessionBody(lease, lastBeat));
}

/** Every session with its services. */
export function getOverview(desk: Desk, call: Call): Answer {
  const lastBeat = desk.tokens.lastBeatIn(call.account);
  return list(desk, call, (lease, view) => {
    const records = view
      .members(call.account, lease.id)
      .instances.filter(({ id }) => isServiceId(id))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    const services = new Lazy(records.map((record) => () => toServiceBody(record, lease, lastBeat)));
    return () => ({ session: toSessionBody(lease, lastBeat), services });
  });
}

export async function createSession(desk: Desk, call: Call): Promise<Answer> {
  const parsed = parseNewSession(call.body);
  if (!parsed.ok) return parsed;
  const { account } = call;
  const { sessionsMax } = desk.quotas;
  let id = "";
  const outcome = await untilDecided(async () => {
    id = makeSessionId();
    const created = await desk.registry.propose(account, toCreateSession(id, parsed.value, sessionsMax));
    return created.ok && depthOf(created.value.result) === 1 ? null : created;
  });
  if (!outcome.ok) return { fault: toFault(outcome) };
  const lease = desk.registry.read((view) => view.lease(account, id));
  if (depthOf(outcome.value.result) === 0) return { fault: limitReached("session", sessionsMax) };
  // Ended again before this answer: the client will find out at its first heartbeat.
  if (lease === undefined) return { fault: missing("Session", id) };
  const token = desk.tokens.begin({ kind: "session", account, id }, lease);
  return { status: 201, headers: { Location: `${call.base}/sessions/${id}` }, body: { token } };
}

interface Found {
  readonly lease: LeaseRecord;
  /** Where its key stands: moves with every change of the session. */
  readonly revision: number;
}

function find(desk: Desk, { account }: Call, id: string): Found | undefined {
  return desk.registry.read((view) => {
    const entry = view.entry(account, sessionKey(id));
    const lease = view.lease(account, id);
    return entry && lease && { lease, revision: entry.modRevision };
  });
}

export function getSession(desk: Desk, call: Call, id: string): Answer {
  const found = find(desk, call, id);
  if (found === undefined) return { fault: missing("Session", id) };
  return { status: 200, body: toSessionBody(found.lease, desk.tokens.lastBeatIn(call.account)) };
}

export async function updateSession(desk: Desk, call: Call, id: string): Promise<Answer> {
  const parsed = parseSessionUpdate(call.body);
  if (!parsed.ok) return parsed;
  const { account } = call;
  const idle = Object.keys(parsed.value).length === 0;
  const outcome = await untilDecided<unknown>(async () => {
    const found = find(desk, call, id);
    if (found === undefined) return refuse("not-found", id);
    if (idle) return ok(null);
    const command = toUpdateSession(found.lease, found.revision, parsed.value);
    const updated = await desk.registry.propose(account, command);
    return updated.ok && !succeeded(updated.value) ? null : updated;
  });
  if (outcome.ok) return changedAt(call, `/sessions/${id}`);
  return { fault: outcome.refusal === "not-found" ? missing("Session", id) : toFault(outcome) };
}

export async function heartbeatSession(desk: Desk, call: Call, id: string): Promise<Answer> {
  const parsed = parseHeartbeat(call.body);
  if (!parsed.ok) return parsed;
  const found = find(desk, call, id);
  if (found === undefined) return { fault: missing("Session", id) };
  const { account } = call;
  const next = desk.tokens.use({ kind: "session", account, id }, found.lease, parsed.value);
  if (next === null) return { fault: missing("HeartbeatMarker", parsed.value) };
  const renewed = await desk.registry.renew(account, id);
  if (renewed.ok) return { status: 200, body: { token: next } };
  return { fault: renewed.refusal === "not-found" ? missing("Session", id) : toFault(renewed) };
}
