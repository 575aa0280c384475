/** @live The agent's checks: what clients say of them, added and removed, and what they come to. */
import { byPlan, noteOf } from "../../../core/index.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { encodeCheck, nodeChecksOf, type ShownCheck, worstOf } from "../catalog/checks.ts";
import { agentService } from "../catalog/encode.ts";
import { findAnyNode, type Service } from "../catalog/listing.ts";
import type { CheckStatus } from "../catalog/nodes.ts";
import { findCheck, ttlLease } from "../catalog/watched.ts";
import { readCheck } from "../catalog/wished.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { toAnswer } from "../refusals.ts";
import { empty, text, toJson } from "../wire/answer.ts";
import { Fields } from "../wire/fields.ts";
import { decodeBody, encodeJson } from "../wire/json.ts";
import { ADD_CHECK, REMOVE_CHECK, REPORT, unknownCheck } from "./plans.ts";
import { ownOf, ownServices, toFault } from "./services.ts";

/** What is longer is cut. */
const OUTPUT_LENGTH_MAX = 4096;

function say(status: CheckStatus): Handle {
  return (desk, call) => report(desk, call, status, call.query.get("note") ?? "");
}

/** `PUT /v1/agent/check/pass/:id` */
export const pass = say("passing");
/** `PUT /v1/agent/check/warn/:id` */
export const warn = say("warning");
/** `PUT /v1/agent/check/fail/:id` */
export const fail = say("critical");

/** `PUT /v1/agent/check/update/:id` */
export const update: Handle = (desk, call) => {
  const body = decodeBody(call.body);
  const fields = body.ok ? Fields.of(body.value) : body;
  if (!fields.ok) return text(400, `Request decode failed: ${fields.detail}`);
  const status = fields.value.text("Status");
  const output = fields.value.text("Output");
  if (fields.value.wrong !== undefined) return text(400, fields.value.wrong.detail);
  if (status !== "passing" && status !== "warning" && status !== "critical")
    return text(400, `Invalid check status: '${status.slice(0, 100)}'`);
  return report(desk, call, status, output);
};

/** The same result again is a heartbeat and no commit. */
async function report(desk: Desk, call: Call, status: CheckStatus, said: string): Promise<Answer> {
  const { agent, registry } = desk;
  const { account } = call;
  const [id = ""] = call.params;
  const output = said.slice(0, OUTPUT_LENGTH_MAX);
  const isSame = registry.read((view) => {
    const found = findCheck(view, account, agent, id);
    return (
      found?.isTtl === true &&
      found.key.lease !== null &&
      found.check.status === status &&
      found.check.output === output
    );
  });
  if (isSame) {
    const renewed = await registry.renew(account, ttlLease(id));
    if (renewed.ok) return empty();
    // It has just ended, and begins anew.
    if (renewed.refusal !== "not-found") return toAnswer(renewed);
  }
  const proposed = await registry.propose(account, byPlan(REPORT, { agent, id, status, output }));
  return proposed.ok ? empty() : toAnswer(proposed);
}

/** `PUT /v1/agent/check/register` */
export const register: Handle = async (desk, call) => {
  const body = decodeBody(call.body);
  if (!body.ok) return text(400, `Request decode failed: ${body.detail}`);
  const fields = Fields.of(body.value);
  if (!fields.ok) return text(400, fields.detail);
  const serviceId = fields.value.text("ServiceID", "service_id");
  if (fields.value.text("Name") === "") return text(400, "Missing check name");
  const status = fields.value.text("Status");
  if (status !== "" && !/^(?:passing|warning|critical)$/.test(status)) return text(400, "Bad check status");
  const check = readCheck(fields.value, { id: "", name: "" });
  if (!check.ok) return toFault(check);
  const input = { agent: desk.agent, serviceId, check: check.value };
  const proposed = await desk.registry.propose(call.account, byPlan(ADD_CHECK, input));
  return proposed.ok ? empty() : toAnswer(proposed);
};

/** `PUT /v1/agent/check/deregister/:id` */
export const deregister: Handle = async (desk, call) => {
  const [id = ""] = call.params;
  const proposed = await desk.registry.propose(call.account, byPlan(REMOVE_CHECK, { agent: desk.agent, id }));
  if (!proposed.ok) return toAnswer(proposed);
  return noteOf(REMOVE_CHECK, proposed.value) ? empty() : text(404, unknownCheck(id.slice(0, 200)));
};

/** `GET /v1/agent/checks`: those that were registered; that of the node itself is no agent's. */
export const list: Handle = (desk, call) => {
  const added = nodeChecks(desk, call).filter(({ id }) => id !== "serfHealth");
  const checks = [...added, ...ownServices(desk, call).flatMap((service) => service.checks)];
  const shown = checks
    .map((check) => [check.id, encodeCheck(check)] as const)
    .filter(([, json]) => call.filter === undefined || call.filter(JSON.parse(json)));
  return toJson(`{${shown.map(([id, json]) => `${encodeJson(id)}:${json}`).join()}}`);
};

function nodeChecks(desk: Desk, { account }: Call): readonly ShownCheck[] {
  return desk.registry.read((view) => {
    const node = findAnyNode(view.account(account), desk.agent.node, desk);
    return node === undefined ? [] : nodeChecksOf(node);
  });
}

const STATUS: Readonly<Record<CheckStatus, number>> = { passing: 200, warning: 429, critical: 503 };

/** `GET /v1/agent/health/service/name/:name`: the worst of all. */
export const healthByName: Handle = (desk, call) => {
  const [name = ""] = call.params;
  const services = ownOf(desk, call, name);
  const isText = call.query.get("format") === "text";
  if (services.length === 0)
    return isText ? text(404, `ServiceName ${name.slice(0, 200)} Not Found`) : toJson("[]", 404);
  const shown = services.map((service) => healthOf(desk, call, service));
  const worst = shown.reduce<CheckStatus>(
    (worst, { status }) =>
      (STATUS[status] > STATUS[worst] && worst !== "critical") || status === "critical" ? status : worst,
    "passing",
  );
  if (isText) return text(STATUS[worst], worst);
  return toJson(`[${shown.map(({ json }) => json).join()}]`, STATUS[worst]);
};

/** `GET /v1/agent/health/service/id/:id` */
export const healthById: Handle = (desk, call) => {
  const [id = ""] = call.params;
  const isText = call.query.get("format") === "text";
  const service = ownServices(desk, call).find((one) => one.id === id);
  if (service === undefined)
    return isText
      ? text(404, `ServiceId ${id.slice(0, 200)} not found`)
      : toJson('{"AggregatedStatus":"critical","Service":null,"Checks":null}', 404);
  const { status, json } = healthOf(desk, call, service);
  return isText ? text(STATUS[status], status) : toJson(json, STATUS[status]);
};

function healthOf(desk: Desk, call: Call, service: Service): { readonly status: CheckStatus; readonly json: string } {
  const checks = [...nodeChecks(desk, call).filter(({ id }) => id !== "serfHealth"), ...service.checks];
  const status = worstOf(checks);
  const own = service.checks.map(encodeCheck).join();
  return {
    status,
    json: `{"AggregatedStatus":"${status}","Service":${encodeJson(agentService(service, desk.agent.datacenter))},"Checks":[${own}]}`,
  };
}
