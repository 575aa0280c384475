/** The OpenAPI 3.1 description, made from the table of routes and the schemas. */
import { isRepeatable, nameOf } from "../../../net/routes/parameters.ts";
import { EXAMPLES } from "./examples.ts";
import { placeOf } from "./kinds.ts";
import { SCHEMAS } from "./schema.ts";

/** What the description needs to know of a route. */
export interface Described {
  readonly method: string;
  readonly pattern: string;
  readonly role: string;
  readonly body: { readonly kind: "none" | "json" | "bytes"; readonly optional?: boolean };
  readonly query: readonly string[];
  readonly summary: string;
}

/** What goes in and comes out of a route, by names in SCHEMAS; an answer may be another media type. */
interface Shapes {
  /** A name for generated clients: nobody would want `get-account-services-service`. */
  readonly id: string;
  readonly request?: keyof typeof SCHEMAS;
  readonly answer?: keyof typeof SCHEMAS;
  readonly status?: readonly number[];
  readonly media?: string;
  /** Headers that change what the request means. */
  readonly headers?: readonly Header[];
}

const HEADERS = {
  "If-Match": "The revision that it must have, in quotes, or * for any: 409 when it has another.",
  "If-None-Match":
    "When reading: the ETag that is known; 304 while it holds. When writing: * only, which refuses what is there.",
  "Last-Event-ID": "The id of the last event that was seen: a stream goes on after it.",
};
type Header = keyof typeof HEADERS;

const STREAM = "text/event-stream";
const BYTES = "application/octet-stream";
const INSTANCE = "/v2/:account/services/:service/instances/:id";
const READ: { readonly headers: readonly Header[] } = { headers: ["If-None-Match"] };
const CHANGE: { readonly headers: readonly Header[] } = { headers: ["If-Match"] };
const WRITE: { readonly headers: readonly Header[] } = { headers: ["If-Match", "If-None-Match"] };
const FOLLOW: { readonly headers: readonly Header[] } = { headers: ["Last-Event-ID"] };

