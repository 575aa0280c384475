/** @live Prepared queries: created, shown, changed, removed and carried out. */
import { type AccountView, byPlan, type KeyRecord, prefixEnd, type Refused, refuse } from "../../../core/index.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { nodeChecksOf } from "../catalog/checks.ts";
import { encodeHealth, encodeNode, encodeNodeChecks } from "../catalog/encode.ts";
import { find, nodeOf } from "../catalog/listing.ts";
import type { Call, Desk, Handle } from "../desk.ts";
import { toAnswer } from "../refusals.ts";
import { answerQuery, type Subject } from "../requests/blocking.ts";
import { compileGroups } from "../requests/filter/patterns.ts";
import { empty, jsonOf, show, text, toJson } from "../wire/answer.ts";
import { decodeBody, encodeJson } from "../wire/json.ts";
import { readQuery } from "./body.ts";
import { arrange, toTest } from "./choose.ts";
import { REMOVE_QUERY, WRITE_QUERY } from "./plan.ts";
import {
  allQueries,
  type Definition,
  encodeQuery,
  findQuery,
  isTemplate,
  keyOf,
  QUERIES,
  toDefinition,
} from "./record.ts";
import { refuseRegexp, render } from "./template.ts";

/** What a query may take. */
export const QUERY_BYTES_MAX = 64 * 1024;

/** `POST /v1/query` */
export const create: Handle = async (desk, call) => {
  const read = readBody(call, "");
  if (!read.ok) return toFault(read);
  if (read.value.ID !== "") return text(500, "ID must be empty when creating a new prepared query");
  const definition = { ...read.value, ID: desk.uuid() };
  const proposed = await desk.registry.propose(call.account, byPlan(WRITE_QUERY, { definition, isNew: true }));
  return proposed.ok ? jsonOf({ ID: definition.ID }) : toFault(proposed);
};

/** `PUT /v1/query/:id` */
export const update: Handle = async (desk, call) => {
  const read = readBody(call, call.params[0] ?? "");
  if (!read.ok) return toFault(read);
  const input = { definition: read.value, isNew: false };
  const proposed = await desk.registry.propose(call.account, byPlan(WRITE_QUERY, input));
  return proposed.ok ? empty() : toFault(proposed);
};

function readBody({ body }: Call, id: string) {
  const decoded = body.length === 0 ? undefined : decodeBody(body);
  const read = decoded?.ok === false ? decoded : readQuery(decoded?.value ?? {}, id);
  const why = read.ok ? refuseRegexp(read.value, compileGroups) : undefined;
  return why === undefined ? read : refuse("unsupported", `raft apply failed: ${why}`);
}

/** What the original cannot carry out is 500 there. */
function toFault(refused: Refused): Answer {
  const { refusal, detail } = refused;
  if (refusal === "unsupported") return text(500, detail);
  if (refusal !== "invalid") return toAnswer(refused);
  return text(400, detail.startsWith("Request decode failed") ? detail : `Request decode failed: ${detail}`);
}

/** `DELETE /v1/query/:id` */
export const remove: Handle = async (desk, call) => {
  const input = { id: call.params[0] ?? "" };
  const proposed = await desk.registry.propose(call.account, byPlan(REMOVE_QUERY, input));
  return proposed.ok ? empty() : toFault(proposed);
};

/** `GET /v1/query` */
export const list: Handle = (desk, call) =>
  answerQuery(
    desk,
    call,
    aboutQueries((account) => show(listParts("[", Array.from(account ? allQueries(account) : [], encodeQuery), "]"))),
  );

/** `GET /v1/query/:id` */
export const showOne: Handle = (desk, call) => {
  const key = keyOf(call.params[0] ?? "");
  const { account } = call;
  const isThere = desk.registry.read((view) => view.account(account)?.entry(key) !== undefined);
  if (!isThere) return text(404, NOT_FOUND);
  return answerQuery(
    desk,
    call,
    aboutQueries((now) => {
      const record = now?.entry(key);
      return show(record === undefined ? "[]" : `[${encodeQuery(record)}]`);
    }),
  );
};

const NOT_FOUND = "Query not found";

function aboutQueries(display: Subject["show"]): Subject {
  return {
    scope: { keys: { from: QUERIES, to: prefixEnd(QUERIES) } },
    look: (account) => ({ index: account?.under(QUERIES).revision ?? 0, exact: true, absent: false }),
    show: display,
  };
}

/** `GET /v1/query/:id/explain` */
export const explain: Handle = ({ registry }, { account, params }) => {
  const [name = ""] = params;
  const found = registry.read((view) => lookUp(view.account(account), name));
  if ("answer" in found) return found.answer;
  const { createRevision: CreateIndex, modRevision: ModifyIndex } = found.record;
  return jsonOf({ Query: { ...found.query, CreateIndex, ModifyIndex } });
};

/** A query as it is meant for this name; else why there is none. */
function lookUp(
  account: AccountView | undefined,
  name: string,
): { readonly record: KeyRecord; readonly query: Definition } | { readonly answer: Answer } {
  const record = account && findQuery(account, name);
  if (record === undefined) return { answer: text(404, NOT_FOUND) };
  const definition = toDefinition(record);
  if (isTemplate(definition) && definition.ID === name)
    return { answer: text(500, "prepared query templates can only be resolved up by name, not by ID") };
  return { record, query: render(definition, name, compileGroups) };
}

/** `GET /v1/query/:id/execute` */
export const execute: Handle = (desk, call) => {
  const { registry, agent } = desk;
  const given = call.query.get("limit") ?? "";
  const [name = ""] = call.params;
  if (given !== "" && !/^[+-]?[0-9]{1,9}$/.test(given)) return text(400, `Bad limit: ${given.slice(0, 100)}`);
  return registry.read((view) => {
    const account = view.account(call.account);
    const found = lookUp(account, name);
    if ("answer" in found) return found.answer;
    const { Service, DNS } = found.query;
    const chosen = choose(account, desk, call, found.query);
    const limit = Number(given);
    const shown = limit > 0 ? chosen.slice(0, limit) : chosen;
    const head = `{"Service":${encodeJson(Service.Service)},"Nodes":[`;
    const end = encodeJson({
      DNS,
      Datacenter: agent.datacenter,
      PeerName: "",
      Failovers: 0,
      Index: view.revision,
      LastContact: 0,
      KnownLeader: true,
      ConsistencyLevel: call.options.consistency,
      NotModified: false,
      Backend: 0,
      ResultsFilteredByACLs: false,
    });
    return toJson(listParts(head, shown, `],${end.slice(1)}`));
  });
};

/** The instances that it finds, as JSON. */
function choose(account: AccountView | undefined, desk: Desk, call: Call, { Service }: Definition): readonly string[] {
  const { agent } = desk;
  const passes = toTest(Service);
  const found: { readonly node: string; readonly json: () => string }[] = [];
  // There is no mesh, and there are no peers.
  const services = Service.Connect || Service.Peer !== "" ? [] : find(account, Service.Service, desk);
  for (const service of services) {
    const node = nodeOf(account, service, desk);
    const checks = [...nodeChecksOf(node), ...service.checks];
    if (!passes({ node, tags: service.tags, meta: service.meta, checks })) continue;
    const json = () => encodeHealth(encodeNode(node, agent.datacenter), encodeNodeChecks(node), service);
    found.push({ node: node.name, json });
  }
  const near = call.query.get("near") || Service.Near;
  const arranged = arrange(found, ({ node }) => node, near === "_agent" ? agent.node : near, Math.random);
  return arranged.map(({ json }) => json());
}
