/** The events feed of the Rackspace dialect: types, order, markers, pages. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Answer, request } from "../harness/requests.ts";
import {
  assertFault,
  type EventBody,
  events,
  nowOf,
  openTenant,
  register,
  startRackspace,
  ticksOf,
  uuidAt,
  wrongParameter,
} from "./rig.ts";

const rollcall = await startRackspace({ after });
const { url } = rollcall;

test("joins and removals carry the service, and their ids are the order", async () => {
  const tenant = await openTenant(url);
  const beforeMs = await nowOf(url);
  await register(tenant, "svc-1", 30, { tags: ["a"], metadata: { ip: "10.0.0.1" } });
  await tenant.call("DELETE", "/services/svc-1");
  const feed = await events(tenant);
  const payload = { id: "svc-1", heartbeat_timeout: 30, tags: ["a"], metadata: { ip: "10.0.0.1" } };
  assert.deepEqual(
    feed.map(({ type, payload }) => ({ type, payload })),
    [
      { type: "service.join", payload },
      { type: "service.remove", payload },
    ],
  );
  const afterMs = await nowOf(url);
  for (const event of feed) {
    assert.deepEqual(Object.keys(event), ["id", "timestamp", "type", "payload"]);
    assert.ok(event.timestamp >= beforeMs && event.timestamp <= afterMs);
  }
  assert.ok(ticksOf(feed[1]?.id ?? "") > ticksOf(feed[0]?.id ?? ""));
});

test("a poller with its last id as marker sees every event once, in order, while many write", async () => {
  const tenant = await openTenant(url);
  const total = 300;
  const seen: EventBody[] = [];
  let marker: string | null = null;
  const poll = async () => {
    const page = await events(tenant, marker === null ? "" : `?marker=${marker}`);
    if (marker !== null) assert.equal(page.shift()?.id, marker, "the marker is inclusive");
    seen.push(...page);
    marker = seen.at(-1)?.id ?? null;
  };
  const writing = Promise.all(
    Array.from({ length: 10 }, async (_, writer) => {
      for (let i = 0; i < total / 10; i++) {
        await tenant.call("PUT", `/configuration/key-${writer}`, { value: `${i}` });
      }
    }),
  );
  let written = false;
  void writing.then(() => {
    written = true;
  });
  while (!written) await poll();
  for (let last = -1; last !== seen.length; await poll()) last = seen.length;
  assert.equal(seen.length, total);
  for (let i = 1; i < seen.length; i++) assert.ok(ticksOf(seen[i]?.id ?? "") > ticksOf(seen[i - 1]?.id ?? ""));
  for (let writer = 0; writer < 10; writer++) {
    const own = seen.filter(({ payload }) => payload.configuration_value_id === `key-${writer}`);
    assert.deepEqual(
      own.map(({ payload }) => payload.new_value),
      Array.from({ length: total / 10 }, (_, i) => `${i}`),
    );
  }
});

test("pages are cut after the filter, and follow one another", async () => {
  const tenant = await openTenant(url);
  for (let i = 0; i < 12; i++) {
    await tenant.call("PUT", "/configuration/abc", { value: `${i}` });
    if (i % 3 === 0) await register(tenant, `svc-${i}`);
  }
  const seen: string[] = [];
  let href: string | null = `${tenant.base}/events?type=service.join&limit=3`;
  const sizes: number[] = [];
  while (href !== null) {
    const page: Answer = await request(href, { headers: { "X-Auth-Token": tenant.token } });
    const { values, metadata } = page.json();
    sizes.push(values.length);
    seen.push(...values.map((event: EventBody) => event.payload.id));
    assert.deepEqual(Object.keys(metadata), ["count", "limit", "marker", "next_marker", "next_href"]);
    assert.equal(metadata.marker, null);
    assert.equal(metadata.count, values.length);
    href = metadata.next_href;
    if (href !== null)
      assert.equal(href, `${tenant.base}/events?type=service.join&limit=3&marker=${metadata.next_marker}`);
  }
  assert.deepEqual(seen, ["svc-0", "svc-3", "svc-6", "svc-9"]);
  assert.deepEqual(sizes, [3, 1]);
  assert.deepEqual(await events(tenant, "?type=service.timeout"), []);
  assert.equal((await events(tenant, "?limit=5")).length, 5);
});

test("any version-1 UUID between the account's creation and now is a position", async () => {
  const tenant = await openTenant(url);
  await tenant.call("GET", "/limits");
  const createdMs = Date.now();
  const early = uuidAt(createdMs);
  await register(tenant, "svc-1");
  const [join] = await events(tenant);
  assert.ok(join);
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await events(tenant, `?marker=${early}`))[0]?.id, join.id);
  assert.equal((await events(tenant, `?marker=${join.id}`))[0]?.id, join.id);
  assert.equal((await events(tenant, `?marker=${join.id.toUpperCase()}`))[0]?.id, join.id);
  assert.deepEqual(await events(tenant, `?marker=${uuidAt(Date.now())}`), []);
  const future = await tenant.call("GET", `/events?marker=${uuidAt(Date.now() + 60_000)}`);
  assertFault(future, wrongParameter("marker", "from parameter must be smaller than the current time"));
  const past = await tenant.call("GET", `/events?marker=${uuidAt(createdMs - 60_000)}`);
  assertFault(
    past,
    wrongParameter("marker", "from parameter must be greater than or equal to the account creation date"),
  );
});

test("a fresh account has its creation as the earliest position", async () => {
  const tenant = await openTenant(url);
  const past = await tenant.call("GET", `/events?marker=${uuidAt(Date.now() - 60_000)}`);
  assertFault(past, wrongParameter("marker", /account creation date/));
  assert.deepEqual(await events(tenant), []);
});

test("markers and types that are none", async () => {
  const tenant = await openTenant(url);
  for (const marker of ["abc", "", "a%20b"]) {
    assertFault(await tenant.call("GET", `/events?marker=${marker}`), wrongParameter("marker", "Invalid UUID"));
  }
  const version4 = "6bc8d050-f86a-41e1-a89e-ca2ffe480b20";
  assertFault(
    await tenant.call("GET", `/events?marker=${version4}`),
    wrongParameter("marker", "UUID is not version 1"),
  );
  const valid =
    "service.join,service.remove,service.timeout,services.timeout,configuration_value.update,configuration_value.remove";
  for (const [type, shown] of [
    ["service.leave", "service.leave"],
    ["", ""],
    ["service.join&type=service.remove", "service.join,service.remove"],
    ["SERVICE.JOIN", "SERVICE.JOIN"],
  ]) {
    const details = `Invalid type: ${shown}. Valid types are: ${valid}`;
    assertFault(await tenant.call("GET", `/events?type=${type}`), { status: 400, type: "badRequest", details });
  }
});

test("events and their ids are the same after a crash", async (t) => {
  const own = await startRackspace(t);
  const tenant = await openTenant(own.url);
  await register(tenant, "svc-1");
  await tenant.call("PUT", "/configuration/abc", { value: "v" });
  const before = await events(tenant);
  await own.restart();
  assert.deepEqual(await events(tenant), before);
  await tenant.call("DELETE", "/services/svc-1");
  const after = await events(tenant, `?marker=${before.at(-1)?.id}`);
  assert.deepEqual(
    after.map(({ type }) => type),
    ["configuration_value.update", "service.remove"],
  );
});

test("one tenant's events are not another's", async () => {
  const [tenant, other] = [await openTenant(url), await openTenant(url)];
  await register(tenant, "svc-1");
  await other.call("PUT", "/configuration/abc", { value: "v" });
  assert.equal((await events(tenant)).length, 1);
  assert.equal((await events(other)).length, 1);
});

test("what history no longer holds has left the feed; an older marker begins where it does", async (t) => {
  const own = await startRackspace(t);
  const tenant = await openTenant(own.url);
  for (let i = 0; i < 20; i++) await tenant.call("PUT", "/configuration/abc", { value: `${i}` });
  const all = await events(tenant);
  const status = (await request(`${own.url}/v2/_/status`)).json();
  const compacted = await request(`${own.url}/v2/_/compact`, { body: { revision: status.revision - 5 } });
  assert.equal(compacted.status, 200, compacted.text);
  for (const query of ["", `?marker=${all[0]?.id}`]) assert.deepEqual(await events(tenant, query), all.slice(-5));
  assert.deepEqual(await events(tenant, `?marker=${all.at(-2)?.id}`), all.slice(-2));
});
