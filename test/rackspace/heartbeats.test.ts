/** Heartbeats of the Rackspace dialect: the chain of tokens, its end, and what a service lives by. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../harness/scope.ts";
import {
  assertFault,
  beat,
  events,
  eventsOf,
  missing,
  msOf,
  nowOf,
  openTenant,
  register,
  startRackspace,
  type Tenant,
  ticksOf,
  wrongField,
  wrongParameter,
} from "./rig.ts";

const rollcall = await startRackspace({ after });
const { url } = rollcall;

async function next(tenant: Tenant, id: string, token: string): Promise<string> {
  const answer = await beat(tenant, id, token);
  assert.equal(answer.status, 200, answer.text);
  return answer.json().token;
}

test("a token is a version-1 UUID whose time is the next deadline, strictly increasing", async () => {
  const tenant = await openTenant(url);
  const beforeMs = await nowOf(url);
  let token = await register(tenant, "valid-id", 30);
  assert.ok(msOf(token) >= beforeMs + 30_000 && msOf(token) <= (await nowOf(url)) + 30_000);
  for (let i = 0; i < 50; i++) {
    const following = await next(tenant, "valid-id", token);
    assert.ok(ticksOf(following) > ticksOf(token));
    token = following;
  }
  assert.ok(msOf(token) <= (await nowOf(url)) + 30_000 + 1);
});

test("the answer is 200 with the token, not chunked", async () => {
  const tenant = await openTenant(url);
  const token = await register(tenant, "valid-id");
  const answer = await beat(tenant, "valid-id", token);
  assert.match(answer.text, /^\{\n {4}"token": "[0-9a-f-]{36}"\n\}$/);
  assert.equal(answer.headers["content-length"], String(answer.bytes.length));
});

test("a lost answer: the token before is good until the new one is used, and gives the same one again", async () => {
  const tenant = await openTenant(url);
  const first = await register(tenant, "valid-id");
  const second = await next(tenant, "valid-id", first);
  assert.equal(await next(tenant, "valid-id", first), second);
  assert.equal(await next(tenant, "valid-id", first.toUpperCase()), second);
  const third = await next(tenant, "valid-id", second);
  assertFault(await beat(tenant, "valid-id", first), missing("HeartbeatMarker", first));
  assert.equal(await next(tenant, "valid-id", second), third);
  await next(tenant, "valid-id", third);
  assertFault(await beat(tenant, "valid-id", second), missing("HeartbeatMarker", second));
});

test("simultaneous uses of one token all succeed and give the same next token", async () => {
  const tenant = await openTenant(url);
  const token = await register(tenant, "valid-id");
  const answers = await Promise.all(Array.from({ length: 10 }, () => beat(tenant, "valid-id", token)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(new Set(answers.map((answer) => answer.json().token)).size, 1);
});

test("a token is good for its own service, its own tenant and its own incarnation only", async () => {
  const [tenant, other] = [await openTenant(url), await openTenant(url)];
  const token = await register(tenant, "svc-a");
  await register(tenant, "svc-b");
  await register(other, "svc-a");
  assertFault(await beat(tenant, "svc-b", token), missing("HeartbeatMarker", token));
  assertFault(await beat(other, "svc-a", token), missing("HeartbeatMarker", token));
  await next(tenant, "svc-a", token);
  await tenant.call("DELETE", "/services/svc-a");
  assertFault(await beat(tenant, "svc-a", token), missing("Service", "svc-a"));
  const fresh = await register(tenant, "svc-a");
  assertFault(await beat(tenant, "svc-a", token), missing("HeartbeatMarker", token));
  await next(tenant, "svc-a", fresh);
});

test("what is no token is refused in the table's words", async () => {
  const tenant = await openTenant(url);
  const token = await register(tenant, "valid-id");
  const send = (body: unknown) => tenant.call("POST", "/services/valid-id/heartbeat", body);
  assertFault(await send({}), wrongField("token", "Missing required key (token)"));
  assertFault(await send(undefined), wrongField("token", "Missing required key (token)"));
  assertFault(await send({ token: 1 }), wrongField("token", "Not a string"));
  assertFault(await send({ token: null }), wrongField("token", "Not a string"));
  assertFault(await send({ token: "x" }), wrongField("token", "Invalid UUID"));
  assertFault(await send({ token: `${token}0` }), wrongField("token", "Invalid UUID"));
  const version4 = `${token.slice(0, 14)}4${token.slice(15)}`;
  assertFault(await send({ token: version4 }), wrongField("token", "UUID is not version 1"));
  const variant = `${token.slice(0, 19)}0${token.slice(20)}`;
  assertFault(await send({ token: variant }), wrongField("token", "Unsupported UUID variant"));
  const forged = `${token.slice(0, 24)}${"0".repeat(12)}`;
  assertFault(await send({ token: forged }), missing("HeartbeatMarker", forged));
  assertFault(await beat(tenant, "unknown", token), missing("Service", "unknown"));
  assertFault(await beat(tenant, "ab", token), wrongParameter("serviceId", "String is not in range (3..65)"));
  assertFault(await beat(tenant, "unknown", "x"), wrongField("token", "Invalid UUID"));
});

test("last_seen is null, then the time of the last heartbeat, and null again for the next of that name", async () => {
  const tenant = await openTenant(url);
  const seen = async () => (await tenant.call("GET", "/services/valid-id")).json().last_seen;
  const token = await register(tenant, "valid-id");
  assert.equal(await seen(), null);
  const beforeMs = await nowOf(url);
  await next(tenant, "valid-id", token);
  const atMs = await seen();
  assert.ok(atMs >= beforeMs && atMs <= (await nowOf(url)), `${atMs}`);
  assert.equal((await tenant.call("GET", "/services")).json().values[0].last_seen, atMs);
  await tenant.call("PUT", "/services/valid-id", { tags: ["other"] });
  assert.equal(await seen(), atMs);
  await tenant.call("DELETE", "/services/valid-id");
  await register(tenant, "valid-id");
  assert.equal(await seen(), null);
});

test("a silent service goes within its timeout and a second, not before, with its deadline in the event", async () => {
  const tenant = await openTenant(url);
  const token = await register(tenant, "silent", 3);
  const kept = await register(tenant, "kept", 3);
  const beforeMs = Date.now();
  await next(tenant, "silent", token);
  const afterMs = Date.now();
  let current = await next(tenant, "kept", kept);
  const gone = await until(
    async () => {
      current = await next(tenant, "kept", current);
      return (await tenant.call("GET", "/services/silent")).status === 404 ? Date.now() : null;
    },
    { timeoutMs: 6000, what: "the silent service to go", intervalMs: 50 },
  );
  assert.ok(gone >= beforeMs + 3000, `${gone - beforeMs} ms is too early`);
  assert.ok(gone <= afterMs + 4000, `${gone - afterMs} ms is too late`);
  const [timeout] = await eventsOf(tenant, "service.timeout");
  assert.deepEqual(timeout?.payload, { id: "silent", heartbeat_timeout: 3, tags: [], metadata: {} });
  const stamp = timeout?.timestamp ?? 0;
  assert.ok(stamp >= beforeMs + 2800 && stamp <= afterMs + 3200, `${stamp - beforeMs}`);
  assertFault(await beat(tenant, "silent", token), missing("Service", "silent"));
  assert.equal((await tenant.call("GET", "/services/kept")).status, 200);
  // Removed and made anew within the old deadline: the old one does not strike the new one.
  await tenant.call("DELETE", "/services/kept");
  const anew = await register(tenant, "kept", 60);
  assert.equal((await events(tenant)).filter(({ type }) => type === "service.timeout").length, 1);
  await next(tenant, "kept", anew);
});

test("a changed timeout counts from the next heartbeat, and moving the service keeps its chain", async () => {
  const tenant = await openTenant(url);
  const token = await register(tenant, "valid-id", 120, { tags: ["one"] });
  const answer = await tenant.call("PUT", "/services/valid-id", { heartbeat_timeout: 3, tags: ["two"] });
  assert.equal(answer.status, 204);
  const beforeMs = await nowOf(url);
  const following = await next(tenant, "valid-id", token);
  assert.ok(msOf(following) < beforeMs + 4000, "the old deadline was further away");
  assert.ok(msOf(following) >= beforeMs + 3000);
  await until(async () => (await tenant.call("GET", "/services/valid-id")).status === 404, { timeoutMs: 5000 });
  assert.ok((await nowOf(url)) >= beforeMs + 3000);
});

test("timeouts stand in the order of their deadlines", async () => {
  const tenant = await openTenant(url);
  await register(tenant, "last", 5);
  await register(tenant, "first", 3);
  await register(tenant, "second", 4);
  const timeouts = await eventsOf(tenant, "service.timeout", 3);
  assert.deepEqual(
    timeouts.map(({ payload }) => payload.id),
    ["first", "second", "last"],
  );
  const stamps = timeouts.map(({ timestamp }) => timestamp);
  assert.deepEqual(stamps, [...stamps].sort());
});

test("heartbeats are never refused for their rate", async () => {
  const tenant = await openTenant(url);
  const token = await register(tenant, "valid-id");
  const answer = await beat(tenant, "valid-id", token);
  assert.equal(answer.headers["x-ratelimit-path-regex"], "/.*");
  assert.equal(answer.headers["x-ratelimit-limit"], "500000");
  assert.equal(answer.headers["x-ratelimit-window"], "86400 seconds");
  assert.equal(answer.headers["x-ratelimit-used"], "2");
});

test("after a crash the chain goes on from any token, also from one whose answer was lost", async (t) => {
  const own = await startRackspace(t);
  const tenant = await openTenant(own.url);
  const first = await register(tenant, "used", 30);
  const second = await next(tenant, "used", first);
  const never = await register(tenant, "never", 30);
  const [oldest, lost] = [await register(tenant, "lost", 30), ""];
  await next(tenant, "lost", oldest + lost);
  await own.restart();
  const third = await next(tenant, "used", second);
  assert.ok(ticksOf(third) > ticksOf(second));
  assert.equal(await next(tenant, "used", second), third);
  await next(tenant, "used", third);
  assertFault(await beat(tenant, "used", second), missing("HeartbeatMarker", second));
  await next(tenant, "never", never);
  await next(tenant, "lost", oldest);
  assertFault(await beat(tenant, "never", third), missing("HeartbeatMarker", third));
  const forged = `${never.slice(0, 24)}${"0".repeat(12)}`;
  await register(tenant, "forged");
  assertFault(await beat(tenant, "forged", forged), missing("HeartbeatMarker", forged));
});

test("services whose heartbeats all stop at once are held, say so, and are let go by a heartbeat", async () => {
  const tenant = await openTenant(url);
  const ids = Array.from({ length: 12 }, (_, i) => `held-${i}`);
  const tokens = await Promise.all(ids.map((id) => register(tenant, id, 3)));
  const list = async () => (await tenant.call("GET", "/services")).json().values;
  const held = await until(
    async () => {
      const all = await list();
      return all.every((service: { held?: object }) => service.held !== undefined) ? all : null;
    },
    { timeoutMs: 8000, what: "all services to be held" },
  );
  assert.equal(held.length, 12);
  assert.equal(typeof held[0].held.since, "number");
  assert.notEqual(held[0].held.reason, "");
  await next(tenant, "held-0", tokens[0] as string);
  const first = await until(async () => {
    const service = (await tenant.call("GET", "/services/held-0")).json();
    return service.held === undefined ? service : null;
  });
  assert.deepEqual(Object.keys(first), ["id", "tags", "metadata", "heartbeat_timeout", "last_seen"]);
  assert.deepEqual(new Set((await events(tenant)).map(({ type }) => type)), new Set(["service.join"]));
});