/** By tag, then by route. */
const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Shapes>>>> = {
  Instances: {
    [`PUT ${INSTANCE}`]: {
      id: "registerInstance",
      request: "Register",
      answer: "Registered",
      status: [200, 201],
      ...WRITE,
    },
    [`PATCH ${INSTANCE}`]: { id: "patchInstance", request: "RegisterPatch", answer: "Registered", ...CHANGE },
    [`GET ${INSTANCE}`]: { id: "getInstance", answer: "Instance", ...READ },
    [`DELETE ${INSTANCE}`]: { id: "deregisterInstance", answer: "Revised", ...CHANGE },
    [`POST ${INSTANCE}/heartbeat`]: { id: "heartbeatInstance", answer: "Beat" },
    [`PUT ${INSTANCE}/checks/:check`]: { id: "reportCheck", request: "Report", answer: "Revised" },
    [`PUT ${INSTANCE}/override`]: { id: "overrideStatus", request: "Override", answer: "Revised" },
    [`DELETE ${INSTANCE}/override`]: { id: "clearOverride", answer: "Revised" },
    [`GET ${INSTANCE}/explain`]: { id: "explainInstance", answer: "Explain" },
  },
  Services: {
    "POST /v2/:account/overrides": { id: "overrideStatuses", request: "AskOverrides", answer: "Overridden" },
    "GET /v2/:account/services": { id: "listServices", answer: "Services", ...READ },
    "GET /v2/:account/services/:service": { id: "getService", answer: "Service", ...READ },
    "GET /v2/:account/search": { id: "search", answer: "Search" },
    "GET /v2/:account/instances": { id: "listInstances", answer: "Instances", ...READ },
    "POST /v2/:account/register": { id: "registerEndpoint", request: "Endpoint", answer: "Versioned" },
    "POST /v2/:account/unregister": { id: "unregisterEndpoint", request: "Endpoint", answer: "Versioned" },
    "POST /v2/:account/subscribe": { id: "subscribe", request: "Subscribe", answer: "Subscribed" },
    "GET /v2/:account/consumers": { id: "listConsumers", answer: "Consumers" },
    "GET /sd/prometheus/:account": { id: "listTargets", answer: "Targets", ...READ },
    "GET /sd/prometheus/:account/:service": { id: "listServiceTargets", answer: "Targets", ...READ },
  },
  Leases: {
    "POST /v2/:account/leases": { id: "grantLease", request: "Grant", answer: "Granted", status: [200, 201] },
    "GET /v2/:account/leases": { id: "listLeases", answer: "Leases" },
    "POST /v2/:account/leases/renew": { id: "renewLeases", request: "Renew", answer: "Renewed" },
    "GET /v2/:account/leases/:lease": { id: "getLease", answer: "Lease" },
    "DELETE /v2/:account/leases/:lease": { id: "endLease", answer: "Revised" },
    "POST /v2/:account/leases/:lease/renew": { id: "renewLease", answer: "Beat" },
    "GET /v2/:account/leases/:lease/session": { id: "keepLease", media: STREAM },
    "GET /v2/:account/held": { id: "listHeld", answer: "Leases" },
    "GET /v2/:account/protection": { id: "getProtection", answer: "Protection" },
    "POST /v2/:account/held/release": { id: "releaseHeld", request: "Release", answer: "Released" },
  },
  Configuration: {
    "GET /v2/:account/config": { id: "listKeys", answer: "Keys", ...READ },
    "DELETE /v2/:account/config": { id: "deleteKeys", answer: "Deleted" },
    "GET /v2/:account/config/*": { id: "getKey", answer: "Key", ...READ },
    "PUT /v2/:account/config/*": { id: "putKey", answer: "Put", status: [200, 201], ...WRITE },
    "DELETE /v2/:account/config/*": { id: "deleteKey", answer: "Deleted", ...CHANGE },
    "POST /v2/:account/transactions": { id: "transact", request: "Transaction", answer: "Transacted" },
  },
  Changes: {
    "GET /v2/:account/watch": { id: "watch", answer: "Commits", media: STREAM, ...FOLLOW },
    "POST /v2/:account/watch": { id: "watchMany", request: "Watch", media: STREAM, ...FOLLOW },
    "GET /v2/:account/events": { id: "listEvents", answer: "Events", media: STREAM, ...FOLLOW },
  },
  Past: {
    "GET /v2/:account/changes": { id: "listChanges", answer: "NetChanges" },
    "POST /v2/:account/histories": { id: "listHistories", request: "AskHistories", answer: "Histories" },
    [`GET ${INSTANCE}/history`]: { id: "getInstanceHistory", answer: "InstanceHistory" },
    "GET /v2/:account/services/:service/gone": { id: "listGone", answer: "Gone" },
    "GET /v2/:account/config-history/*": { id: "getKeyHistory", answer: "KeyHistory" },
    "GET /v2/:account/events/histogram": { id: "countEvents", answer: "Histogram" },
    "GET /v2/:account/revisions": { id: "findRevision", answer: "Moment" },
    "GET /v2/:account/services/:service/history": { id: "getServiceHistory", answer: "ServiceHistory" },
  },
  Hooks: {
    "GET /v2/:account/hooks": { id: "listHooks", answer: "Hooks" },
    "GET /v2/:account/hooks/:hook": { id: "getHook", answer: "Hook" },
    "PUT /v2/:account/hooks/:hook": { id: "putHook", request: "PutHook", answer: "SetHook", status: [200, 201] },
    "DELETE /v2/:account/hooks/:hook": { id: "removeHook", answer: "Revised" },
  },
  Agents: {
    "GET /v2/:account/copy": { id: "copyAccount", answer: "Copy", media: STREAM, ...FOLLOW },
    "POST /v2/:account/commands": { id: "forwardCommand", request: "Forward", answer: "Forwarded" },
  },
  Administration: {
    "GET /v2/_/status": { id: "getStatus", answer: "NodeStatus" },
    "GET /v2/_/members": { id: "listMembers", answer: "Members" },
    "GET /v2/_/metrics/history": { id: "getMetricsHistory", answer: "MetricsHistory" },
    "GET /v2/_/whoami": { id: "whoami", answer: "Whoami" },
    "GET /v2/_/tokens": { id: "listTokens", answer: "Tokens" },
    "POST /v2/_/tokens": { id: "createToken", request: "CreateToken", answer: "CreatedToken", status: [201] },
    "DELETE /v2/_/tokens/:token": { id: "removeToken", answer: "Removed" },
    "GET /v2/_/accounts": { id: "listAccounts", answer: "Accounts" },
    "PUT /v2/_/accounts/:name": { id: "setAccount", request: "PartialLimits", answer: "AccountLimits" },
    "DELETE /v2/_/accounts/:name": { id: "removeAccount", answer: "Removed" },
    "GET /v2/_/backup": { id: "downloadBackup", media: BYTES },
    "POST /v2/_/compact": { id: "compactHistory", request: "Compact", answer: "Revised" },
  },
};

