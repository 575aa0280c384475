/** The OpenAPI 3.1 description, made from the table of routes and the schemas. */
import { isRepeatable, nameOf } from "../../../net/routes/parameters.ts";
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

/** Names in SCHEMAS of a route's request and answer; an answer may be another media type. */
interface Shapes {
  readonly request?: keyof typeof SCHEMAS;
  readonly answer?: keyof typeof SCHEMAS;
  readonly status?: readonly number[];
  readonly media?: string;
}

const STREAM = "text/event-stream";
const BYTES = "application/octet-stream";
const INSTANCE = "/v2/:account/services/:service/instances/:id";

/** What goes in and comes out of each route. A test checks that none is forgotten. */
export const SHAPES: Readonly<Record<string, Shapes>> = {
  [`PUT ${INSTANCE}`]: { request: "Register", answer: "Registered", status: [200, 201] },
  [`PATCH ${INSTANCE}`]: { request: "RegisterPatch", answer: "Registered" },
  [`GET ${INSTANCE}`]: { answer: "Instance" },
  [`DELETE ${INSTANCE}`]: { answer: "Revised" },
  [`POST ${INSTANCE}/heartbeat`]: { answer: "Beat" },
  [`PUT ${INSTANCE}/checks/:check`]: { request: "Report", answer: "Revised" },
  [`PUT ${INSTANCE}/override`]: { request: "Override", answer: "Revised" },
  [`DELETE ${INSTANCE}/override`]: { answer: "Revised" },
  [`GET ${INSTANCE}/explain`]: { answer: "Explain" },
  "GET /v2/:account/services": { answer: "Services" },
  "GET /v2/:account/services/:service": { answer: "Service" },
  "GET /v2/:account/instances": { answer: "Instances" },
  "POST /v2/:account/register": { request: "Endpoint", answer: "Versioned" },
  "POST /v2/:account/unregister": { request: "Endpoint", answer: "Versioned" },
  "POST /v2/:account/subscribe": { request: "Subscribe", answer: "Subscribed" },
  "GET /v2/:account/consumers": { answer: "Consumers" },
  "POST /v2/:account/leases": { request: "Grant", answer: "Granted", status: [200, 201] },
  "GET /v2/:account/leases": { answer: "Leases" },
  "POST /v2/:account/leases/renew": { request: "Renew", answer: "Renewed" },
  "GET /v2/:account/leases/:lease": { answer: "Lease" },
  "DELETE /v2/:account/leases/:lease": { answer: "Revised" },
  "POST /v2/:account/leases/:lease/renew": { answer: "Beat" },
  "GET /v2/:account/leases/:lease/session": { media: STREAM },
  "GET /v2/:account/held": { answer: "Leases" },
  "POST /v2/:account/held/release": { request: "Release", answer: "Released" },
  "GET /v2/:account/config": { answer: "Keys" },
  "DELETE /v2/:account/config": { answer: "Deleted" },
  "GET /v2/:account/config/*": { answer: "Key" },
  "PUT /v2/:account/config/*": { answer: "Put", status: [200, 201] },
  "DELETE /v2/:account/config/*": { answer: "Deleted" },
  "POST /v2/:account/transactions": { request: "Transaction", answer: "Transacted" },
  "GET /v2/:account/watch": { answer: "Commits", media: STREAM },
  "POST /v2/:account/watch": { request: "Watch", media: STREAM },
  "GET /v2/:account/events": { answer: "Events", media: STREAM },
  "GET /sd/prometheus/:account": { answer: "Targets" },
  "GET /sd/prometheus/:account/:service": { answer: "Targets" },
  "GET /v2/_/status": { answer: "NodeStatus" },
  "GET /v2/_/tokens": { answer: "Tokens" },
  "POST /v2/_/tokens": { request: "CreateToken", answer: "CreatedToken", status: [201] },
  "DELETE /v2/_/tokens/:token": { answer: "Removed" },
  "GET /v2/_/accounts": { answer: "Accounts" },
  "PUT /v2/_/accounts/:name": { request: "PartialLimits", answer: "AccountLimits" },
  "DELETE /v2/_/accounts/:name": { answer: "Removed" },
  "GET /v2/_/backup": { media: BYTES },
  "POST /v2/_/compact": { request: "Compact", answer: "Revised" },
};

const json = (name: string) => ({ "application/json": { schema: { $ref: `#/components/schemas/${name}` } } });

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
  const shapes = SHAPES[`${route.method} ${route.pattern}`] ?? {};
  return {
    summary: route.summary,
    operationId: toOperationId(route),
    "x-role": route.role,
    parameters: [...toPathParameters(route), ...route.query.map(toQueryParameter)],
    ...toRequestBody(route, shapes),
    responses: toResponses(shapes),
  };
}

function toOperationId({ method, pattern }: Described): string {
  const words = pattern.replace("*", "key").match(/[a-z]+/g) ?? [];
  return [method.toLowerCase(), ...words.slice(1)].join("-");
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

function toResponses({ answer, media, status = [200] }: Shapes): object {
  const content = {
    ...(answer === undefined ? {} : json(answer)),
    ...(media === undefined ? {} : { [media]: { schema: { type: "string" } } }),
  };
  const problem = { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  const good = status.map((code) => [String(code), { description: code === 201 ? "Created" : "OK", content }]);
  return { ...Object.fromEntries(good), default: { description: "A problem (RFC 9457)", content: problem } };
}
