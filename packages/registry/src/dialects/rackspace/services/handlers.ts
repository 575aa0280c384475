/** @live Services: list, create, read, update, delete, heartbeat. */
import { type Account, byPlan, type InstanceRecord, type LeaseRecord, noteOf, type View } from "../../../core/index.ts";
import { findSurely } from "../../../net/routes/catch-up.ts";
import { type Answer, answerPage, type Call, changedAt, type Desk } from "../desk.ts";
import { toFault } from "../refusals.ts";
import { parseHeartbeat, parseNewService, parseServiceUpdate } from "../wire/bodies.ts";
import { type Fault, missing, wrongParameter } from "../wire/faults.ts";
import { checkServiceId, MARKER_LENGTH_MAX } from "../wire/fields.ts";
import { parsePage } from "../wire/page.ts";
import { DELETE, explainCreate, grantedLease, toCreate, UPDATE } from "./commands.ts";
import { chooseService, eachService, toServiceBody } from "./instances.ts";

export function listServices(desk: Desk, call: Call): Answer | Promise<Answer> {
  const { account, query } = call;
  const request = parsePage(query, MARKER_LENGTH_MAX);
  if (!request.ok) return request;
  const tags = query.all("tag");
  const tag = tags[0];
  // The original holds tags to the rule of ids here, shorter ones that are stored included.
  const wrong = tags.length > 1 ? "Not a string" : tag === undefined ? undefined : checkServiceId(tag);
  if (wrong !== undefined) return { fault: wrongParameter("tag", wrong) };
  return answerPage(desk, call, request.value, {
    each: (owner, from) => withTag(eachService(owner, from), tag),
    leaseOf: (record) => record.lease,
    show: (record, view) => {
      const lease = leaseOf(view, account, record);
      return (lastBeat) => toServiceBody(record, lease, lastBeat);
    },
  });
}

function* withTag(records: Iterable<InstanceRecord>, tag: string | undefined): Iterable<InstanceRecord> {
  for (const record of records) if (tag === undefined || record.tags.includes(tag)) yield record;
}

function leaseOf(view: View, account: Account, { lease }: InstanceRecord): LeaseRecord | undefined {
  return lease === null ? undefined : view.lease(account, lease);
}

interface Found {
  readonly record: InstanceRecord;
  readonly lease: LeaseRecord | undefined;
}

function find(desk: Desk, { account }: Call, id: string): Found | undefined {
  return desk.registry.read((view) => {
    const record = chooseService(view.instancesById(account, id));
    return record && { record, lease: leaseOf(view, account, record) };
  });
}

function wrongId(id: string): Fault | undefined {
  const wrong = checkServiceId(id);
  return wrong === undefined ? undefined : wrongParameter("serviceId", wrong);
}

export async function getService(desk: Desk, call: Call, id: string): Promise<Answer> {
  const wrong = wrongId(id);
  if (wrong !== undefined) return { fault: wrong };
  const found = find(desk, call, id);
  if (found === undefined) return { fault: missing("Service", id) };
  const { record, lease } = found;
  const lastBeat = await desk.tokens.lastBeats(call.account, lease === undefined ? [] : [lease.id]);
  return { status: 200, body: toServiceBody(record, lease, lastBeat) };
}

export async function createService(desk: Desk, call: Call): Promise<Answer> {
  const parsed = parseNewService(call.body);
  if (!parsed.ok) return parsed;
  const { account } = call;
  const { servicesMax } = desk.quotas;
  const service = parsed.value;
  const outcome = await desk.registry.propose(account, toCreate(service, servicesMax));
  if (!outcome.ok) return { fault: toFault(outcome) };
  const fault = explainCreate(outcome.value, service, servicesMax);
  if (fault !== undefined) return { fault };
  const headers = { Location: `${call.base}/services/${service.id}` };
  const lease = grantedLease(outcome.value);
  // A service of a session has no token: the session's heartbeats keep it alive.
  if ("session" in service.life || lease === undefined) return { status: 201, headers, body: {} };
  const token = desk.tokens.begin({ kind: "service", account, id: service.id }, lease);
  // It may have been removed before this answer: then nobody will be told to forget its chain.
  if (desk.registry.read((view) => view.lease(account, lease.id)?.createRevision !== lease.createRevision)) {
    desk.tokens.forget(account, lease.id);
  }
  return { status: 201, headers, body: { token } };
}

export async function updateService(desk: Desk, call: Call, id: string): Promise<Answer> {
  const wrong = wrongId(id);
  if (wrong !== undefined) return { fault: wrong };
  const parsed = parseServiceUpdate(call.body);
  if (!parsed.ok) return parsed;
  const outcome = await desk.registry.propose(call.account, byPlan(UPDATE, { id, update: parsed.value }));
  if (!outcome.ok) return { fault: outcome.refusal === "not-found" ? missing("Service", id) : toFault(outcome) };
  const fault = noteOf(UPDATE, outcome.value);
  return fault === null ? changedAt(call, `/services/${id}`) : { fault };
}

export async function deleteService(desk: Desk, call: Call, id: string): Promise<Answer> {
  const wrong = wrongId(id);
  if (wrong !== undefined) return { fault: wrong };
  const outcome = await desk.registry.propose(call.account, byPlan(DELETE, id));
  if (outcome.ok) return { status: 204 };
  return { fault: outcome.refusal === "not-found" ? missing("Service", id) : toFault(outcome) };
}

export async function heartbeatService(desk: Desk, call: Call, id: string): Promise<Answer> {
  const wrong = wrongId(id);
  if (wrong !== undefined) return { fault: wrong };
  const parsed = parseHeartbeat(call.body);
  if (!parsed.ok) return parsed;
  const { account } = call;
  const token = parsed.value;
  // Clients stop at 404 and hammer at anything else: so a stale token must be a 404.
  const used = await findSurely(desk.registry, () => {
    const lease = find(desk, call, id)?.lease;
    const next = lease?.own ? desk.tokens.use({ kind: "service", account, id }, lease, token) : null;
    return lease === undefined || next === null ? undefined : { lease, next };
  });
  if (!used.ok) return { fault: toFault(used) };
  if (used.value === undefined)
    return { fault: find(desk, call, id) === undefined ? missing("Service", id) : missing("HeartbeatMarker", token) };
  const { lease, next } = used.value;
  const renewed = await desk.registry.renew(account, lease.id);
  if (renewed.ok) return { status: 200, body: { token: next } };
  return { fault: renewed.refusal === "not-found" ? missing("Service", id) : toFault(renewed) };
}
