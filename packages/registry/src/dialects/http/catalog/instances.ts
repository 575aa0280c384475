/** Handlers of one instance: register, change, heartbeat, checks, override, deregister. */
import {
  type Account,
  type Command,
  type Guard,
  type InstanceKey,
  type InstanceRecord,
  LIMITS,
  type Outcome,
  ok,
  type Receipt,
  type Refused,
  refuse,
} from "../../../core/index.ts";
import { answerJson, answerRefused, answerState, type Desk, type Exchange, JSON_HEAD } from "../desk.ts";
import { Fields } from "../wire/fields.ts";
import { decodeCondition, type Json } from "../wire/json.ts";
import { toInstanceBody } from "../wire/records.ts";
import { checksWithStatus, decodeRegister, patchRegisterBody, type Registration } from "../wire/registration.ts";
import { carryChecks, isCreated, registeredRecord, toRegister, toRegisteredBody } from "../wire/reserved.ts";
import { encodeBeat } from "./cache.ts";

function keyOf({ params }: Exchange): InstanceKey {
  return { service: params[0] as string, id: params[1] as string };
}

function findRecord({ desk, account }: Exchange, { service, id }: InstanceKey): InstanceRecord | undefined {
  return desk.registry.read((view) => view.instance(account, service, id));
}

function refuseMissing({ service, id }: InstanceKey): Refused {
  return refuse("not-found", `there is no instance ${id} of service ${service}`);
}

/** What the request's condition headers ask of the instance. */
interface Conditions {
  readonly ifAbsent: boolean;
  readonly guards: readonly Guard[];
}

const UNCONDITIONAL: Conditions = { ifAbsent: false, guards: [] };

function readConditions({ request }: Exchange, instance: InstanceKey): Outcome<Conditions> {
  const none = request.header("if-none-match");
  const match = request.header("if-match");
  if (none === undefined && match === undefined) return ok(UNCONDITIONAL);
  if (none !== undefined) {
    if (none.trim() !== "*" || match !== undefined)
      return refuse("invalid", "If-None-Match must be *, and cannot stand with If-Match");
    return ok({ ifAbsent: true, guards: [] });
  }
  const wanted = decodeCondition(match as string, "If-Match");
  if (!wanted.ok) return wanted;
  const guard: Guard =
    wanted.value === "any"
      ? { on: "instance", id: instance.id, service: instance.service, exists: true }
      : { on: "instance-mod", instance, revision: wanted.value };
  return ok({ ifAbsent: false, guards: [guard] });
}

/** Proposes; where guards are given and do not hold, refuses as `conflict`. */
async function proposeGuarded(
  desk: Desk,
  account: Account,
  guards: readonly Guard[],
  command: Command,
): Promise<Outcome<Receipt>> {
  if (guards.length === 0) return desk.registry.propose(account, command);
  const outcome = await desk.registry.propose(account, { kind: "when", guards, then: [command], otherwise: [] });
  if (outcome.ok && outcome.value.result.kind === "when" && !outcome.value.result.succeeded)
    return refuse("conflict", "the instance is not at the revision that If-Match names");
  return outcome;
}

/** A registration is a sign of life: said before proposing, so that the lease cannot run out on the way. */
export function beatOwnLease(desk: Desk, account: Account, record: InstanceRecord | undefined): void {
  const lease = record?.lease;
  if (lease == null) return;
  if (desk.registry.read((view) => view.lease(account, lease)?.own === true)) void desk.registry.renew(account, lease);
}

/** PUT …/instances/:id */
export function registerInstance(exchange: Exchange, json: Json): void | Promise<void> {
  const { desk, account, reply } = exchange;
  const instance = keyOf(exchange);
  const decoded = decodeRegister(json, instance.service, instance.id);
  if (!decoded.ok) return answerRefused(reply, decoded);
  const conditions = readConditions(exchange, instance);
  if (!conditions.ok) return answerRefused(reply, conditions);
  const { ifAbsent, guards } = conditions.value;
  const record = findRecord(exchange, instance);
  let registration = decoded.value;
  if (record !== undefined) {
    registration = carryChecks(registration, checksWithStatus(json), record);
    if (!ifAbsent) beatOwnLease(desk, account, record);
  }
  const command = toRegister(registration, ifAbsent);
  return proposeGuarded(desk, account, guards, command).then((outcome) =>
    answerRegistered(exchange, instance, registration, outcome),
  );
}

function answerRegistered(
  exchange: Exchange,
  instance: InstanceKey,
  { life }: Registration,
  outcome: Outcome<Receipt>,
): void {
  const { reply, desk, account } = exchange;
  if (!outcome.ok) return answerRefused(reply, outcome);
  const record = registeredRecord(outcome.value) ?? findRecord(exchange, instance);
  const lease = record?.lease ?? null;
  const stated = typeof life === "object" && "ttlMs" in life ? life.ttlMs : undefined;
  const ttlMs = lease === null ? null : (stated ?? desk.around.ttlMs(account, lease));
  const body = toRegisteredBody(instance.service, instance.id, outcome.value, lease, ttlMs);
  answerJson(reply, isCreated(outcome.value) ? 201 : 200, body);
}

const PATCH_TRIES_MAX = 8;

