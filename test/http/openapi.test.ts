/** The description of the API at /openapi.json, and what needs no token. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import Value from "typebox/value";
import { EXAMPLES } from "../../packages/registry/src/dialects/http/open/examples.ts";
import { SHAPES } from "../../packages/registry/src/dialects/http/open/openapi.ts";
import { SCHEMAS } from "../../packages/registry/src/dialects/http/open/schema.ts";
import { ROUTES } from "../../packages/registry/src/dialects/http/server/routes.ts";
import { startRollcall } from "../harness/program.ts";
import { ROOT } from "../harness/root.ts";
import { nameRoute, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

test("each route is described, with an operation id of its own", async () => {
  const described = await api.ok("GET", "/openapi.json");
  assert.equal(described.openapi, "3.1.0");
  const ids = new Set<string>();
  for (const { method, pattern, role } of ROUTES) {
    const path = pattern.replace(/:([a-z]+)/g, "{$1}").replace("*", "{key}");
    const operation = described.paths[path]?.[method.toLowerCase()];
    assert.notEqual(operation, undefined, nameRoute({ method, pattern }));
    assert.equal(operation["x-role"], role);
    assert.match(operation.operationId, /^[a-z]+([A-Z][a-z]+)*$/);
    assert.ok(!ids.has(operation.operationId), `${operation.operationId} is there twice`);
    assert.ok(described.tags.some(({ name }: { name: string }) => name === operation.tags[0]));
    ids.add(operation.operationId);
    const inPath = operation.parameters.filter((one: { in: string }) => one.in === "path");
    assert.deepEqual(
      inPath.map((one: { name: string }) => `{${one.name}}`),
      path.match(/\{[a-z]+\}/g) ?? [],
    );
  }
  assert.equal(ids.size, ROUTES.length);
});

test("no shape is missing, and none is described in vain", async () => {
  assert.deepEqual(Object.keys(SHAPES).sort(), ROUTES.map(nameRoute).sort());
  const text = (await api.call("GET", "/openapi.json")).text;
  const described = JSON.parse(text);
  assert.deepEqual(described.components.schemas, JSON.parse(JSON.stringify(SCHEMAS)));
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/([A-Za-z]+)"/g))
    assert.ok(Object.hasOwn(SCHEMAS, name as string), `${name} is referred to but not there`);
});

const PAIRS: Record<string, keyof typeof SCHEMAS> = {
  RegisterCheckBody: "RegisterCheck",
  CheckBody: "Check",
  InstanceBody: "Instance",
  RegisterBody: "Register",
  RegisteredBody: "Registered",
  ServicesBody: "Services",
  ServiceBody: "Service",
  InstancesBody: "Instances",
  LeaseBody: "Lease",
  LeasesBody: "Leases",
  GrantBody: "Grant",
  GrantedBody: "Granted",
  RenewBody: "Renew",
  RenewedBody: "Renewed",
  SubscribeBody: "Subscribe",
  SubscribedBody: "Subscribed",
  ConsumersBody: "Consumers",
  KeyBody: "Key",
  KeysBody: "Keys",
  PutBody: "Put",
  TransactionBody: "Transaction",
  TransactedBody: "Transacted",
  InstanceChangeBody: "InstanceChange",
  LeaseChangeBody: "LeaseChange",
  KeyChangeBody: "KeyChange",
  CommitBody: "Commit",
  CommitsBody: "Commits",
  WatchBody: "Watch",
  EventBody: "Event",
  HookBody: "Hook",
  HooksBody: "Hooks",
  PutHookBody: "PutHook",
  EventsBody: "Events",
  ExplainBody: "Explain",
  NetChangesBody: "NetChanges",
  InstanceHistoryBody: "InstanceHistory",
  HistoriesAskedBody: "AskHistories",
  HistoriesBody: "Histories",
  ServiceHistoryBody: "ServiceHistory",
  MetricsHistoryBody: "MetricsHistory",
  SearchBody: "Search",
  KeyHistoryBody: "KeyHistory",
  KeyVersionBody: "KeyVersion",
  GoneBody: "Gone",
  HistogramBody: "Histogram",
  MomentBody: "Moment",
  ProtectionBody: "Protection",
  OverridesAskedBody: "AskOverrides",
  OverriddenBody: "Overridden",
  MembersBody: "Members",
  WhoamiBody: "Whoami",
  NodeStatusBody: "NodeStatus",
  TokenBody: "Token",
  AccountLimitsBody: "Limits",
  ProblemBody: "Problem",
};

test("the schemas have the fields of the client's shapes, and the same ones may be left out", () => {
  const source = [
    "shapes",
    "find/summaries",
    "find/looking",
    "follow/changes",
    "follow/past",
    "keys/bodies",
    "register/check",
  ]
    .map((file) => readFileSync(`${ROOT}packages/client/src/${file}.ts`, "utf8"))
    .join("");
  for (const [shape, name] of Object.entries(PAIRS)) {
    const schema = JSON.parse(JSON.stringify(SCHEMAS[name]));
    const fields = Object.keys(schema.properties).map(
      (field) => field + ((schema.required ?? []).includes(field) ? "" : "?"),
    );
    assert.deepEqual(fields.sort(), fieldsOf(source, shape).sort(), shape);
  }
});

type Operation = { parameters: { name: string; in: string }[]; requestBody?: { content: Record<string, unknown> } };

test("headers are described where they mean something, and nowhere else", async () => {
  const { paths } = await api.ok("GET", "/openapi.json");
  // One of its own: the example of a token closes it.
  const tried = openApi((await startRollcall({ after })).url);
  await tried.ok("PUT", "/v2/default/services/api/instances/1", { address: "h", ttl: 0 });
  await tried.ok("PUT", "/v2/default/config/k", "v");
  for (const { method, pattern, body, streams } of ROUTES) {
    const path = pattern.replace(/:([a-z]+)/g, "{$1}").replace("*", "{key}");
    const operation = paths[path][method.toLowerCase()] as Operation;
    const headers = operation.parameters.filter((one) => one.in === "header").map((one) => one.name);
    const url = pattern
      .replace(":account", "default")
      .replace(":service", "api")
      .replace(":id", "1")
      .replace("*", "k")
      .replace(/:[a-z]+/, "none");
    const { request } = SHAPES[nameRoute({ method, pattern })] as (typeof SHAPES)[string];
    const sent = body.kind === "bytes" ? "v" : request && EXAMPLES[request];
    for (const header of ["If-Match", "If-None-Match", "Last-Event-ID"]) {
      if ((method === "GET" || streams) && header !== "Last-Event-ID") continue;
      // It is read there too, but what is changed or deleted must be there anyway.
      if ((method === "PATCH" || method === "DELETE") && header === "If-None-Match") continue;
      const spec = { headers: { [header]: "nonsense", accept: "text/event-stream" } };
      const answer = await tried.call(method, url, sent, spec);
      const isMeant = answer.text.includes(header) || answer.text.includes("a cursor is");
      assert.equal(isMeant, headers.includes(header), `${method} ${pattern} ${header}: ${answer.text}`);
    }
    if (method === "GET" && !streams) {
      const { etag } = (await tried.call("GET", url)).headers;
      assert.equal(etag !== undefined, headers.includes("If-None-Match"), `GET ${pattern} has an ETag`);
    }
  }
});

test("the examples fit their schemas, and those of requests are taken", async () => {
  const context = Object.fromEntries(
    Object.entries(SCHEMAS).map(([name, schema]) => [`#/components/schemas/${name}`, schema]),
  );
  for (const [name, example] of Object.entries(EXAMPLES)) {
    const schema = SCHEMAS[name as keyof typeof SCHEMAS];
    assert.ok(
      Value.Check(context, schema, example),
      `${name}: ${JSON.stringify(Value.Errors(context, schema, example))}`,
    );
  }
  const example = openApi((await startRollcall({ after })).url);
  const requests = Object.entries(SHAPES).flatMap(([route, { request }]) =>
    request === undefined ? [] : [[route, request] as const],
  );
  // From then on a token is needed.
  requests.sort(([, one], [, other]) => Number(one === "CreateToken") - Number(other === "CreateToken"));
  for (const [route, request] of requests) {
    const [method = "", pattern = ""] = route.split(" ");
    if (method === "POST" && pattern.endsWith("/watch")) continue;
    const url = pattern.replace(":account", "example").replace(/:[a-z]+/g, "api");
    const answer = await example.call(method, url, EXAMPLES[request]);
    // What they speak of is not always there; protection holds nothing.
    assert.ok(answer.status < 300 || answer.status === 404, `${route}: ${answer.status} ${answer.text}`);
  }
});

/** The names of an interface's own fields, with "?" behind those that may be left out. */
function fieldsOf(source: string, name: string): string[] {
  const begin = source.indexOf(`export interface ${name} {`);
  assert.notEqual(begin, -1, `${name} is not among the shapes`);
  const body = source.slice(begin, source.indexOf("\n}", begin));
  return [...body.matchAll(/^ {2}([A-Za-z0-9]+\??):/gm)].map((match) => match[1] as string);
}

test("health, readiness, metrics and the landing page answer GET and HEAD, and nothing else", async () => {
  assert.deepEqual(await api.ok("GET", "/healthz"), { status: "ok" });
  assert.deepEqual(await api.ok("GET", "/readyz"), { ready: true });
  const metrics = await api.call("GET", "/metrics");
  assert.match(metrics.headers["content-type"] ?? "", /^text\/plain; version=0\.0\.4/);
  const page = await api.call("GET", "/");
  assert.match(page.headers["content-type"] ?? "", /^text\/plain/);
  assert.match(page.text, /Rollcall/);
  for (const [, link] of page.text.matchAll(/^(\/\S+)/gm))
    if (link !== "/ui/") assert.equal((await api.call("GET", link as string)).status, 200, link);
  for (const path of ["/healthz", "/readyz", "/metrics", "/openapi.json", "/"]) {
    assert.equal((await api.call("HEAD", path)).status, 200);
    const answer = await api.call("POST", path);
    assert.equal(answer.status, 405);
    assert.equal(answer.headers.allow, "GET, HEAD, OPTIONS");
  }
});
