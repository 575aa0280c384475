/** @live The agent's services: registered, deregistered, in maintenance, listed. */
import { createHash } from "node:crypto";
import { byPlan, type Commit, noteOf } from "../../../core/index.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { agentService } from "../catalog/encode.ts";
import { find, type Service, servicesOn } from "../catalog/listing.ts";
import {
  readCheck,
  readService,
  refuseService,
  refuseWeights,
  type WishedCheck,
  withTagged,
} from "../catalog/wished.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { toAnswer } from "../refusals.ts";
import { answerChanged, type Marked } from "../requests/changed.ts";
import { empty, jsonOf, text, toJson } from "../wire/answer.ts";
import { Fields } from "../wire/fields.ts";
import { decodeBody, encodeJson } from "../wire/json.ts";
import { DEREGISTER, MAINTAIN, REGISTER } from "./plans.ts";

export const SERVICE_BYTES_MAX = 512 * 1024;

/** `PUT /v1/agent/service/register` */
export const register: Handle = async (desk, call) => {
  const body = decodeBody(call.body);
  if (!body.ok) return text(400, `Request decode failed: ${body.detail}`);
  const fields = Fields.of(body.value);
  if (!fields.ok) return text(400, fields.detail);
  const service = withTagged(readService(fields.value));
  const single = fields.value.object("Check");
  const several = fields.value.objects("Checks");
  const wrong = fields.value.wrong ?? refuseService(service) ?? refuseWeights(service);
  if (wrong !== undefined) return text(400, wrong.detail);
  const given = [...(single === undefined || single.isEmpty ? [] : [single]), ...several];
  const checks: WishedCheck[] = [];
  for (const [i, one] of given.entries()) {
    const id = `service:${service.id}${given.length > 1 ? `:${i + 1}` : ""}`;
    const check = readCheck(one, { id, name: `Service '${service.name}' check` });
    if (!check.ok) return toFault(check);
    checks.push(check.value);
  }
  const replaceChecks = call.query.has("replace-existing-checks");
  const input = { agent: desk.agent, service, nodeAddress: addressOf(desk, call), checks, replaceChecks };
  const proposed = await desk.registry.propose(call.account, byPlan(REGISTER, input));
  return proposed.ok ? empty() : toAnswer(proposed);
};

/** Scripts are refused with 500, as at the original; all else with 400. */
export function toFault({ refusal, detail }: { readonly refusal: string; readonly detail: string }): Answer {
  return text(refusal === "unsupported" ? 500 : 400, detail);
}

/** Of a service that says none: where its client is, unless that is this machine. */
function addressOf({ agent }: Desk, { request }: Call): string {
  const { remoteAddress } = request;
  const from = remoteAddress.replace(/^::ffff:/, "");
  return from === "" || from === "::1" || from.startsWith("127.") ? agent.address : from;
}

/** `PUT /v1/agent/service/deregister/:id` */
export const deregister: Handle = async (desk, call) => {
  const [id = ""] = call.params;
  const proposed = await desk.registry.propose(call.account, byPlan(DEREGISTER, { agent: desk.agent, id }));
  if (!proposed.ok) return toAnswer(proposed);
  return noteOf(DEREGISTER, proposed.value) ? empty() : unknownService(id);
};

function unknownService(id: string): Answer {
  const name = JSON.stringify(id.slice(0, 200));
  return text(404, `Unknown service ID ${name}. Ensure that the service ID is passed, not the service name.`);
}

const NO_REASON = "but no reason was provided. This is a default message.";

/** `PUT /v1/agent/service/maintenance/:id` */
export const maintainService: Handle = (desk, call) => {
  const [serviceId = ""] = call.params;
  return serviceId === "" ? text(400, "Missing service ID") : maintain(desk, call, serviceId);
};

/** `PUT /v1/agent/maintenance` */
export const maintainNode: Handle = (desk, call) => maintain(desk, call, "");

async function maintain(desk: Desk, call: Call, serviceId: string): Promise<Answer> {
  const given = call.query.get("enable");
  if (given === undefined) return text(400, "Missing value for enable");
  const enable = /^(?:1|t|true)$/i.test(given);
  if (!enable && !/^(?:0|f|false)$/i.test(given))
    return text(400, `Invalid value for enable: ${JSON.stringify(given.slice(0, 100))}`);
  const what = serviceId === "" ? "node" : "service";
  const reason =
    call.query.get("reason")?.slice(0, 1024) || `Maintenance mode is enabled for this ${what}, ${NO_REASON}`;
  const proposed = await desk.registry.propose(
    call.account,
    byPlan(MAINTAIN, { agent: desk.agent, serviceId, enable, reason }),
  );
  if (!proposed.ok) return toAnswer(proposed);
  return noteOf(MAINTAIN, proposed.value) ? empty() : unknownService(serviceId);
}

/** The services that the agent knows. */
export function ownServices(desk: Desk, { account }: Call): readonly Service[] {
  return desk.registry.read((view) => servicesOn(view.account(account), desk.agent.node, desk));
}

/** `GET /v1/agent/services` */
export const list: Handle = (desk, call) => {
  const shown: string[] = [];
  for (const service of ownServices(desk, call)) {
    const one = agentService(service, desk.agent.datacenter);
    if (call.filter?.(one) !== false) shown.push(`${encodeJson(service.id)}:${encodeJson(one)}`);
  }
  return toJson(`{${shown.join()}}`);
};

/** `GET /v1/agent/service/:id`: with a hash instead of an index. */
export const showOne: Handle = (desk, call) => {
  const { account, params, query } = call;
  const [id = ""] = params;
  const show = () =>
    markService(
      ownServices(desk, call).find((one) => one.id === id),
      id,
      desk.agent.datacenter,
    );
  return answerChanged(desk, call, query.get("hash") || undefined, show, (stir) => {
    const watcher = {
      deliver(commits: readonly Commit[]): number {
        stir();
        return commits.length;
      },
      lost: stir,
    };
    const revision = desk.registry.read((view) => view.revision);
    const watch = desk.registry.follow({ account, anyService: true }, revision, watcher);
    return () => void (watch.ok && watch.value.close());
  });
};

function markService(service: Service | undefined, id: string, datacenter: string): Marked {
  if (service === undefined) return { mark: "", answer: text(404, `unknown service ID: ${id.slice(0, 200)}`) };
  const shown = agentService(service, datacenter);
  const mark = createHash("sha256").update(encodeJson(shown)).digest("hex").slice(0, 16);
  const head = { "Content-Type": "application/json", "X-Consul-Contenthash": mark };
  return { mark, answer: { ...jsonOf({ ...shown, ContentHash: mark }), head } };
}

/** The agent's own instances of a service, whatever else there is of it. */
export function ownOf(desk: Desk, { account }: Call, name: string): readonly Service[] {
  return desk.registry.read((view) =>
    find(view.account(account), name, desk).filter(({ node }) => node.toLowerCase() === desk.agent.node.toLowerCase()),
  );
}
