/** The Rackspace dialect with accounts configured, with quotas of its own, and beside the native API. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";
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

function startWith(scope: Scope, yaml: string) {
  const file = join(temporaryDirectory(scope), "rollcall.yaml");
  writeFileSync(file, yaml);
  return startRackspace(scope, { flags: ["--config", file] });
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const ACCOUNTS = `
accounts:
  acme:
    tokens:
      - { name: writes, role: writer, sha256: ${sha256("acme-writes")} }
      - { name: reads, role: reader, sha256: ${sha256("acme-reads")} }
  other:
    tokens:
      - { name: writes, role: writer, sha256: ${sha256("other-writes")} }
`;

test("with accounts configured there is no way in without a token of the tenant", async (t) => {
  const own = await startWith(t, ACCOUNTS);
  const send = (token: string | undefined, tenant = "acme", method = "GET") =>
    request(`${own.url}/v1.0/${tenant}/services`, {
      method,
      headers: token === undefined ? {} : { "X-Auth-Token": token },
      ...(method === "POST" ? { body: { id: "svc-1", heartbeat_timeout: 30 } } : {}),
    });
  const unauthorized = (details: string): ExpectedFault => ({
    status: 401,
    type: "unauthorizedError",
    message: "forbidden",
    details,
  });
  for (const tenant of ["acme", "unknown", "a%20b"]) {
    const none = await send(undefined, tenant);
    assertFault(none, unauthorized("No authentication token provided"));
    assert.equal(none.headers["www-authenticate"], `Keystone uri="${own.url}/v2.0"`);
    assertFault(await send("unknown", tenant), unauthorized("Invalid or expired authentication token"));
    assertFault(await send("other-writes", tenant), unauthorized("Invalid or expired authentication token"));
  }
  assert.equal((await send("acme-writes", "acme", "POST")).status, 201);
  assert.equal((await send("acme-reads")).json().values.length, 1);
  assertFault(await send("acme-reads", "acme", "POST"), { status: 403, type: "forbiddenError" });
  assert.deepEqual((await send("other-writes", "other")).json().values, []);
});

test("two tokens that differ are none, wherever they stand; one said twice is one", async (t) => {
  const own = await startWith(t, ACCOUNTS);
  const send = (headers: Record<string, string>, query = "") =>
    request(`${own.url}/v1.0/acme/services${query}`, { headers });
  const good = { "X-Auth-Token": "acme-reads" };
  const none = { status: 401, type: "unauthorizedError" };
  const two = { ...none, details: "More than one authentication token provided" };
  assertFault(await send(good, "?x-auth-token=acme-writes"), two);
  assertFault(await send({}, "?x-auth-token=acme-reads&x-auth-token=acme-writes"), none);
  assertFault(await send({ ...good, Authorization: "Bearer other" }), two);
  assertFault(await send({ Authorization: "Bearer other" }, "?x-auth-token=acme-reads"), two);
  for (const [headers, query] of [
    [good, "?x-auth-token=acme-reads"],
    [{}, "?x-auth-token=acme-reads&x-auth-token=acme-reads"],
    [{ ...good, Authorization: "Bearer acme-reads" }, ""],
    [{ "X-Auth-Token": "" }, "?x-auth-token=acme-reads"],
  ] as const)
    assert.equal((await send(headers, query)).status, 200, JSON.stringify([headers, query]));
  // The original knows no other header.
  assertFault(await send({ Authorization: "Bearer acme-reads" }), none);
});

test("with accounts configured a token of the account is the API key", async (t) => {
  const own = await startWith(t, ACCOUNTS);
  const wrong = await logIn(own.url, "acme", "wrong");
  assertFault(wrong, { status: 401, type: "unauthorizedError" });
  assert.equal(wrong.headers["www-authenticate"], `Keystone uri="${own.url}/v2.0"`);
  assertFault(await logIn(own.url, "other", "acme-writes"), { status: 401, type: "unauthorizedError" });
  assertFault(await logIn(own.url, "nobody", "acme-writes"), { status: 401, type: "unauthorizedError" });
  const { token } = (await logIn(own.url, "acme", "acme-writes")).json().access;
  const base = `${own.url}/v1.0/${token.tenant.id}`;
  const headers = { "X-Auth-Token": token.id };
  const created = await request(`${base}/services`, { headers, body: { id: "svc-1", heartbeat_timeout: 30 } });
  assert.equal(created.status, 201, created.text);
  // The account's name means the same tenant, in the path and in the header.
  const byName = await request(`${own.url}/v1.0/acme/services/svc-1`, {
    headers: { ...headers, "X-Tenant-Id": token.tenant.id },
  });
  assert.equal(byName.status, 200, byName.text);
});

test("quotas are settings; beyond the day's requests only heartbeats are served", async (t) => {
  const own = await startWith(
    t,
    "dialectSettings:\n  rackspace: { servicesMax: 1, valuesMax: 1, sessionsMax: 0, requestsPerDayMax: 7 }\n",
  );
  const tenant = await openTenant(own.url);
  const token = await register(tenant, "svc-1");
  const second = await tenant.call("POST", "/services", { id: "svc-2", heartbeat_timeout: 30 });
  assertFault(second, { status: 400, type: "limitReached", details: /service .*: 1$/ });
  const session = await tenant.call("POST", "/sessions", { heartbeat_timeout: 30 });
  assertFault(session, { status: 400, type: "limitReached", details: /session .*: 0$/ });
  assert.equal((await tenant.call("PUT", "/configuration/abc", { value: "v" })).status, 204);
  assertFault(await tenant.call("PUT", "/configuration/def", { value: "v" }), {
    status: 400,
    type: "limitReached",
    details: /configuration_value .*: 1$/,
  });
  const limits = (await tenant.call("GET", "/limits")).json();
  assert.deepEqual(limits.resource, { session: 0, service: 1, configuration_value: 1 });
  assert.deepEqual(limits.rate["/.*"], { limit: 7, used: 6, window: "24.0 hours" });
  assert.equal((await tenant.call("GET", "/services")).status, 200);
  const refused = await tenant.call("GET", "/services");
  assertFault(refused, { status: 400, type: "rateLimitReached" });
  assert.equal(refused.headers["x-ratelimit-used"], "8");
  assert.ok(Number(refused.headers["retry-after"]) > 86_000);
  const beat = await tenant.call("POST", "/services/svc-1/heartbeat", { token });
  assert.equal(beat.status, 200, beat.text);
  const other = await openTenant(own.url);
  assert.equal((await other.call("GET", "/services")).status, 200);
});

test("a setting that does not exist is named at the start", async (t) => {
  await assert.rejects(startWith(t, "dialectSettings:\n  rackspace: { serviceMax: 1 }\n"), /serviceMax/);
});

test("a service of this API is an instance of the native one, under its derived name", async () => {
  const tenant = await openTenant(url);
  const native = async (service: string) => {
    const answer = await request(`${url}/v2/${tenant.id}/services/${service}`, {
      headers: { "X-Auth-Token": tenant.token },
    });
    assert.equal(answer.status, 200, answer.text);
    return answer.json().instances;
  };
  await register(tenant, "web-1", 30, { tags: ["www"], metadata: { ip: "10.0.0.1", port: "8080" } });
  const [instance] = await native("www");
  assert.equal(instance.id, "web-1");
  assert.deepEqual([instance.address, instance.port, instance.via], ["10.0.0.1", 8080, "rackspace"]);
  assert.deepEqual([instance.tags, instance.ttlMs, instance.status], [["www"], 30_000, "passing"]);
  await tenant.call("PUT", "/services/web-1", { metadata: { service: "api", host: "h1", port: "90" } });
  assert.deepEqual(await native("www"), []);
  const [moved] = await native("api");
  assert.deepEqual([moved.id, moved.address, moved.port], ["web-1", "h1", 90]);
  assert.equal((await events(tenant)).length, 1);
  await tenant.call("DELETE", "/services/web-1");
  assert.deepEqual(await native("api"), []);
});

test("what the native API does shows here, in events too", async () => {
  const tenant = await openTenant(url);
  const headers = { "X-Auth-Token": tenant.token };
  const base = `${url}/v2/${tenant.id}`;
  const put = (path: string, body: unknown) => request(`${base}${path}`, { method: "PUT", headers, body });
  const path = "/services/api/instances";
  const registered = await put(`${path}/api-1`, {
    address: "10.0.0.1",
    port: 80,
    ttl: "20s",
    tags: ["a"],
    meta: { b: "c" },
  });
  assert.equal(registered.status, 201, registered.text);
  await put(`${path}/ab`, { address: "10.0.0.2", ttl: "20s" });
  await put("/config//prod/key", "text");
  await put("/config/no", "short id");
  await put("/config/raw", Buffer.from([0xff]));
  const shown = { id: "api-1", tags: ["a"], metadata: { b: "c" }, heartbeat_timeout: 20, last_seen: null };
  assert.deepEqual((await tenant.call("GET", "/services")).json().values, [shown]);
  assert.deepEqual((await tenant.call("GET", "/services/api-1")).json(), shown);
  assert.deepEqual((await tenant.call("GET", "/configuration")).json().values, [{ id: "/prod/key", value: "text" }]);
  assertFault(await tenant.call("GET", "/configuration/raw"), missing("ConfigurationValue", "raw"));
  const again = await tenant.call("POST", "/services", { id: "api-1", heartbeat_timeout: 30 });
  assertFault(again, { status: 400, type: "serviceWithThisIdExists" });
  await request(`${base}${path}/api-1/heartbeat`, { method: "POST", headers });
  assert.equal(typeof (await tenant.call("GET", "/services/api-1")).json().last_seen, "number");
  assert.equal((await tenant.call("PUT", "/services/api-1", { tags: ["z"] })).status, 204);
  const [native] = (await request(`${base}/services/api`, { headers }))
    .json()
    .instances.filter((one: { id: string }) => one.id === "api-1");
  assert.deepEqual([native.address, native.port, native.tags, native.via], ["10.0.0.1", 80, ["z"], "http"]);
  assert.equal((await tenant.call("DELETE", "/services/api-1")).status, 204);
  assert.deepEqual(
    (await events(tenant)).map(({ type, payload }) => [type, payload.id ?? payload.configuration_value_id]),
    [
      ["service.join", "api-1"],
      ["configuration_value.update", "/prod/key"],
      ["service.remove", "api-1"],
    ],
  );
});
