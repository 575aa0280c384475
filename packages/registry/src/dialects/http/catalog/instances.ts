/** @live Handlers of one instance: register, change, heartbeat, checks, override, deregister. */
import {
  byPlan,
  type Command,
  type Guard,
  type InstanceKey,
  type InstanceRecord,
  type Life,
  noteOf,
  type Outcome,
  ok,
  type Receipt,
  refuse,
  succeeded,
} from "../../../core/index.ts";
import { decodeOverride } from "../../../native/catalog/overriding.ts";
import { carryChecks, toRegister, toRegisteredBody } from "../../../native/catalog/registering.ts";
import { decodeReport, tellReport } from "../../../native/catalog/reporting.ts";
import { checksWithStatus } from "../../../native/wire/checks.ts";
import { isObject } from "../../../native/wire/fields.ts";
import { toTtl } from "../../../native/wire/numbers.ts";
import { toInstanceBody } from "../../../native/wire/records.ts";
import { decodeRegister } from "../../../native/wire/registration.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { findSurely } from "../../../net/routes/catch-up.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toBeat, toJson, toRevised, toState } from "../answers.ts";
import { type Exchange, signed, signing } from "../desk.ts";
import { decodeCondition } from "../wire/tags.ts";
import { PATCH, refuseMissing } from "./patching.ts";

function keyOf({ params }: Exchange): InstanceKey {
  return { service: params[0] as string, id: params[1] as string };
}

function findRecord({ desk, account }: Exchange, { service, id }: InstanceKey): InstanceRecord | undefined {
  return desk.registry.read((view) => view.instance(account, service, id));
}

/** What the request's condition headers ask of the instance. */
interface Conditions {
  readonly ifAbsent: boolean;
  readonly guards: readonly Guard[];
}

const UNCONDITIONAL: Conditions = { ifAbsent: false, guards: [] };

function readConditions({ request, desk }: Exchange, instance: InstanceKey): Outcome<Conditions> {
  const condition = decodeCondition(request.header("if-match"), request.header("if-none-match"), desk.mark);
  if (!condition.ok) return condition;
  switch (condition.value) {
    case undefined:
      return ok(UNCONDITIONAL);
    case "absent":
      return ok({ ifAbsent: true, guards: [] });
    case "present":
      return ok({ ifAbsent: false, guards: [{ on: "instance", ...instance, exists: true }] });
    default:
      return ok({ ifAbsent: false, guards: [{ on: "instance-mod", instance, revision: condition.value }] });
  }
}

const STALE = refuse("conflict", "the instance is not at the revision that If-Match names");

function propose(exchange: Exchange, command: Command): Promise<Outcome<Receipt>> {
  return exchange.desk.registry.propose(exchange.account, signed(exchange, command));
}

/** Proposes; where guards are given and do not hold, refuses as `conflict`. */
function proposeGuarded(exchange: Exchange, guards: readonly Guard[], command: Command): Promise<Outcome<Receipt>> {
  if (guards.length === 0) return propose(exchange, command);
  return propose(exchange, { kind: "when", guards, then: [command], otherwise: [] }).then((outcome) =>
    !outcome.ok || succeeded(outcome.value) ? outcome : STALE,
  );
}

/** PUT …/instances/:id */
export function registerInstance(exchange: Exchange): Result | Promise<Result> {
  const { json } = exchange;
  const instance = keyOf(exchange);
  const decoded = decodeRegister(json, instance.service, instance.id, "http");
  if (!decoded.ok) return decoded;
  const conditions = readConditions(exchange, instance);
  if (!conditions.ok) return conditions;
  const { ifAbsent, guards } = conditions.value;
  const record = findRecord(exchange, instance);
  const registration = carryChecks(decoded.value, checksWithStatus(json), record);
  return proposeGuarded(exchange, guards, toRegister(registration, ifAbsent)).then((outcome) =>
    outcome.ok ? toRegistered(exchange, instance, registration.life, outcome.value) : outcome,
  );
}

