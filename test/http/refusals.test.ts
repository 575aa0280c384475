/**
 * What no route may accept, driven from the table of routes so that none is forgotten: each misuse gets the API's own
 * clear refusal, harms nothing, and leaves the process as it was.
 */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SHAPES } from "../../packages/registry/src/dialects/http/open/openapi.ts";
import { SCHEMAS } from "../../packages/registry/src/dialects/http/open/schema.ts";
import { ROUTES } from "../../packages/registry/src/dialects/http/server/routes.ts";
import { startRollcall } from "../harness/program.ts";
import { rawRequest } from "../harness/requests.ts";
import { assertShape, nameRoute, nextAccount, openApi } from "./rig.ts";

type Route = (typeof ROUTES)[number];

// Without etcd, whose paths are known all the same.
const dialects = "http,eureka,skydns,consul,nsqlookupd";
const rollcall = await startRollcall({ after }, { flags: ["--dialects", dialects] });
const api = openApi(rollcall.url);
const JSON_TYPE = { "content-type": "application/json" };
const METHODS = ["GET", "PUT", "POST", "PATCH", "DELETE"];

/** A path of the route, with this in the place of its last parameter. */
function pathOf({ pattern }: Route, last = "x"): string {
  const path = pattern.replace(
    ":account",
    last === "x" || /:[a-z]+|\*/.test(pattern.split(":account")[1] ?? "") ? "acme" : last,
  );
  const names = path.match(/:[a-z]+|\*/g) ?? [];
  let at = 0;
  return path.replace(/:[a-z]+|\*/g, () => (++at === names.length ? last : "x"));
}

function hasParameter({ pattern }: Route): boolean {
  return /:[a-z]+|\*/.test(pattern);
}

const jsonRoutes = ROUTES.filter((route) => route.body.kind === "json");

/** A body so that routes with one get as far as they can without one that is right. */
const bodyOf = (route: Route) => (route.body.kind === "json" ? {} : route.body.kind === "bytes" ? "x" : undefined);

test("another method is refused with those that are possible", async () => {
  for (const { pattern } of ROUTES) {
    const allowed = ROUTES.filter((other) => other.pattern === pattern).map((other) => other.method);
    for (const method of METHODS.filter((one) => !allowed.includes(one as Route["method"]))) {
      const path = pathOf(ROUTES.find((other) => other.pattern === pattern) as Route);
      // `…/leases/renew` and `…/leases/:lease` overlap for some names, but not for this one.
      const answer = await api.call(method, path);
      assert.equal(answer.status, 405, `${method} ${pattern}: ${answer.text}`);
      for (const one of allowed) assert.ok(answer.headers.allow?.includes(one), `${pattern}: ${answer.headers.allow}`);
    }
  }
});

test("paths that lead nowhere are not found", async () => {
  const paths = [
    "/v2",
    "/v2/",
    "/v2/acme",
    "/v2/acme/",
    "/v2/acme/nothing",
    "/v2/acme/services/",
    "/v2//services",
    "/x",
  ];
  for (const path of [...paths, "/v2/acme/services/web/", "/v2/acme/services/web/instances", "/v2/_/nothing", "//"])
    await api.refused(404, "not-found", "GET", path);
});

test("bad escapes and invalid UTF-8 in a path are refused", async () => {
  for (const route of ROUTES.filter(hasParameter)) {
    const spec = route.body.kind === "json" ? { headers: JSON_TYPE } : {};
    for (const bad of ["%", "%4", "%zz", "a%2"])
      await api.refused(400, "invalid", route.method, pathOf(route, bad), bodyOf(route), spec);
    if (route.pattern.endsWith("*")) continue;
    for (const bad of ["%ff", "%c3%28", "%ed%a0%80"])
      await api.refused(400, "invalid", route.method, pathOf(route, bad), bodyOf(route), spec);
  }
});

test("illegal account names are refused", async () => {
  for (const route of ROUTES.filter(({ pattern }) => pattern.includes(":account")))
    for (const name of ["_rollcall", "a%2fb", "%00", "a".repeat(65), "..%2f"])
      await api.refused(400, "invalid", route.method, pathOf(route).replace("/acme", `/${name}`), bodyOf(route));
});

