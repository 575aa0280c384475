/** The front door of the Rackspace dialect: faults, bodies, paths, tenants, tokens. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Answer, rawRequest, request } from "../harness/requests.ts";
import {
  assertFault,
  type ExpectedFault,
  events,
  logIn,
  missing,
  openTenant,
  register,
  startRackspace,
} from "./rig.ts";

const rollcall = await startRackspace({ after });
const { url } = rollcall;

const bad = (message: string): ExpectedFault => ({ status: 400, type: "badRequest", message });
const unauthorized = (details: string): ExpectedFault => ({
  status: 401,
  type: "unauthorizedError",
  message: "forbidden",
  details,
});
const JSON_TYPE = { "content-type": "application/json" };

test("unknown pages and methods are 404 with the path, never 405", async () => {
  const tenant = await openTenant(url);
  const pages: readonly [method: string, path: string][] = [
    ["GET", ""],
    ["GET", "/"],
    ["GET", "/nope"],
    ["GET", "/services/abc/heartbeat"],
    ["GET", "/services/abc/def"],
    ["POST", "/services/abc"],
    ["PATCH", "/services/abc"],
    ["DELETE", "/services"],
    ["PUT", "/limits"],
    ["POST", "/events"],
    ["GET", "/services//abc"],
    ["GET", "//services"],
    ["GET", "/services/abc//"],
    ["GET", "/views"],
    ["GET", "/configurationabc"],
    ["OPTIONS", "/services"],
  ];
  for (const [method, path] of pages) {
    const details = JSON.stringify({ requested_path: `/v1.0/${tenant.id}${path}` });
    const fault = { status: 404, type: "notFoundError", message: "The page cannot be found.", details };
    assertFault(await tenant.call(method, path), fault, `${method} ${path}`);
  }
  assertFault(await request(`${url}/v2.0/tokens`), { status: 404, type: "notFoundError" });
  assertFault(await request(`${url}/v1.0/`), { status: 404, type: "notFoundError" });
});

test("paths are case-insensitive and tolerate one trailing slash; ids are neither", async () => {
  const tenant = await openTenant(url);
  await register(tenant, "Mixed-Case");
  const get = (path: string) => request(`${url}${path}`, { headers: { "X-Auth-Token": tenant.token } });
  for (const path of ["/V1.0/T/SERVICES/Mixed-Case", "/v1.0/T/Services/Mixed-Case/", "/v1.0/T/services/Mixed-Case"]) {
    assert.equal((await get(path.replace("T", tenant.id))).status, 200, path);
  }
  for (const path of ["/limits/", "/Events/", "/SERVICES/", "/configuration/", "/Sessions/", "/Views/Overview/"]) {
    assert.equal((await tenant.call("GET", path)).status, 200, path);
  }
  assertFault(await tenant.call("GET", "/services/mixed-case"), missing("Service", "mixed-case"));
  assert.equal((await logIn(url, "slash", "key", "/v2.0/tokens/")).status, 200);
  assert.equal((await logIn(url, "slash", "key", "/V2.0/Tokens")).status, 200);
});

test("every answer carries a response id of its own; answers of a tenant its rate", async () => {
  const tenant = await openTenant(url);
  const answers: Answer[] = [];
  for (const path of ["/limits", "/nope", "/services/unknown"]) answers.push(await tenant.call("GET", path));
  answers.push(await logIn(url, "someone"), await tenant.call("POST", "/services", "x".repeat(6000)));
  const ids = answers.map(({ headers }) => headers["x-response-id"]);
  assert.ok(ids.every((id) => typeof id === "string" && id.length > 10));
  assert.equal(new Set(ids).size, ids.length);
  const limits = await tenant.call("GET", "/limits");
  assert.equal(limits.headers["x-ratelimit-path-regex"], "/.*");
  assert.equal(limits.headers["x-ratelimit-limit"], "500000");
  assert.equal(limits.headers["x-ratelimit-window"], "86400 seconds");
  const used = Number(limits.headers["x-ratelimit-used"]);
  assert.deepEqual(limits.json(), {
    resource: { session: 100, service: 200, configuration_value: 1000 },
    rate: { "/.*": { limit: 500000, used, window: "24.0 hours" } },
  });
  assert.equal((await tenant.call("GET", "/limits")).json().rate["/.*"].used, used + 1);
});

test("bodies that are no JSON object, in every way", async () => {
  const tenant = await openTenant(url);
  const post = (body: string | Uint8Array, headers: Record<string, string> = {}) =>
    tenant.call("POST", "/services", body, { headers: { ...JSON_TYPE, ...headers } });
  for (const body of ["{", "{'a':1}", "nul", "[1", '{"id":"abc",}', "\u0000", " "]) {
    const answer = await post(body);
    assertFault(answer, { status: 400, type: "badRequest" }, body);
    assert.match(answer.json().message, /^Failed to parse request body: ./);
  }
  assertFault(await post("null"), bad("Empty Request Body"));
  for (const body of ["[]", "5", '"x"', "true", '["id"]']) {
    assert.match((await post(body)).json().message, /^Failed to parse request body: /, body);
  }
  const broken = Buffer.concat([
    Buffer.from('{"id":"abc","heartbeat_timeout":30,"tags":["'),
    Buffer.from([0xe9]),
    Buffer.from('"]}'),
  ]);
  assert.match((await post(broken)).json().message, /^Failed to parse request body: /);
  const latin = await post(broken, { "content-type": "application/json; charset=ISO-8859-1" });
  assert.equal(latin.status, 201, latin.text);
  assert.deepEqual((await tenant.call("GET", "/services/abc")).json().tags, ["\u00e9"]);
  const deep = `{"id":"deep-id","heartbeat_timeout":30,"x":${"[".repeat(2000)}${"]".repeat(2000)}}`;
  assert.equal((await post(deep)).status, 201);
  assertFault(await post(`{"id":"abc","heartbeat_timeout":${"[".repeat(2000)}${"]".repeat(2000)}}`), {
    ...bad("Validation error for key 'heartbeat_timeout'"),
    details: "Invalid integer",
  });
});

test("the content type is JSON, or missing", async () => {
  const tenant = await openTenant(url);
  const put = (type: string | undefined) =>
    tenant.call("PUT", "/configuration/abc", '{"value":"v"}', {
      headers: type === undefined ? {} : { "content-type": type },
    });
  for (const type of [
    undefined,
    "application/json",
    "Application/JSON; charset=utf-8",
    'application/json;charset="UTF-8"',
  ]) {
    assert.equal((await put(type)).status, 204, type);
  }
  assertFault(await put("foo/bar"), bad("Unsupported content type: foo/bar"));
  assertFault(await put("text/plain; charset=utf-8"), bad("Unsupported content type: text/plain"));
  for (const type of [
    "application/json; charset=utf-16",
    "application/json\xa0",
    "application/json; charset=utf-8\xa0",
  ])
    assertFault(await put(type), { status: 400, type: "badRequest" });
});

test("bodies of 5000 bytes and more are 413 with a fault, and the connection ends", async () => {
  const tenant = await openTenant(url);
  const fitting = `{"value":"v","x":"${"x".repeat(5000 - 1 - 20)}"}`;
  assert.equal(fitting.length, 4999);
  assert.equal((await tenant.call("PUT", "/configuration/abc", fitting)).status, 204);
  for (const size of [5000, 5001, 1_000_000]) {
    const answer = await tenant.call("PUT", "/configuration/abc", "x".repeat(size));
    assertFault(answer, { status: 413, type: "requestTooLargeError" });
    assert.equal(answer.headers.connection, "close");
    assert.match(String(answer.headers["content-type"]), /^application\/json/);
  }
  const head = `PUT /v1.0/${tenant.id}/configuration/abc HTTP/1.1\r\nHost: x\r\n`;
  const chunk = `${(1000).toString(16)}\r\n${"x".repeat(1000)}\r\n`;
  const chunked = await rawRequest(rollcall.port(), `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(8)}`);
  assert.match(chunked.text, /^HTTP\/1\.1 413 /);
  assert.match(chunked.text, /\r\nconnection: close\r\n/i);
  assert.match(chunked.text, /"type": "requestTooLargeError"/);
  assert.ok(chunked.closed);
  // The size comes before everything else, the token included.
  const unknown = await request(`${tenant.base}/services`, {
    body: "x".repeat(6000),
    headers: { "X-Auth-Token": "unknown", "content-type": "foo/bar" },
  });
  assertFault(unknown, { status: 413, type: "requestTooLargeError" });
});

test("content type and JSON are checked before the token", async () => {
  const tenant = await openTenant(url);
  const post = (body: string, type: string) =>
    request(`${tenant.base}/services`, { body, headers: { "X-Auth-Token": "unknown", "content-type": type } });
  assertFault(await post("{", "foo/bar"), bad("Unsupported content type: foo/bar"));
  assert.match((await post("{", "application/json")).json().message, /^Failed to parse/);
  assertFault(await post("{}", "application/json"), unauthorized("Invalid or expired authentication token"));
});

test("bad escapes are 400 wherever they stand", async () => {
  const tenant = await openTenant(url);
  for (const path of [
    "/services/%",
    "/services/a%zz",
    "/services/%ff%fe",
    "/configuration/%c3%28",
    "/services?tag=%",
    "/events?marker=%e0%80",
  ]) {
    assertFault(await tenant.call("GET", path), bad("URI malformed"), path);
  }
  assertFault(await request(`${url}/v1.0/%/services`), bad("URI malformed"));
});

test("a token is good for its tenant only; without one, open mode allows all", async () => {
  const [tenant, other] = [await openTenant(url), await openTenant(url)];
  assert.match(tenant.id, /^\d+$/);
  await register(tenant, "svc-1");
  const get = (path: string, headers: Record<string, string> = {}) => request(`${url}${path}`, { headers });
  const path = `/v1.0/${tenant.id}/services/svc-1`;
  const [open, byQuery] = [await get(path), await get(`${path}?x-auth-token=${tenant.token}`)];
  assert.deepEqual([open.status, byQuery.status], [200, 200]);
  const refused = [
    await get(path, { "X-Auth-Token": other.token }),
    await get(path, { "X-Auth-Token": "unknown" }),
    await get(`${path}?x-auth-token=${other.token}`),
    await get(`${path}?x-auth-token=a&x-auth-token=${tenant.token}`),
  ];
  for (const answer of refused) {
    assertFault(answer, unauthorized("Invalid or expired authentication token"));
    assert.equal(answer.headers["www-authenticate"], `Keystone uri="${url}/v2.0"`);
  }
  assertFault(await other.call("GET", "/services/svc-1"), missing("Service", "svc-1"));
  assert.deepEqual(await events(other), []);
});

test("X-Tenant-Id stands in for the tenant in the path, and must not contradict it", async () => {
  const [tenant, other] = [await openTenant(url), await openTenant(url)];
  const auth = { "X-Auth-Token": tenant.token };
  const send = (path: string, headers: Record<string, string>, body?: object) =>
    request(`${url}/v1.0${path}`, { headers: { ...auth, ...headers }, body });
  const body = { id: "svc-1", heartbeat_timeout: 30 };
  const created = await send("/services", { "X-Tenant-Id": tenant.id }, body);
  assert.equal(created.status, 201, created.text);
  assert.equal(created.headers.location, `${tenant.base}/services/svc-1`);
  assert.equal((await send(`/${tenant.id}/services/svc-1`, { "X-Tenant-Id": tenant.id })).status, 200);
  assertFault(await send("/services", {}), unauthorized("No tenant id provided"));
  const contradiction = await request(`${url}/v1.0/${tenant.id}/services`, {
    headers: { "X-Tenant-Id": other.id },
    body: { id: "svc-2", heartbeat_timeout: 30 },
  });
  assertFault(contradiction, { status: 400, type: "badRequest" });
  for (const one of [tenant, other]) {
    assertFault(await one.call("GET", "/services/svc-2"), missing("Service", "svc-2"));
  }
});

test("the token endpoint answers what the clients read, and reuses live tokens", async () => {
  const answer = await logIn(url, "reader-of-tokens");
  assert.equal(answer.status, 200);
  const { token, serviceCatalog } = answer.json().access;
  assert.match(token.tenant.id, /^\d+$/);
  assert.equal(typeof token.id, "string");
  assert.match(token.expires, /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}-05:00$/);
  assert.ok(Date.parse(token.expires) > Date.now() + 600_000);
  assert.deepEqual(serviceCatalog, [
    {
      name: "cloudServers",
      type: "compute",
      endpoints: [{ tenantId: token.tenant.id, publicURL: `${url}/v1.0/${token.tenant.id}` }],
    },
  ]);
  const again = (await logIn(url, "reader-of-tokens", "other-key")).json().access.token;
  assert.deepEqual([again.id, again.tenant.id], [token.id, token.tenant.id]);
  const another = (await logIn(url, "someone-else")).json().access.token;
  assert.notEqual(another.tenant.id, token.tenant.id);
  for (const body of [{}, { auth: null }, { auth: { "RAX-KSKEY:apiKeyCredentials": { username: 5, apiKey: "k" } } }]) {
    assertFault(await request(`${url}/v2.0/tokens`, { body }), { status: 400, type: "badRequest" });
  }
});

test("addresses keep scheme, host and port; only https is https", async () => {
  const tenant = await openTenant(url);
  const put = async (headers: Record<string, string>) => {
    const answer = await tenant.call("PUT", "/configuration/abc", { value: "v" }, { headers });
    return answer.headers.location;
  };
  const rest = `/v1.0/${tenant.id}/configuration/abc`;
  assert.equal(await put({ Host: "registry.example:8080" }), `http://registry.example:8080${rest}`);
  assert.equal(
    await put({ Host: "registry.example", "X-Forwarded-Proto": "https" }),
    `https://registry.example${rest}`,
  );
  assert.equal(await put({ Host: "registry.example", "X-Forwarded-Proto": "http" }), `http://registry.example${rest}`);
  assert.equal(await put({ Host: "registry.example", "X-Forwarded-Proto": "junk" }), `http://registry.example${rest}`);
  assert.equal(await put({ Host: "a/b?c" }), `${url}${rest}`);
});

test("tenants are the same after a crash", async (t) => {
  const own = await startRackspace(t);
  const tenant = await openTenant(own.url, "lasting");
  await register(tenant, "svc-1");
  await own.restart();
  assert.equal((await tenant.call("GET", "/services/svc-1")).status, 200);
});
