/** @live `PUT /v1/catalog/register` and `deregister`. */
import { byPlan, type Outcome, ok, refuse } from "../../../../core/index.ts";
import type { Handle } from "../../desk.ts";
import { toAnswer } from "../../refusals.ts";
import { jsonOf, text } from "../../wire/answer.ts";
import { Fields } from "../../wire/fields.ts";
import { decodeBody } from "../../wire/json.ts";
import { readService, refuseMeta, refuseService } from "../wished.ts";
import { CATALOG_DEREGISTER, CATALOG_REGISTER, type GivenCheck } from "./plan.ts";

export const CATALOG_BYTES_MAX = 512 * 1024;
const CHECKS_MAX = 32;
const NAME_LENGTH_MAX = 255;
const STATUSES: ReadonlySet<string> = new Set(["passing", "warning", "critical"]);

export const register: Handle = async (desk, call) => {
  const body = decodeBody(call.body);
  const fields = body.ok ? Fields.of(body.value) : body;
  if (!fields.ok) return text(400, `Request decode failed: ${fields.detail}`);
  const wanted = readRegistration(fields.value);
  if (!wanted.ok) return text(400, wanted.detail);
  const proposed = await desk.registry.propose(
    call.account,
    byPlan(CATALOG_REGISTER, { agent: desk.agent, ...wanted.value }),
  );
  if (proposed.ok) return jsonOf(true);
  return proposed.refusal === "not-found" ? text(500, proposed.detail) : toAnswer(proposed);
};

type Registration = Omit<Parameters<typeof CATALOG_REGISTER.make>[2], "agent">;

function readRegistration(fields: Fields): Outcome<Registration> {
  const node = {
    name: fields.text("Node"),
    id: fields.text("ID"),
    address: fields.text("Address"),
    taggedAddresses: fields.pairs("TaggedAddresses"),
    meta: fields.pairs("NodeMeta"),
  };
  const skipNode = fields.flag("SkipNodeUpdate");
  const given = fields.object("Service");
  const service = given === undefined ? null : readService(given);
  const single = fields.object("Check");
  const several = fields.objects("Checks");
  const checks = [...(single === undefined ? [] : [single]), ...several].map((check) => readGiven(check, service?.id));
  if (fields.wrong !== undefined) return fields.wrong;
  if (node.name === "" || node.name.length > NAME_LENGTH_MAX) return refuse("invalid", "Must provide node");
  if (node.address === "" && !skipNode) return refuse("invalid", "Must provide address if SkipNodeUpdate is not set");
  const wrong = refuseMeta(node.meta, "Node") ?? (service === null ? undefined : refuseService(service));
  if (wrong !== undefined) return wrong;
  if (checks.length > CHECKS_MAX) return refuse("invalid", `more than ${CHECKS_MAX} checks`);
  const bad = checks.find(({ status }) => !STATUSES.has(status));
  if (bad !== undefined) return refuse("invalid", `Bad check status ${JSON.stringify(bad.status)}`);
  return ok({ node, skipNode, service, checks });
}

function readGiven(fields: Fields, serviceId: string | undefined): GivenCheck {
  const name = fields.text("Name");
  const definition = fields.raw("Definition");
  return {
    id: fields.text("CheckID", "check_id") || fields.text("ID") || name,
    name,
    status: (fields.text("Status") || "critical") as GivenCheck["status"],
    notes: fields.text("Notes"),
    output: fields.text("Output"),
    type: fields.text("Type"),
    serviceId: fields.text("ServiceID", "service_id") || (fields.text("ServiceName") === "" ? "" : (serviceId ?? "")),
    definition: typeof definition === "object" && definition !== null ? { ...definition } : {},
  };
}

export const deregister: Handle = async (desk, call) => {
  const body = decodeBody(call.body);
  const fields = body.ok ? Fields.of(body.value) : body;
  if (!fields.ok) return text(400, `Request decode failed: ${fields.detail}`);
  const node = fields.value.text("Node");
  const serviceId = fields.value.text("ServiceID", "service_id");
  const checkId = fields.value.text("CheckID", "check_id");
  if (fields.value.wrong !== undefined) return text(400, fields.value.wrong.detail);
  if (node === "") return text(400, "Must provide node");
  const input = { agent: desk.agent, node, serviceId, checkId };
  const proposed = await desk.registry.propose(call.account, byPlan(CATALOG_DEREGISTER, input));
  return proposed.ok ? jsonOf(true) : toAnswer(proposed);
};