const TAGS: Readonly<Record<string, string>> = {
  Instances: "Running copies of services: register, keep alive, change, explain.",
  Services: "What can be found, and who looks for it.",
  Leases: "What keeps instances and keys alive.",
  Configuration: "Keys with values, changed under conditions.",
  Past: "What was: differences, and statuses over time.",
  Changes: "Every change in order, by stream or long poll.",
  Hooks: "URLs to which events are posted.",
  Agents: "An account as it is stored, and commands of the registry's core.",
  Administration: "State, tokens, accounts, backup.",
};

/** Of each route. A test checks that none is forgotten. */
export const SHAPES: Readonly<Record<string, Shapes & { readonly tag: string }>> = Object.fromEntries(
  Object.entries(OPERATIONS).flatMap(([tag, routes]) =>
    Object.entries(routes).map(([route, shapes]) => [route, { ...shapes, tag }] as const),
  ),
);

/** With an example, where there is one. */
function json(name: string): object {
  const schema = { $ref: placeOf(name) };
  const example = EXAMPLES[name];
  return { "application/json": example === undefined ? { schema } : { schema, example } };
}

export function toOpenApi(routes: readonly Described[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.pattern.replace(/:([a-z]+)/g, "{$1}").replace("*", "{key}");
    paths[path] ??= {};
    (paths[path] as Record<string, object>)[route.method.toLowerCase()] = toOperation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Rollcall native API",
      version,
      description: "Services register, stay alive and are found; configuration is stored and watched.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    // No scheme at all is right too: with no accounts configured, no token is needed.
    security: [{}, { bearer: [] }, { token: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        token: { type: "apiKey", in: "header", name: "X-Auth-Token" },
      },
      schemas: SCHEMAS,
    },
  };
}

function toOperation(route: Described): object {
  const shapes = SHAPES[`${route.method} ${route.pattern}`] as (typeof SHAPES)[string];
  const { tag, id, headers = [] } = shapes;
  return {
    tags: [tag],
    summary: route.summary,
    operationId: id,
    "x-role": route.role,
    parameters: [...toPathParameters(route), ...route.query.map(toQueryParameter), ...headers.map(toHeader)],
    ...toRequestBody(route, shapes),
    responses: toResponses(shapes),
  };
}

function toHeader(name: Header): object {
  return { name, in: "header", description: HEADERS[name], schema: { type: "string" } };
}

function toPathParameters({ pattern }: Described): object[] {
  const names = [...pattern.matchAll(/:([a-z]+)/g)].map((match) => match[1] as string);
  if (pattern.endsWith("*")) names.push("key");
  return names.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } }));
}

function toQueryParameter(parameter: string): object {
  if (parameter === "meta.*") {
    const description = "meta.<key>=<value>, any number of them";
    const schema = { type: "object", additionalProperties: { type: "string" } };
    return { name: "meta", in: "query", description, style: "form", explode: true, schema };
  }
  const text = { type: "string" };
  return {
    name: nameOf(parameter),
    in: "query",
    schema: isRepeatable(parameter) ? { type: "array", items: text } : text,
  };
}

function toRequestBody({ body }: Described, { request }: Shapes): object {
  if (body.kind === "bytes") return { requestBody: { required: true, content: { [BYTES]: { schema: {} } } } };
  if (body.kind === "none" || request === undefined) return {};
  return { requestBody: { required: body.optional !== true, content: json(request) } };
}

function toResponses({ answer, media, headers, status = [200] }: Shapes): object {
  const content = {
    ...(answer === undefined ? {} : json(answer)),
    ...(media === undefined ? {} : { [media]: { schema: { type: "string" } } }),
  };
  const problem = { "application/problem+json": { schema: { $ref: placeOf("Problem") } } };
  const good = status.map((code) => [String(code), { description: code === 201 ? "Created" : "OK", content }]);
  const unchanged = headers === READ.headers ? { 304: { description: "Still as it was" } } : {};
  return {
    ...Object.fromEntries(good),
    ...unchanged,
    default: { description: "A problem (RFC 9457)", content: problem },
  };
}