function toRegistered(exchange: Exchange, instance: InstanceKey, life: Life, receipt: Receipt): Answer {
  const { desk, account } = exchange;
  const body = toRegisteredBody(desk, account, instance, life, receipt);
  return toJson(body, body.created ? 201 : 200);
}

/** PATCH …/instances/:id */
export async function patchInstance(exchange: Exchange): Promise<Result> {
  const { json } = exchange;
  const instance = keyOf(exchange);
  const conditions = readConditions(exchange, instance);
  if (!conditions.ok) return conditions;
  if (!isObject(json)) return refuse("invalid", "the body must be an object: a merge patch");
  const outcome = await propose(exchange, byPlan(PATCH, { instance, patch: json, ...conditions.value }));
  if (!outcome.ok) return outcome;
  return succeeded(outcome.value)
    ? toRegistered(exchange, instance, noteOf(PATCH, outcome.value), outcome.value)
    : STALE;
}

/** GET …/instances/:id */
export function getInstance(exchange: Exchange): Result {
  const { desk, account } = exchange;
  const instance = keyOf(exchange);
  const record = findRecord(exchange, instance);
  if (record === undefined) return refuseMissing(instance);
  const ttlOf = (lease: string): number | null => desk.around.ttlMs(account, lease);
  return toState(exchange, record.modRevision, () => toInstanceBody(record, ttlOf));
}

/** DELETE …/instances/:id */
export async function deregisterInstance(exchange: Exchange): Promise<Result> {
  const instance = keyOf(exchange);
  const conditions = readConditions(exchange, instance);
  if (!conditions.ok) return conditions;
  const command: Command = { kind: "deregister", instance };
  return toRevised(await proposeGuarded(exchange, conditions.value.guards, command));
}

/** POST …/instances/:id/heartbeat: two look-ups and one beat. It may have registered at another node a moment ago. */
export function beatInstance(exchange: Exchange): Result | Promise<Result> {
  const { registry } = exchange.desk;
  const find = () =>
    registry.read((view) =>
      view.instance(exchange.account, exchange.params[0] as string, exchange.params[1] as string),
    );
  const record = find();
  if (record !== undefined) return beat(exchange, record);
  return findSurely(registry, find).then((found) => {
    if (!found.ok) return found;
    return found.value === undefined ? refuseMissing(keyOf(exchange)) : beat(exchange, found.value);
  });
}

function beat({ desk, account }: Exchange, record: InstanceRecord): Result | Promise<Result> {
  if (record.lease === null) return toBeat(null);
  return desk.registry
    .renew(account, record.lease)
    .then((outcome) => (outcome.ok ? toBeat(toTtl(outcome.value.ttlMs)) : outcome));
}

/** PUT …/instances/:id/checks/:check: a check that is not there yet is added. */
export async function reportCheck(exchange: Exchange): Promise<Result> {
  const { desk, account, params } = exchange;
  const report = decodeReport(exchange.json, params[2] as string);
  if (!report.ok) return report;
  const told = await tellReport({ ...desk, registry: signing(exchange) }, account, keyOf(exchange), report.value);
  return told.ok ? toJson({ revision: told.value }) : told;
}

/** PUT …/instances/:id/override */
export async function setOverride(exchange: Exchange): Promise<Result> {
  const { desk, json, principal } = exchange;
  const command = decodeOverride(keyOf(exchange), json, principal, desk.clock.now());
  if (command.ok && isObject(json) && json.status === undefined) return refuse("invalid", "field status is missing");
  return command.ok ? toRevised(await propose(exchange, command.value)) : command;
}

/** DELETE …/instances/:id/override */
export async function removeOverride(exchange: Exchange): Promise<Result> {
  return toRevised(await propose(exchange, { kind: "override", instance: keyOf(exchange), status: null }));
}
