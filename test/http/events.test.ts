/** The events feed and explain. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { openStream } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { assertShape, nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);
const typesOf = (page: { events: { type: string }[] }) => page.events.map((event) => event.type);

async function live(at: string): Promise<void> {
  await api.ok("PUT", `${at}/services/web/instances/w1`, { address: "h", ttl: "60s" });
  await api.ok("PUT", `${at}/services/web/instances/w1`, { address: "h2", ttl: "60s", version: "2" });
  await api.ok("PUT", `${at}/services/web/instances/w1/checks/disk`, { status: "critical", output: "full" });
  await api.ok("PUT", `${at}/services/web/instances/w1/override`, { status: "passing" });
  await api.ok("PUT", `${at}/config/k`, "v");
  await api.ok("DELETE", `${at}/config/k`);
  await api.ok("DELETE", `${at}/services/web/instances/w1`);
}

test("every change is an event, with its reason in words", async () => {
  const at = `/v2/${nextAccount()}`;
  await live(at);
  const page = await api.ok("GET", `${at}/events`);
  assert.deepEqual(typesOf(page), [
    "lease.granted",
    "instance.registered",
    "instance.updated",
    "instance.reported",
    "instance.overridden",
    "key.put",
    "key.deleted",
    "lease.closed",
    "instance.deregistered",
  ]);
  const reasons = page.events.map((event: { reason: string }) => event.reason);
  assert.match(reasons[1], /^registered through http, kept alive by lease web\/w1, ttl 60 s$/);
  assert.match(reasons[2], /^registered again with another address, version$/);
  assert.match(reasons[3], /^check disk reported critical: full$/);
  assert.match(reasons[4], /^an operator set it to passing$/);
  assert.match(reasons[8], /^deregistered by request$/);
  assert.equal(page.events[2].before.address, "h");
  assert.equal(page.events[2].after.address, "h2");
});

test("a cursor leads through the feed without gaps or repeats", async () => {
  const at = `/v2/${nextAccount()}`;
  await live(at);
  const whole = await api.ok("GET", `${at}/events?after=0`);
  const seen: string[] = [];
  let cursor = "0";
  for (;;) {
    const page = await api.ok("GET", `${at}/events?after=${cursor}&limit=1`);
    if (page.events.length === 0) break;
    seen.push(page.events[0].id);
    cursor = page.cursor;
  }
  assert.deepEqual(
    seen,
    whole.events.map((event: { id: string }) => event.id),
  );
  const tail = await api.ok("GET", `${at}/events?limit=2`);
  assert.deepEqual(
    tail.events.map((event: { id: string }) => event.id),
    seen.slice(-2),
    "without a cursor: the latest",
  );
  const from = await api.ok("GET", `${at}/events?after=${seen[3]}`);
  assert.equal(from.events[0].id, seen[4]);
});

test("types are filtered, by name and by kind", async () => {
  const at = `/v2/${nextAccount()}`;
  await live(at);
  assert.deepEqual(typesOf(await api.ok("GET", `${at}/events?type=key.*`)), ["key.put", "key.deleted"]);
  assert.deepEqual(typesOf(await api.ok("GET", `${at}/events?type=lease.closed&type=key.put`)), [
    "key.put",
    "lease.closed",
  ]);
  assert.equal((await api.ok("GET", `${at}/events?type=*`)).events.length, 9);
  await api.refused(400, "invalid", "GET", `${at}/events?type=nonsense`);
  await api.refused(400, "invalid", "GET", `${at}/events?after=x`);
  await api.refused(400, "invalid", "GET", `${at}/events?limit=0`);
});

test("events of services are those of their instances, and of leases of their own", async () => {
  const account = nextAccount();
  const at = `/v2/${account}`;
  await live(at);
  await api.ok("PUT", `${at}/services/api/instances/a1`, { address: "h", ttl: "60s" });
  await api.ok("POST", `${at}/leases`, { lease: "web", ttl: "60s" });
  const page = await api.ok("GET", `${at}/events?service=api`);
  assert.deepEqual(typesOf(page), ["lease.granted", "instance.registered"]);
  const both = await api.ok("GET", `${at}/events?service=api&service=web&type=instance.registered`);
  assert.deepEqual(
    both.events.map((event: { service: string }) => event.service),
    ["web", "api"],
  );
  assert.deepEqual((await api.ok("GET", `${at}/events?service=none&after=0`)).events, []);
  const headers = { accept: "text/event-stream" };
  const [all, some] = await Promise.all(
    ["", "?service=api"].map((query) => openStream({ after }, `${rollcall.url}${at}/events${query}`, { headers })),
  );
  await api.ok("DELETE", `${at}/config?prefix=none`);
  await api.ok("PUT", `${at}/services/web/instances/w2`, { address: "h" });
  await api.ok("DELETE", `${at}/services/api/instances/a1`);
  await all?.find((event) => event.event === "event" && event.data.includes("w2"));
  await some?.find((event) => event.event === "event" && event.data.includes("instance.deregistered"));
  assert.equal(
    some?.events.some((event) => event.data.includes("w2")),
    false,
  );
});

test("a poll waits for an event of the type", async () => {
  const at = `/v2/${nextAccount()}`;
  const { cursor } = await api.ok("GET", `${at}/events`);
  const poll = api.ok("GET", `${at}/events?after=${cursor}&type=instance.*&wait=20s`);
  await api.ok("PUT", `${at}/config/k`, "v");
  await api.ok("PUT", `${at}/services/web/instances/w1`, { address: "h" });
  assert.deepEqual(typesOf(await poll), ["instance.registered"]);
  const startMs = performance.now();
  const none = await api.ok("GET", `${at}/events?after=${(await poll).cursor}&wait=200ms`);
  assert.deepEqual(none.events, []);
  assert.ok(performance.now() - startMs >= 190);
});

test("a stream of events resumes within a commit", async () => {
  const at = `/v2/${nextAccount()}`;
  await live(at);
  const { events } = await api.ok("GET", `${at}/events?after=0`);
  const ids = events.map((event: { id: string }) => event.id);
  for (const from of [0, 1, 7]) {
    const stream = await openStream({ after }, `${rollcall.url}${at}/events`, {
      headers: { "last-event-id": ids[from] },
    });
    await stream.find((event) => event.event === "ready");
    const got = stream.events.filter((event) => event.event === "event");
    assert.deepEqual(
      got.map((event) => event.id),
      ids.slice(from + 1),
    );
    for (const event of got) assertShape("Event", event.json());
    stream.close();
  }
  const typed = await openStream({ after }, `${rollcall.url}${at}/events?type=instance.expired`);
  await typed.find((event) => event.event === "ready");
  await api.ok("PUT", `${at}/services/web/instances/w2`, { address: "h", ttl: "1s" });
  const expired = await typed.find((event) => event.event === "event");
  assert.equal(expired.json().type, "instance.expired");
  assert.match(expired.json().reason, /^no heartbeat at all since .*, ttl 1 s$/);
});

test("explain tells of an instance that lives", async () => {
  const at = `/v2/${nextAccount()}`;
  const instance = `${at}/services/web/instances/w1`;
  await api.ok("PUT", instance, { address: "h", ttl: "60s" });
  await api.ok("POST", `${instance}/heartbeat`);
  await api.ok("PUT", instance, { address: "h2", ttl: "60s" });
  const told = await api.ok("GET", `${instance}/explain`);
  assert.equal(told.present, true);
  assert.equal(told.gone, null);
  assert.match(
    told.summary,
    /^It is shown as passing, kept alive by lease web\/w1 with a ttl of 60 s: the last heartbeat came/,
  );
  assert.equal(told.came.via, "http");
  assert.ok(told.keptAliveBy.beats >= 1);
  assert.deepEqual(
    told.history.map((one: { cause: string }) => one.cause),
    ["updated", "registered"],
  );
  const forever = `${at}/services/web/instances/w2`;
  await api.ok("PUT", forever, { address: "h", ttl: 0 });
  assert.match((await api.ok("GET", `${forever}/explain`)).summary, /permanent/);
});

test("explain tells of an instance that is gone, and why", async () => {
  const at = `/v2/${nextAccount()}`;
  const instance = `${at}/services/web/instances/w1`;
  await api.refused(404, "not-found", "GET", `${instance}/explain`);
  await api.ok("PUT", instance, { address: "h", ttl: "1s" });
  await api.ok("POST", `${instance}/heartbeat`);
  await until(async () => (await api.call("GET", instance)).status === 404);
  const told = await api.ok("GET", `${instance}/explain`);
  assert.equal(told.present, false);
  assert.equal(told.instance, null);
  assert.equal(told.gone.cause, "expired");
  assert.match(told.gone.reason, /^no heartbeat for [0-9.]+ s, ttl 1 s; last heartbeat \d{4}-.*, 1 in all$/);
  assert.equal(told.keptAliveBy.beats, 1);
  assert.equal(told.last.ttlMs, 1000);
  assert.notEqual(told.came, null);
  await rollcall.restart();
  const later = await api.ok("GET", `${instance}/explain`);
  assert.deepEqual(later.gone, told.gone, "history outlives the process");
  await api.ok("PUT", instance, { address: "h", ttl: "60s" });
  const back = await api.ok("GET", `${instance}/explain`);
  assert.equal(back.present, true);
  assert.deepEqual(
    back.history.map((one: { cause: string }) => one.cause),
    ["registered"],
  );
});

test("explain finds a gone instance behind thousands of other commits", async () => {
  const at = `/v2/${nextAccount()}`;
  const instance = `${at}/services/web/instances/w1`;
  await api.ok("PUT", instance, { address: "h", ttl: 0 });
  await api.ok("DELETE", instance);
  for (let i = 0; i < 25; i++)
    await Promise.all(Array.from({ length: 100 }, () => api.ok("PUT", `${at}/config/k`, String(Math.random()))));
  assert.equal((await api.ok("GET", `${instance}/explain`)).gone.cause, "deregistered");
});
