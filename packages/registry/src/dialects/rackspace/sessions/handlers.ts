/** @live The session era: one heartbeat for many services. */
import { randomInt } from "node:crypto";
import { byPlan, type LeaseRecord, noteOf, succeeded } from "../../../core/index.ts";
import { findSurely } from "../../../net/routes/catch-up.ts";
import { type Answer, answerPage, type Call, changedAt, type Desk, type Listing } from "../desk.ts";
import { toFault } from "../refusals.ts";
import { sessionKey, toServiceBody } from "../services/instances.ts";
import { parseHeartbeat, parseNewSession, parseSessionUpdate } from "../wire/bodies.ts";
import { limitReached, missing } from "../wire/faults.ts";
import { isServiceId, MARKER_LENGTH_MAX } from "../wire/fields.ts";
import { Lazy } from "../wire/json.ts";
import { parsePage } from "../wire/page.ts";
import { CREATE_SESSION, eachSession, toSessionBody, UPDATE_SESSION } from "./leases.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/** So many are made for one session, in case that one is taken: each is one of 2 * 10^14. */
const IDS = 3;

function makeSessionId(): string {
  let id = "se";
  for (let i = 0; i < 8; i++) id += ALPHABET.charAt(randomInt(ALPHABET.length));
  return id;
}

function list(desk: Desk, call: Call, show: Listing<LeaseRecord>["show"]): Answer | Promise<Answer> {
  const request = parsePage(call.query, MARKER_LENGTH_MAX);
  if (!request.ok) return request;
  return answerPage(desk, call, request.value, { each: eachSession, show, leaseOf: ({ id }) => id });
}

export function listSessions(desk: Desk, call: Call): Answer | Promise<Answer> {
  return list(desk, call, (lease) => (lastBeat) => toSessionBody(lease, lastBeat));
}

/** Every session with its services. */
export function getOverview(desk: Desk, call: Call): Answer | Promise<Answer> {
  return list(desk, call, (lease, view) => {
    const records = view
      .members(call.account, lease.id)
      .instances.filter(({ id }) => isServiceId(id))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
    return (lastBeat) => ({
      session: toSessionBody(lease, lastBeat),
      services: new Lazy(records.map((record) => () => toServiceBody(record, lease, lastBeat))),
    });
  });
}

export async function createSession(desk: Desk, call: Call): Promise<Answer> {
  const parsed = parseNewSession(call.body);
  if (!parsed.ok) return parsed;
  const { account } = call;
  const { sessionsMax } = desk.quotas;
  const ids = Array.from({ length: IDS }, makeSessionId);
  const wish = byPlan(CREATE_SESSION, { ids, session: parsed.value, sessionsMax });
  const outcome = await desk.registry.propose(account, wish);
  if (!outcome.ok) return { fault: toFault(outcome) };
  if (!succeeded(outcome.value)) return { fault: limitReached("session", sessionsMax) };
  const id = noteOf(CREATE_SESSION, outcome.value);
  const lease = desk.registry.read((view) => view.lease(account, id));
  // Ended again before this answer: the client will find out at its first heartbeat.
  if (lease === undefined) return { fault: missing("Session", id) };
  const token = desk.tokens.begin({ kind: "session", account, id }, lease);
  return { status: 201, headers: { Location: `${call.base}/sessions/${id}` }, body: { token } };
}

function find(desk: Desk, { account }: Call, id: string): LeaseRecord | undefined {
  return desk.registry.read((view) =>
    view.entry(account, sessionKey(id)) === undefined ? undefined : view.lease(account, id),
  );
}

export async function getSession(desk: Desk, call: Call, id: string): Promise<Answer> {
  const lease = find(desk, call, id);
  if (lease === undefined) return { fault: missing("Session", id) };
  return { status: 200, body: toSessionBody(lease, await desk.tokens.lastBeats(call.account, [lease.id])) };
}

export async function updateSession(desk: Desk, call: Call, id: string): Promise<Answer> {
  const parsed = parseSessionUpdate(call.body);
  if (!parsed.ok) return parsed;
  const outcome = await desk.registry.propose(call.account, byPlan(UPDATE_SESSION, { id, update: parsed.value }));
  if (outcome.ok) return changedAt(call, `/sessions/${id}`);
  return { fault: outcome.refusal === "not-found" ? missing("Session", id) : toFault(outcome) };
}

export async function heartbeatSession(desk: Desk, call: Call, id: string): Promise<Answer> {
  const parsed = parseHeartbeat(call.body);
  if (!parsed.ok) return parsed;
  const { account } = call;
  const next = await findSurely(desk.registry, () => {
    const lease = find(desk, call, id);
    return (lease && desk.tokens.use({ kind: "session", account, id }, lease, parsed.value)) ?? undefined;
  });
  if (!next.ok) return { fault: toFault(next) };
  if (next.value === undefined)
    return {
      fault: find(desk, call, id) === undefined ? missing("Session", id) : missing("HeartbeatMarker", parsed.value),
    };
  const renewed = await desk.registry.renew(account, id);
  if (renewed.ok) return { status: 200, body: { token: next.value } };
  return { fault: renewed.refusal === "not-found" ? missing("Session", id) : toFault(renewed) };
}