test("unknown, malformed and too many query parameters are refused", async () => {
  for (const route of ROUTES) {
    const path = pathOf(route);
    assert.match(
      await api.refused(400, "invalid", route.method, `${path}?nonsense=1`, bodyOf(route)),
      /unknown query parameter "nonsense"/,
    );
    await api.refused(400, "invalid", route.method, `${path}?a=%zz`, bodyOf(route));
    await api.refused(400, "invalid", route.method, `${path}?%ff=1`, bodyOf(route));
    await api.refused(413, "too-large", route.method, `${path}?${"a&".repeat(1001)}`, bodyOf(route));
  }
});

test("bodies that are no JSON are refused", async () => {
  const bad: [string | Buffer, RegExp][] = [
    ["{", /not valid JSON/],
    ["{'a':1}", /not valid JSON/],
    ['{"a":1} x', /not valid JSON/],
    [Buffer.from([0x7b, 0xff, 0x7d]), /not valid UTF-8/],
    [Buffer.from([0xc3, 0x28]), /not valid UTF-8/],
    ['"\\ud800"', /surrogate/],
    ["null", /must be an object/],
    ["[]", /must be an object/],
    ['"text"', /must be an object/],
    ["5", /must be an object/],
    ["[".repeat(50_000), /nested deeper/],
  ];
  for (const route of jsonRoutes) {
    const optional = route.body.kind === "json" && route.body.optional === true;
    for (const [body, reason] of optional ? bad.filter(([one]) => one !== "null") : [...bad, ["", /empty/] as const]) {
      const detail = await api.refused(400, "invalid", route.method, pathOf(route), body, { headers: JSON_TYPE });
      // A merge patch that is no object, and a key that is missing first, have words of their own.
      if (route.method !== "PATCH" || body !== "null") assert.match(detail, reason, nameRoute(route));
    }
  }
});

test("other content types are refused where JSON is expected", async () => {
  for (const route of jsonRoutes)
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "application/xml", "json"]) {
      const headers = { "content-type": type };
      await api.refused(415, "unsupported-type", route.method, pathOf(route), "{}", { headers });
    }
});

test("unknown fields are refused by name", async () => {
  for (const route of jsonRoutes) {
    if (route.method === "PATCH") continue;
    const detail = await api.refused(400, "invalid", route.method, pathOf(route), { nonsense: 1 });
    assert.match(detail, /unknown field nonsense/, nameRoute(route));
  }
});

/** Values that are wrong for a schema. */
function wrongFor(schema: Record<string, unknown>): unknown[] {
  const all: [string, unknown][] = [
    ["string", "\u0001wrong"],
    ["number", 1.5],
    ["boolean", true],
    ["object", { "\u0001": [] }],
    ["array", [[]]],
    ["null", null],
  ];
  const ways = [schema, ...((schema.anyOf as Record<string, unknown>[]) ?? [])];
  const kinds = new Set(ways.map(({ type }) => type));
  // A word of a list, or a whole number: any other string or number is wrong, and so is every other kind.
  const isNarrow = ways.some((one) => one.enum !== undefined || one.type === "integer");
  return all.filter(([kind]) => !kinds.has(kind) || (isNarrow && kind !== "null")).map(([, value]) => value);
}

test("a field of the wrong type is refused by name", async () => {
  for (const route of jsonRoutes) {
    const name = SHAPES[nameRoute(route)]?.request;
    assert.notEqual(name, undefined, `${nameRoute(route)} has a body that is not described`);
    const schema = JSON.parse(JSON.stringify(SCHEMAS[name as keyof typeof SCHEMAS]));
    for (const [field, type] of Object.entries<Record<string, unknown>>(schema.properties ?? {})) {
      for (const value of wrongFor(type)) {
        const body = { ...rightFields(schema, field), [field]: value };
        const detail = await api.refused(400, "invalid", route.method, pathOf(route), body);
        assert.match(detail, new RegExp(`\\b${field}\\b`), `${nameRoute(route)} ${JSON.stringify(body)}`);
      }
    }
    for (const field of schema.required ?? []) {
      const detail = await api.refused(400, "invalid", route.method, pathOf(route), rightFields(schema, field));
      assert.match(detail, new RegExp(`\\b${field}\\b`), `${nameRoute(route)} without ${field}`);
    }
  }
});

