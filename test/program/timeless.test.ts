/** Leases that live far beyond a week, and those without time, at every door that shows a ttl or a deadline. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { toServiceBody } from "../../packages/registry/src/dialects/rackspace/services/instances.ts";
import { commandLine } from "../cli/rig.ts";
import { instanceOf, openStoreRig } from "../embedded/rig.ts";
import { startRollcall } from "../harness/program.ts";
import { openStream, request } from "../harness/requests.ts";
import { temporaryDirectory } from "../harness/scope.ts";
import { openApi } from "../http/rig.ts";

const NEVER = { ttlMs: Number.POSITIVE_INFINITY };
const LONG = { ttlMs: 9e12 };

/** What a protocol to come leaves in the store. */
const data = join(temporaryDirectory({ after }), "data");
const store = await openStoreRig({ after }, data);
await store.done({ kind: "grant", lease: "connection", via: "test", ...NEVER });
await store.done({ kind: "grant", lease: "long", via: "test", ...LONG });
for (const [id, life] of Object.entries({ shared: { lease: "connection" }, own: NEVER, long: { lease: "long" } }))
  await store.done({ kind: "register", instance: instanceOf("api", id), life });
await store.close();

const rollcall = await startRollcall({ after }, { data, dialects: "http,rackspace,skydns,eureka" });
const api = openApi(rollcall.url);
const V2 = "/v2/default";
const { cli } = commandLine(rollcall.url);

test("the native API says null for what a lease without time does not have", async () => {
  await api.refused(400, "invalid", "GET", `${V2}/leases/connection/session?linger=100ms`);
  const { instances } = await api.ok("GET", `${V2}/services/api`);
  const shown = instances.map(({ id, lease, ttlMs }: Record<string, unknown>) => [id, lease, ttlMs]);
  assert.deepEqual(shown.sort(), [
    ["long", "long", 9e12],
    ["own", "api/own", null],
    ["shared", "connection", null],
  ]);
  const { leases } = await api.ok("GET", `${V2}/leases`);
  const times = leases.map(({ lease, ttlMs, expiresAt }: Record<string, unknown>) => [lease, ttlMs, expiresAt]);
  assert.deepEqual(
    times.map(([lease, ttlMs]: unknown[]) => [lease, ttlMs]),
    [
      ["api/own", null],
      ["connection", null],
      ["long", 9e12],
    ],
  );
  assert.deepEqual([times[0][2], times[1][2]], [null, null]);
  assert.ok(Date.parse(times[2][2]) > Date.now() + 8.9e12);
  assert.deepEqual(await api.ok("POST", `${V2}/services/api/instances/own/heartbeat`), { ttlMs: null });
  assert.deepEqual(await api.ok("POST", `${V2}/leases/connection/renew`), { ttlMs: null });
  const renewed = await api.ok("POST", `${V2}/leases/renew`, { leases: ["connection", "none"] });
  assert.deepEqual([renewed.renewed, renewed.missing], [1, ["none"]]);
  const { keptAliveBy, summary } = await api.ok("GET", `${V2}/services/api/instances/own/explain`);
  assert.deepEqual([keptAliveBy.ttlMs, keptAliveBy.expiresAt], [null, null]);
  assert.match(summary, /kept alive by lease api\/own without a ttl: the last heartbeat came .* ago\.$/);
  const { events } = await api.ok("GET", `${V2}/events?after=0`);
  const granted = events.find((one: { type: string; lease?: string }) => one.lease === "connection");
  assert.equal(granted.reason, "granted through test, without a ttl");
  assert.deepEqual([granted.after.ttlMs, granted.after.expiresAt], [null, null]);
});

test("a session over a lease with a long time, or none, beats at its beginning and then seldom", async (t) => {
  for (const [lease, ttlMs] of [
    ["long", 9e12],
    ["connection", null],
  ] as const) {
    const beats = async (): Promise<number> => (await api.ok("GET", `${V2}/leases/${lease}`)).beats;
    const before = await beats();
    const stream = await openStream(t, `${api.url}${V2}/leases/${lease}/session`);
    const ready = await stream.find(({ event }) => event === "ready");
    assert.equal(ready.json().ttlMs, ttlMs);
    // A timer that overflows runs at once, and again and again meanwhile.
    for (let i = 0; i < 30; i++) assert.equal(await beats(), before + 1);
  }
});

test("other protocols show it as they show what does not end", async () => {
  const eureka = `http://127.0.0.1:${rollcall.port("eureka")}/eureka/apps/API`;
  const { application } = (await request(eureka, { headers: { Accept: "application/json" } })).json();
  const durations = application.instance.map((one: Record<string, Record<string, unknown>>) => [
    one.instanceId,
    one.leaseInfo?.durationInSecs,
  ]);
  assert.deepEqual(durations.sort(), [
    ["long", 2 ** 31 - 1],
    ["own", 90],
    ["shared", 90],
  ]);
  const skydns = `http://127.0.0.1:${rollcall.port("skydns")}/skydns/services/own`;
  assert.equal((await request(skydns)).json().NoExpire, true);
  assert.equal((await request(skydns, { method: "PATCH", body: { TTL: 5 } })).status, 200);
  assert.equal((await api.ok("GET", `${V2}/services/api/instances/own`)).ttlMs, null, "a TTL gave it a time");
  const numbers = { createRevision: 1, modRevision: 1, createdAtMs: 0, grantedAtMs: 0, stampMs: 0, origin: "n" };
  const record = { ...instanceOf("api", "own"), lease: "api/own", override: null, held: null, ...numbers };
  const lease = { id: "api/own", via: "test", own: true, meta: {}, held: null, ...NEVER, ...numbers };
  assert.equal(toServiceBody(record, lease, () => 0).heartbeat_timeout, null);
  assert.equal((await request(`${rollcall.url}/sd/prometheus/default`)).status, 200);
});

test("the command line has words for it", async () => {
  const table = (await cli(["leases"])).stdout;
  assert.match(table, /^connection +- +never /m);
  assert.match(table, /^long +\d+d +in \d+d /m);
  assert.match((await cli(["leases", "connection"])).stdout, /^ttl +-\nends +never$/m);
  assert.match((await cli(["lease", "renew", "connection"])).stdout, /^connection renewed; it has no ttl$/m);
  assert.match((await cli(["explain", "api", "own"])).stdout, /^kept alive by +lease api\/own, without a ttl$/m);
  assert.match((await cli(["instances", "api"])).stdout, /^own .* - /m);
});
