/** @live `PUT /v1/catalog/register` and `deregister`. */
import { byPlan } from "../../../../core/index.ts";
import type { Desk, Handle } from "../../desk.ts";
import { toAnswer } from "../../refusals.ts";
import { jsonOf, text } from "../../wire/answer.ts";
import { Fields } from "../../wire/fields.ts";
import { decodeBody } from "../../wire/json.ts";
import { CATALOG_DEREGISTER, CATALOG_REGISTER } from "./plan.ts";
import { readRegistration } from "./read.ts";

export const CATALOG_BYTES_MAX = 512 * 1024;

const NO_PATH = text(500, "No path to datacenter");

function isElsewhere(fields: Fields, { agent }: Desk): boolean {
  const datacenter = fields.text("Datacenter");
  return datacenter !== "" && datacenter.toLowerCase() !== agent.datacenter;
}

export const register: Handle = async (desk, call) => {
  const body = decodeBody(call.body);
  const fields = body.ok ? Fields.of(body.value) : body;
  if (!fields.ok) return text(400, `Request decode failed: ${fields.detail}`);
  if (isElsewhere(fields.value, desk)) return NO_PATH;
  const wanted = readRegistration(fields.value);
  if (!wanted.ok) return text(400, wanted.detail);
  const proposed = await desk.registry.propose(
    call.account,
    byPlan(CATALOG_REGISTER, { agent: desk.agent, ...wanted.value }),
  );
  if (proposed.ok) return jsonOf(true);
  return proposed.refusal === "not-found" ? text(500, proposed.detail) : toAnswer(proposed);
};

export const deregister: Handle = async (desk, call) => {
  const body = decodeBody(call.body);
  const fields = body.ok ? Fields.of(body.value) : body;
  if (!fields.ok) return text(400, `Request decode failed: ${fields.detail}`);
  if (isElsewhere(fields.value, desk)) return NO_PATH;
  const node = fields.value.text("Node");
  const serviceId = fields.value.text("ServiceID", "service_id");
  const checkId = fields.value.text("CheckID", "check_id");
  if (fields.value.wrong !== undefined) return text(400, fields.value.wrong.detail);
  if (node === "") return text(400, "Must provide node");
  const input = { agent: desk.agent, node, serviceId, checkId };
  const proposed = await desk.registry.propose(call.account, byPlan(CATALOG_DEREGISTER, input));
  return proposed.ok ? jsonOf(true) : toAnswer(proposed);
};