/** PATCH …/instances/:id: read, merge, and register on condition that nobody was faster. */
export async function patchInstance(exchange: Exchange, json: Json): Promise<void> {
  const { desk, account, reply } = exchange;
  const instance = keyOf(exchange);
  const conditions = readConditions(exchange, instance);
  if (!conditions.ok) return answerRefused(reply, conditions);
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return answerRefused(reply, refuse("invalid", "the body must be an object: a merge patch"));
  let outcome: Outcome<Receipt> = refuse("conflict", "the instance changed too often meanwhile");
  for (let tries = 0; tries < PATCH_TRIES_MAX; tries++) {
    const record = findRecord(exchange, instance);
    if (record === undefined) return answerRefused(reply, refuseMissing(instance));
    const merged = patchRegisterBody(record, json);
    const decoded = decodeRegister(merged, instance.service, instance.id, "keep");
    if (!decoded.ok) return answerRefused(reply, decoded);
    const patched = carryChecks(decoded.value, checksWithStatus(merged), record);
    const registration = { ...patched, instance: { ...patched.instance, via: record.via } };
    const guards: Guard[] = [
      ...conditions.value.guards,
      { on: "instance-mod", instance, revision: record.modRevision },
    ];
    outcome = await proposeGuarded(desk, account, guards, toRegister(registration, conditions.value.ifAbsent));
    if (outcome.ok) return answerRegistered(exchange, instance, registration, outcome);
    if (outcome.refusal !== "conflict" || conditions.value.guards.length > 0) break;
  }
  if (!outcome.ok) answerRefused(reply, outcome);
}

/** GET …/instances/:id */
export function getInstance(exchange: Exchange): void {
  const { desk, account, reply } = exchange;
  const instance = keyOf(exchange);
  const record = findRecord(exchange, instance);
  if (record === undefined) return answerRefused(reply, refuseMissing(instance));
  const ttlOf = (lease: string): number | null => desk.around.ttlMs(account, lease);
  answerState(exchange, record.modRevision, () => toInstanceBody(record, ttlOf));
}

/** DELETE …/instances/:id */
export async function deregisterInstance(exchange: Exchange): Promise<void> {
  const { desk, account, reply } = exchange;
  const instance = keyOf(exchange);
  const conditions = readConditions(exchange, instance);
  if (!conditions.ok) return answerRefused(reply, conditions);
  const command: Command = { kind: "deregister", instance };
  answerRevision(exchange, await proposeGuarded(desk, account, conditions.value.guards, command));
}

export function answerRevision({ reply }: Exchange, outcome: Outcome<Receipt>): void {
  if (outcome.ok) answerJson(reply, 200, { revision: outcome.value.revision });
  else answerRefused(reply, outcome);
}

/** POST …/instances/:id/heartbeat: two look-ups and one beat. */
export function beatInstance(exchange: Exchange): void | Promise<void> {
  const { desk, account, params, reply } = exchange;
  const service = params[0] as string;
  const id = params[1] as string;
  const record = desk.registry.read((view) => view.instance(account, service, id));
  if (record === undefined) return answerRefused(reply, refuseMissing({ service, id }));
  if (record.lease === null) return answerBeat(exchange, null);
  return desk.registry.renew(account, record.lease).then((outcome) => {
    if (outcome.ok) answerBeat(exchange, outcome.value.ttlMs);
    else answerRefused(reply, outcome);
  });
}

export function answerBeat({ reply }: Exchange, ttlMs: number | null): void {
  reply.send(200, JSON_HEAD, encodeBeat(ttlMs));
}

const REPORT_FIELDS: ReadonlySet<string> = new Set(["status", "output"]);

/** PUT …/instances/:id/checks/:check: a check that is not there yet is added. */
export async function reportCheck(exchange: Exchange, json: Json): Promise<void> {
  const { desk, account, params, reply } = exchange;
  const checkId = params[2] as string;
  const fields = new Fields(json, REPORT_FIELDS);
  fields.need("status");
  const status = fields.status("status", "unknown");
  const output = fields.text("output", "", LIMITS.checkOutputLengthMax);
  if (checkId.length > LIMITS.nameLengthMax) fields.fail(`the check's id is longer than ${LIMITS.nameLengthMax}`);
  if (fields.fault !== undefined) return answerRefused(reply, fields.fault);
  const check = {
    id: checkId,
    kind: "reported",
    name: checkId,
    target: "",
    intervalMs: 0,
    timeoutMs: 0,
    status,
    output,
    reportedAtMs: 0,
  } as const;
  const instance = keyOf(exchange);
  const command: Command = { kind: "report", instance, checkId, status, output, check };
  answerRevision(exchange, await desk.registry.propose(account, command));
}

const OVERRIDE_FIELDS: ReadonlySet<string> = new Set(["status"]);

/** PUT …/instances/:id/override */
export async function setOverride(exchange: Exchange, json: Json): Promise<void> {
  const { desk, account, reply } = exchange;
  const fields = new Fields(json, OVERRIDE_FIELDS);
  fields.need("status");
  const status = fields.status("status", "unknown");
  if (fields.fault !== undefined) return answerRefused(reply, fields.fault);
  const instance = keyOf(exchange);
  answerRevision(exchange, await desk.registry.propose(account, { kind: "override", instance, status }));
}

/** DELETE …/instances/:id/override */
export async function removeOverride(exchange: Exchange): Promise<void> {
  const { desk, account } = exchange;
  const instance = keyOf(exchange);
  answerRevision(exchange, await desk.registry.propose(account, { kind: "override", instance, status: null }));
}