const RIGHT: Readonly<Record<string, unknown>> = {
  address: "h",
  application: "app",
  protocol: "http",
  addr: "h:1",
  status: "passing",
  ttl: "10s",
  name: "n",
  filter: { service: "s" },
  role: "reader",
  revision: 0,
  leases: [],
  subscribes: [{ provider: "p" }],
  subscriptions: [{ id: "a" }],
};

/** The fields that a body needs, but this one. */
function rightFields(schema: { required?: string[] }, but: string): Record<string, unknown> {
  const fields = (schema.required ?? []).filter((field) => field !== but);
  return Object.fromEntries(fields.map((field) => [field, RIGHT[field]]));
}

test("bodies that are too long are refused, announced or not, and the connection closed", async () => {
  for (const route of ROUTES) {
    const path = pathOf(route);
    const announced = await rawRequest(
      rollcall.port(),
      `${route.method} ${path} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 99999999\r\n\r\n`,
      { timeoutMs: 4000, idleMs: 2500 },
    );
    assertTooLarge(announced.text, nameRoute(route));
    assert.ok(announced.closed, `${nameRoute(route)} keeps the connection`);
  }
  const piece = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  for (const route of ROUTES.filter(({ body }) => body.kind !== "json" || (body.bytesMax ?? 0) <= 2 ** 20)) {
    const head = `${route.method} ${pathOf(route)} HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const endless = await rawRequest(rollcall.port(), head + piece.repeat(40), { timeoutMs: 4000, idleMs: 2500 });
    assertTooLarge(endless.text, nameRoute(route));
  }
});

function assertTooLarge(text: string, note: string): void {
  assert.match(text, /^HTTP\/1\.1 413 /, note);
  assert.match(text, /connection: close/i, note);
  const body = text.slice(text.indexOf("\r\n\r\n") + 4);
  assertShape("Problem", JSON.parse(body), note);
}

test("a header that may come once only is refused twice", async () => {
  for (const [name, value] of [
    ["Authorization", "Bearer x"],
    ["X-Auth-Token", "x"],
    ["Host", "other"],
  ]) {
    const bytes = `GET /v2/acme/services HTTP/1.1\r\nHost: h\r\n${name}: ${value}\r\n${name}: ${value}\r\n\r\n`;
    const { text } = await rawRequest(rollcall.port(), bytes);
    assert.match(text, /^HTTP\/1\.1 400 /, name);
  }
  const twice =
    'PUT /v2/acme/config/k HTTP/1.1\r\nHost: h\r\nIf-Match: "1"\r\nIf-Match: "2"\r\nContent-Length: 0\r\n\r\n';
  assert.match((await rawRequest(rollcall.port(), twice)).text, /^HTTP\/1\.1 400 /);
});

test("fields that are too long or too many are refused", async () => {
  const at = "/v2/acme/services/web/instances/w1";
  const put = (more: object) => api.refused(413, "too-large", "PUT", at, { address: "h", ...more });
  await put({ address: "h".repeat(256) });
  await put({ tags: Array.from({ length: 65 }, (_, i) => `t${i}`) });
  await put({ tags: ["t".repeat(256)] });
  await put({ version: "v".repeat(256) });
  await put({ meta: Object.fromEntries(Array.from({ length: 129 }, (_, i) => [`k${i}`, "v"])) });
  await put({ meta: { k: "v".repeat(8193) } });
  await put({ meta: { ["k".repeat(256)]: "v" } });
  await put({ ports: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`p${i}`, 1])) });
  await put({ checks: Array.from({ length: 33 }, (_, i) => ({ id: `c${i}` })) });
  for (const [service, id] of [
    ["s".repeat(256), "i"],
    ["s", "i".repeat(513)],
    ["a%2Fb", "i"],
    ["s", "a%00"],
    ["%20s", "i"],
  ])
    await api.refused(400, "invalid", "PUT", `/v2/acme/services/${service}/instances/${id}`, { address: "h" });
  const invalid: object[] = [
    { ttl: "1ms" },
    { ttl: "169h" },
    { ttl: -1 },
    { ttl: "10s", lease: "l" },
    { port: 1, ports: { default: 2 } },
    { port: 65_536 },
    { weight: 65_536 },
    { checks: [{ id: "a" }, { id: "a" }] },
    { checks: [{}] },
    { checks: [{ id: "a", kind: "magic" }] },
    // Nobody would run it.
    { checks: [{ id: "a", kind: "exec", target: "/bin/true" }] },
    { address: "" },
  ];
  for (const more of invalid) await api.refused(400, "invalid", "PUT", at, { address: "h", ...more });
  const proto = '{"address":"h","meta":{"__proto__":"x"}}';
  await api.refused(400, "invalid", "PUT", at, proto, { headers: JSON_TYPE });
});

test("after all this nothing is there, and the process is well", async () => {
  for (const path of ["services", "instances", "leases", "config"]) {
    const body = await api.ok("GET", `/v2/acme/${path}`);
    const left = body.services ?? body.instances ?? body.leases ?? body.keys;
    // `PUT …/config/x` with a body that is right is no misuse.
    assert.deepEqual(path === "config" ? left.filter((one: { key: string }) => one.key !== "x") : left, [], path);
  }
  assert.deepEqual(
    rollcall.logs.filter((line) => Number(line.level) >= 50 || line.level === "error"),
    [],
  );
  assert.equal((await api.call("GET", "/readyz")).status, 200);
});

test("all wrong fields are named, and what follows from the first is not", async () => {
  const at = `/v2/${nextAccount()}/services/web/instances/w1`;
  const detail = await api.refused(400, "invalid", "PUT", at, { port: "x", tags: "y", colour: 1, weight: -1 });
  for (const wrong of ["unknown field colour", "field address is missing", "field port", "field tags", "field weight"])
    assert.ok(detail.includes(wrong), `${wrong} in ${detail}`);
  assert.match(
    await api.refused(400, "invalid", "PUT", at, [] as unknown as object),
    /^the body must be an object, not array$/,
  );
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`f${i}`, 1]));
  assert.ok((await api.refused(400, "invalid", "PUT", at, many)).length < 3000);
});

test("an address is no URL and has no port", async () => {
  const account = nextAccount();
  for (const address of ["10.0.0.7:8080", "host:80", "[::1]:80", "http://10.0.0.7", "https://host", "host/path"])
    assert.match(
      await api.refused(400, "invalid", "PUT", `/v2/${account}/services/web/instances/w1`, { address, port: 80 }),
      /^field address must be a host name or an IP address alone/,
    );
  for (const address of ["::1", "fd00::8080", "10.0.0.7", "host", "a.b-c.example", "::ffff:10.0.0.7", "[::1]"])
    await api.ok("PUT", `/v2/${account}/services/web/instances/w1`, { address, port: 80 });
});

test("a path of another protocol is told where it is served, or that it is not", async () => {
  const detailOf = async (path: string): Promise<string> => api.refused(404, "not-found", "GET", path);
  assert.match(await detailOf("/eureka/apps"), new RegExp(`those of eureka, on port ${rollcall.port("eureka")}$`));
  assert.match(
    await detailOf("/skydns/services/x"),
    new RegExp(`those of skydns, on port ${rollcall.port("skydns")}$`),
  );
  for (const path of ["/v1/agent/self", "/v1/kv", "/v1/catalog/services"])
    assert.match(await detailOf(path), new RegExp(`those of consul, on port ${rollcall.port("consul")}$`));
  assert.match(await detailOf("/v3/kv/range"), /those of etcd, which is not opened here/);
  const lookups = rollcall.endpoints.find(({ dialect, scheme }) => dialect === "nsqlookupd" && scheme === "http");
  assert.match(await detailOf("/lookup"), new RegExp(`those of nsqlookupd, on port ${lookups?.port}$`));
  assert.match(await detailOf("/none"), /see \/openapi\.json$/);
  assert.match(await detailOf("/v2/x/none/y"), /see \/openapi\.json$/);
});
