/** Leases over the native API: grant, renew one and many, end, sessions held by a stream, protection's held ones. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { openStream } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

test("a lease is granted, read, renewed and ended with all that it keeps alive", async () => {
  const at = `/v2/${nextAccount()}`;
  const granted = await api.call("POST", `${at}/leases`, { lease: "l1", ttl: "60s", meta: { of: "me" } });
  assert.equal(granted.status, 201);
  assert.equal((await api.call("POST", `${at}/leases`, { lease: "l1", ttl: "60s" })).status, 200, "told twice");
  await api.ok("PUT", `${at}/services/web/instances/w1`, { address: "h", lease: "l1" });
  await api.ok("PUT", `${at}/services/db/instances/d1`, { address: "h", lease: "l1" });
  await api.ok("PUT", `${at}/config/a/key?lease=l1`, "v");
  const lease = await api.ok("GET", `${at}/leases/l1`);
  assert.deepEqual(lease.meta, { of: "me" });
  assert.equal(lease.instances.length, 2);
  assert.deepEqual(lease.keys, ["a/key"]);
  assert.deepEqual(await api.ok("POST", `${at}/leases/l1/renew`), { ttlMs: 60_000 });
  assert.ok((await api.ok("GET", `${at}/leases/l1`)).beats >= 1);
  const { revision } = await api.ok("DELETE", `${at}/leases/l1`);
  for (const path of ["services/web", "services/db"])
    assert.deepEqual((await api.ok("GET", `${at}/${path}`)).instances, []);
  await api.refused(404, "not-found", "GET", `${at}/config/a/key`);
  await api.refused(404, "not-found", "POST", `${at}/leases/l1/renew`);
  await api.refused(404, "not-found", "DELETE", `${at}/leases/l1`);
  await api.refused(404, "not-found", "GET", `${at}/leases/l1`);
  const { commits } = await api.ok("GET", `${at}/watch?after=${revision - 1}&wait=1s`);
  assert.equal(commits.length, 1, "all in one revision");
  assert.equal(commits[0].changes.length, 4);
});

test("a name is chosen when none is given", async () => {
  const at = `/v2/${nextAccount()}`;
  const one = await api.ok("POST", `${at}/leases`, { ttl: 10 });
  const two = await api.ok("POST", `${at}/leases`, { ttl: "10s" });
  assert.notEqual(one.lease, two.lease);
  assert.equal(one.ttlMs, two.ttlMs);
  for (const body of [{}, { ttl: 0 }, { ttl: "1ms" }, { ttl: "10s", lease: "renew" }, { ttl: "10s", lease: "\u0000x" }])
    await api.refused(400, "invalid", "POST", `${at}/leases`, body);
});

test("an instance's own lease is renewed by its name, slash and all", async () => {
  const at = `/v2/${nextAccount()}`;
  const { lease } = await api.ok("PUT", `${at}/services/web/instances/w1`, { address: "h", ttl: "20s" });
  assert.deepEqual(await api.ok("POST", `${at}/leases/${encodeURIComponent(lease)}/renew`), { ttlMs: 20_000 });
});

test("many leases are renewed at once, and the missing ones named", async () => {
  const at = `/v2/${nextAccount()}`;
  const leases = Array.from({ length: 200 }, (_, i) => `l${i}`);
  await Promise.all(leases.map((lease) => api.ok("POST", `${at}/leases`, { lease, ttl: "60s" })));
  const answer = await api.ok("POST", `${at}/leases/renew`, { leases: [...leases, "no", "l1", ""] });
  assert.deepEqual(answer, { renewed: 201, missing: ["no", ""] });
  assert.deepEqual(await api.ok("POST", `${at}/leases/renew`, { leases: [] }), { renewed: 0, missing: [] });
  assert.ok((await api.ok("GET", `${at}/leases/l7`)).beats === 1);
  const many = { leases: Array.from({ length: 10_001 }, () => "x") };
  await api.refused(413, "too-large", "POST", `${at}/leases/renew`, many);
  assert.match(
    await api.refused(400, "invalid", "POST", `${at}/leases/renew`, { leases: ["a", 5] }),
    /leases\[1\] must be a string, not 5/,
  );
});

test("leases are listed in order, page by page", async () => {
  const at = `/v2/${nextAccount()}`;
  const names = Array.from({ length: 25 }, (_, i) => `l${String((i * 7) % 25).padStart(2, "0")}`);
  for (const lease of names) await api.ok("POST", `${at}/leases`, { lease, ttl: "60s" });
  const seen: string[] = [];
  let from: string | null = "";
  while (from !== null) {
    const page: { leases: { lease: string }[]; next: string | null } = await api.ok(
      "GET",
      `${at}/leases?limit=4&from=${from}`,
    );
    seen.push(...page.leases.map((one: { lease: string }) => one.lease));
    from = page.next;
  }
  assert.deepEqual(seen, [...names].sort());
});

test("an open session keeps a lease alive; its loss lets the ttl run", async () => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("POST", `${at}/leases`, { lease: "s1", ttl: "2s" });
  await api.ok("PUT", `${at}/services/web/instances/w1`, { address: "h", lease: "s1" });
  const session = await openStream({ after }, `${rollcall.url}${at}/leases/s1/session`);
  assert.equal(session.headers["content-type"], "text/event-stream; charset=utf-8");
  const ready = await session.find((event) => event.event === "ready");
  assert.equal(ready.json().ttlMs, 2000);
  await new Promise((resolve) => setTimeout(resolve, 4500));
  await api.ok("GET", `${at}/services/web/instances/w1`);
  const lostMs = performance.now();
  session.close();
  await until(async () => (await api.call("GET", `${at}/services/web/instances/w1`)).status === 404);
  const tookMs = performance.now() - lostMs;
  assert.ok(tookMs > 1000, `ended ${tookMs} ms after the connection was lost`);
  await api.refused(404, "not-found", "GET", `${at}/leases/s1/session`);
});

test("with linger a lease lapses soon after its connection ended, unless that is taken up again", async () => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("PUT", `${at}/services/web/instances/w1`, { address: "h", ttl: "10m" });
  const path = `${at}/leases/${encodeURIComponent("web/w1")}/session`;
  const open = async (query: string) => {
    const session = await openStream({ after }, `${rollcall.url}${path}${query}`);
    await session.find((event) => event.event === "ready");
    return session;
  };
  const isThere = async () => (await api.call("GET", `${at}/services/web/instances/w1`)).status === 200;
  for (const linger of ["", "soon", "49ms", "2h"]) await api.refused(400, "invalid", "GET", `${path}?linger=${linger}`);
  const first = await open("?linger=2s");
  first.close();
  const second = await open("?linger=100ms");
  await new Promise((resolve) => setTimeout(resolve, 2500));
  assert.ok(await isThere(), "it was taken up again");
  const third = await open("");
  second.close();
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(await isThere(), "another connection holds it");
  const fourth = await open("?linger=100ms");
  third.close();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const lostMs = performance.now();
  fourth.close();
  await until(async () => !(await isThere()));
  const tookMs = performance.now() - lostMs;
  assert.ok(tookMs > 80 && tookMs < 2000, `ended ${tookMs} ms after the connection was lost`);
  const { events } = await api.ok("GET", `${at}/events?type=instance.expired`);
  assert.equal(events.at(-1).instance, "w1");
  assert.match(events.at(-1).reason, /^its connection ended, and was not taken up again for [0-9.]+ m?s, ttl 10 min; /);
});

test("a session is told when its lease ends, and when the registry stops", async (context) => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("POST", `${at}/leases`, { lease: "s1", ttl: "2s" });
  const session = await openStream({ after }, `${rollcall.url}${at}/leases/s1/session`);
  await session.find((event) => event.event === "ready");
  await api.ok("DELETE", `${at}/leases/s1`);
  assert.equal((await session.find((event) => event.event === "ended")).json().lease, "s1");
  await until(() => session.ended);

  const other = await startRollcall(context);
  const theirs = openApi(other.url);
  await theirs.ok("POST", "/v2/default/leases", { lease: "s1", ttl: "60s" });
  const open = await openStream(context, `${other.url}/v2/default/leases/s1/session`);
  await open.find((event) => event.event === "ready");
  const stopped = other.stop();
  await open.find((event) => event.event === "bye");
  await until(() => open.ended);
  assert.equal((await stopped).code, 0);
});

test("protection holds many that lapse at once; an operator lets them go", async () => {
  const at = `/v2/${nextAccount()}`;
  // At once: one after the other, on a busy machine, the first would be gone before the last has come.
  const ids = Array.from({ length: 12 }, (_, i) => `w${i}`);
  await Promise.all(ids.map((id) => api.ok("PUT", `${at}/services/web/instances/${id}`, { address: "h", ttl: "4s" })));
  const held = await until(async () => {
    const { leases } = await api.ok("GET", `${at}/held`);
    return leases.length === 12 && leases;
  });
  assert.match(held[0].held.reason, /fell silent/);
  const { instances } = await api.ok("GET", `${at}/services/web`);
  assert.equal(instances.length, 12, "held instances stay listed");
  assert.notEqual(instances[0].held, null);
  assert.equal(
    (await api.ok("POST", `${at}/subscribe`, { subscribes: [{ provider: "web" }] })).endpoints.length,
    12,
    "and usable",
  );
  const explained = await api.ok("GET", `${at}/services/web/instances/w0/explain`);
  assert.match(explained.summary, /It is held since/);
  await api.ok("POST", `${at}/services/web/instances/w0/heartbeat`);
  await until(async () => (await api.ok("GET", `${at}/services/web/instances/w0`)).held === null);
  // What follows may take longer than its ttl.
  await api.ok("PUT", `${at}/services/web/instances/w0`, { address: "h", ttl: "10m" });
  const one = await api.ok("POST", `${at}/held/release`, { leases: ["web/w5", "web/none"] });
  assert.deepEqual([one.released, one.missing], [1, ["web/none"]]);
  await api.refused(404, "not-found", "POST", `${at}/held/release`, { leases: ["web/w5"] });
  await api.refused(404, "not-found", "POST", `${at}/held/release`, { service: "none" });
  await api.refused(400, "invalid", "POST", `${at}/held/release`, { leases: ["web/w1"], service: "web" });
  await api.refused(404, "not-found", "GET", `${at}/services/web/instances/w5`);
  assert.equal((await api.ok("POST", `${at}/held/release`)).released, 10);
  assert.ok((await api.ok("GET", `${at}/services/web`)).instances.length <= 1);
});
