/** Since and until when, by whom, and how usable: what instances, services and commits say of it; filters of events. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { startRollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

const idsOf = (page: { events: { id: string }[] }): string[] => page.events.map(({ id }) => id);

test("a status says since when it is so, over restarts of what leads to it, and so does a check", async () => {
  const at = `/v2/${nextAccount()}/services/web/instances/w1`;
  const whole = { address: "h", ttl: 0, checks: [{ id: "c", status: "passing" }] };
  await api.ok("PUT", at, whole);
  const first = await api.ok("GET", at);
  assert.equal(first.statusSince, first.createdAt);
  assert.equal(first.checks[0].since, first.createdAt);
  await api.ok("PUT", `${at}/checks/c`, { status: "critical" });
  const bad = await api.ok("GET", at);
  assert.ok(bad.statusSince >= first.createdAt);
  assert.equal(bad.statusSince, bad.checks[0].since);
  assert.equal(bad.statusSince, bad.updatedAt);
  // Other things change; the status does not.
  await api.ok("PUT", `${at}/checks/c`, { status: "critical", output: "still" });
  await api.ok("PUT", at, { ...whole, version: "2", checks: [{ id: "c" }] });
  const later = await api.ok("GET", at);
  assert.equal(later.version, "2");
  assert.equal(later.statusSince, bad.statusSince);
  assert.equal(later.checks[0].since, bad.checks[0].since);
  // The same again is no change, whatever is dated.
  const { revision } = await api.ok("PUT", at, { ...whole, version: "2", checks: [{ id: "c" }] });
  assert.equal(revision, later.modRevision);
});

test("an override has a reason and an end, and ends by itself", async () => {
  const at = `/v2/${nextAccount()}/services/web/instances/w1`;
  await api.ok("PUT", at, { address: "h", ttl: 0 });
  await api.ok("PUT", `${at}/override`, { status: "draining", reason: "deploy", ttl: "1s" });
  const { override } = await api.ok("GET", at);
  assert.ok(Math.abs(Date.parse(override.until) - Date.parse(override.since) - 1000) < 500);
  assert.deepEqual(
    { ...override, since: "", until: "" },
    { status: "draining", reason: "deploy", by: null, since: "", until: "" },
  );
  await until(async () => (await api.ok("GET", at)).override === null, { what: "the override ends" });
  await api.ok("PUT", `${at}/override`, { status: "critical" });
  assert.deepEqual((await api.ok("GET", at)).override.until, null);
  await api.refused(400, "invalid", "PUT", `${at}/override`, { status: "critical", ttl: "1ms" });
  await api.refused(413, "too-large", "PUT", `${at}/override`, { status: "critical", reason: "x".repeat(1025) });
});

test("a word on many at once: all that match, one commit, and what would become of it before", async () => {
  const account = nextAccount();
  const at = `/v2/${account}`;
  const put = (service: string, id: string, body: object) =>
    api.ok("PUT", `${at}/services/${service}/instances/${id}`, { address: "h", ttl: 0, ...body });
  for (const id of ["1", "2", "3"]) await put("pay", id, { version: id === "3" ? "8" : "7", tags: ["blue"] });
  await put("cart", "1", { version: "7", meta: { team: "x" } });
  const drain = { filter: { version: "7" }, status: "draining", reason: "deploy" };
  const dry = await api.ok("POST", `${at}/overrides`, { ...drain, dry: true });
  const services = [
    { service: "cart", matched: 1, instances: 1, usable: 1, usableAfter: 0 },
    { service: "pay", matched: 2, instances: 3, usable: 3, usableAfter: 1 },
  ];
  assert.deepEqual(dry, { revision: dry.revision, dry: true, matched: 3, changed: 3, services });
  assert.equal((await api.ok("GET", `${at}/services/cart`)).instances[0].override, null);
  const done = await api.ok("POST", `${at}/overrides`, drain);
  assert.deepEqual(done, { revision: dry.revision + 1, dry: false, matched: 3, changed: 3, services });
  const { instances } = await api.ok("GET", `${at}/services/pay`);
  const overrides = instances.map((one: { id: string; override: { status: string; reason: string } | null }) => [
    one.id,
    one.override?.status,
    one.override?.reason,
  ]);
  assert.deepEqual(overrides, [
    ["1", "draining", "deploy"],
    ["2", "draining", "deploy"],
    ["3", undefined, undefined],
  ]);
  const some = { service: "pay", zone: "", protocol: "", status: ["draining"], tags: ["blue"], meta: {} };
  const back = await api.ok("POST", `${at}/overrides`, { filter: some, status: null });
  assert.deepEqual([back.matched, back.changed], [2, 2]);
  assert.equal((await api.ok("POST", `${at}/overrides`, { filter: { service: "none" }, status: null })).matched, 0);
  const limit = { filter: { meta: { team: "x" } }, status: "critical", ttl: "10m" };
  assert.equal((await api.ok("POST", `${at}/overrides`, limit)).changed, 1);
  assert.notEqual((await api.ok("GET", `${at}/services/cart`)).instances[0].override.until, null);
  for (const bad of [
    {},
    { filter: {}, status: null },
    { filter: { version: "7" } },
    { filter: { version: "7" }, status: "fine" },
    { filter: { colour: "red" }, status: null },
    { filter: { status: ["fine"] }, status: null },
    { filter: [], status: null },
    { filter: { version: "7" }, status: null, dry: "yes" },
    { filter: { version: "7" }, status: "critical", ttl: "1ms" },
  ])
    await api.refused(400, "invalid", "POST", `${at}/overrides`, bad);
});

test("a node says its time, what it takes and holds at most, and who shares the registry", async () => {
  const account = nextAccount();
  await api.ok("PUT", `/v2/${account}/services/web/instances/w1`, { address: "h" });
  const body = await api.ok("GET", "/v2/_/status");
  assert.ok(Math.abs(Date.parse(body.now) - Date.now()) < 60_000);
  assert.ok(body.store.diskBytes > 0 && body.memory.residentBytes > body.memory.heapBytes / 2);
  assert.ok(body.oldest.revision > body.floor && Date.parse(body.oldest.at) <= Date.parse(body.now));
  assert.equal(body.protection.instancesMin, 10);
  const row = body.accounts.find((one: { account: string }) => one.account === account);
  assert.ok(row.limits.instancesMax > 0);
  const { members } = await api.ok("GET", "/v2/_/members");
  assert.deepEqual(
    members.map((one: object) => ({ ...one, since: "", lastSeenAt: "", leases: 1 })),
    [
      {
        ...{ node: body.node, self: true, role: "alone", address: null, reached: true, version: body.version },
        ...{ since: "", lastSeenAt: "", leases: 1, revision: body.revision, lag: { revisions: 0, ms: 0 } },
      },
    ],
  );
  const { revision: _, ...protection } = await api.ok("GET", `/v2/${account}/protection`);
  assert.deepEqual(protection, {
    ...{ state: "ready", limits: body.protection, live: 1, silent: 0, elsewhere: 0, held: 0, zones: {} },
    ...{ since: null, until: null, services: [] },
  });
});

test("a service says how many are usable, since when none is, and by what they came", async () => {
  const account = nextAccount();
  const at = `/v2/${account}/services/web/instances`;
  const sum = async () => (await api.ok("GET", `/v2/${account}/services`)).services[0];
  await api.ok("PUT", `${at}/w1`, { address: "h", ttl: 0, version: "1", zone: "a", status: "critical" });
  const never = await sum();
  assert.equal(never.unusableSince, (await api.ok("GET", `${at}/w1`)).createdAt);
  await api.ok("PUT", `${at}/w2`, { address: "h", ttl: 0, version: "2", zone: "a" });
  await api.ok("PUT", `${at}/w2/override`, { status: "warning" });
  const one = await sum();
  assert.equal(one.unusableSince, null);
  assert.deepEqual([one.instances, one.usable, one.overrides, one.via], [2, 1, 1, { http: 2 }]);
  assert.deepEqual(one.versions, { 1: { critical: 1 }, 2: { warning: 1 } });
  assert.deepEqual(one.zones, { a: { critical: 1, warning: 1 } });
  await api.ok("DELETE", `${at}/w2`);
  const none = await sum();
  assert.equal(none.unusableSince, none.changedAt);
  assert.ok(none.changedAt >= one.changedAt);
  await api.ok("GET", `/v2/${account}/services/web?consumer=shop`);
  await api.ok("GET", `/v2/${account}/services/web?consumer=shop&protocol=grpc`);
  assert.equal((await sum()).consumers, 1);
});

test("events are filtered, read backwards page by page, and within times", async () => {
  const account = nextAccount();
  const at = `/v2/${account}`;
  await api.ok("POST", `${at}/leases`, { lease: "shared", ttl: "60s" });
  for (const id of ["w1", "w2"])
    await api.ok("PUT", `${at}/services/web/instances/${id}`, { address: "h", ttl: "60s" });
  await api.ok("PUT", `${at}/services/db/instances/d1`, { address: "h", lease: "shared" });
  await api.ok("PUT", `${at}/config/a/b?lease=shared`, "1");
  await api.ok("PUT", `${at}/config/a/c`, "1");
  const feed = `${at}/events`;
  const all = await api.ok("GET", `${feed}?limit=1000`);
  assert.equal(all.next, null);
  assert.equal(all.oldest.revision, 1);
  assert.deepEqual(all.events[0].by, { token: null, dialect: "http", address: "127.0.0.1" });
  for (const [query, types] of [
    ["instance=w1", ["lease.granted", "instance.registered"]],
    ["service=web&instance=d1", []],
    ["lease=shared", ["lease.granted", "instance.registered", "key.put"]],
    ["key=a/b", ["key.put"]],
    ["prefix=a/", ["key.put", "key.put"]],
    ["type=instance.*&service=web", ["instance.registered", "instance.registered"]],
    ["until=-1h", []],
    ["since=-1h&type=key.*", ["key.put", "key.put"]],
    ["since=2100-01-01", []],
  ] as const) {
    const page = await api.ok("GET", `${feed}?${query}`);
    assert.deepEqual(
      page.events.map((event: { type: string }) => event.type),
      types,
      query,
    );
  }
  const brief = await api.ok("GET", `${feed}?brief&limit=2`);
  assert.ok(brief.events.every((event: object) => !("before" in event) && !("after" in event)));
  const seen: string[] = [];
  for (let next: string | null = brief.next; next !== null; ) {
    const page: { events: { id: string }[]; next: string | null } = await api.ok(
      "GET",
      `${feed}?before=${next}&limit=2`,
    );
    seen.unshift(...idsOf(page));
    next = page.next;
  }
  assert.deepEqual([...seen, ...idsOf(brief)], idsOf(all));
  const [second, , , last] = idsOf(all).slice(1);
  const between = await api.ok("GET", `${feed}?after=${second}&before=${last}`);
  assert.deepEqual(idsOf(between), idsOf(all).slice(2, 4));
  for (const bad of ["before=x", "since=yesterday", "until=12"])
    await api.refused(400, "invalid", "GET", `${feed}?${bad}`);
  await api.refused(400, "invalid", "GET", `${feed}?since=-1m`, undefined, {
    headers: { accept: "text/event-stream" },
  });
});

test("who asks is told who that is, and commits remember it", async () => {
  const closing = await startRollcall({ after });
  const open = openApi(closing.url);
  assert.deepEqual(await open.ok("GET", "/v2/_/whoami"), { open: true, token: null, role: "admin", accounts: [] });
  const { token: root } = await open.ok("POST", "/v2/_/tokens", { name: "root", role: "admin" });
  const admin = openApi(closing.url, { authorization: `Bearer ${root}` });
  const { id, token } = await admin.ok("POST", "/v2/_/tokens", { name: "ops", role: "writer", account: "shop" });
  await open.refused(401, "unauthorized", "GET", "/v2/_/whoami");
  const ops = openApi(closing.url, { authorization: `Bearer ${token}` });
  const at = "/v2/shop/services/web/instances/w1";
  await ops.ok("PUT", at, { address: "h", ttl: 0 });
  await ops.ok("PUT", `${at}/override`, { status: "draining" });
  assert.deepEqual(await ops.ok("GET", "/v2/_/whoami"), {
    open: false,
    token: { id, name: "ops", role: "writer", account: "shop" },
    role: "writer",
    accounts: ["shop"],
  });
  assert.equal((await ops.ok("GET", at)).override.by, "ops");
  const { events } = await ops.ok("GET", "/v2/shop/events?type=instance.*");
  const by = { token: { id, name: "ops" }, dialect: "http", address: "127.0.0.1" };
  assert.deepEqual(
    events.map((event: { by: unknown }) => event.by),
    [by, by],
  );
  // They are stored with what they did.
  await closing.restart();
  const again = openApi(closing.url, { authorization: `Bearer ${token}` });
  const kept = await again.ok("GET", "/v2/shop/events?type=instance.*");
  assert.deepEqual(kept.events, events);
  const { services } = await again.ok("GET", "/v2/shop/services");
  assert.equal(services[0].unusableSince, services[0].changedAt);
});

test("long answers are compressed for those who take them so, and say the same", async () => {
  const account = nextAccount();
  for (let nth = 0; nth < 40; nth++)
    await api.ok("PUT", `/v2/${account}/services/s${nth}/instances/i`, {
      address: "h",
      ttl: 0,
      meta: { a: "x".repeat(200) },
    });
  const headers = { "accept-encoding": "br, gzip" };
  for (const [path, isLong] of [
    [`/v2/${account}/instances`, true],
    [`/v2/${account}/services`, true],
    [`/v2/${account}/events?limit=100`, true],
    [`/v2/${account}/services/s1/instances/i`, false],
  ] as const) {
    const plain = await api.call("GET", path);
    const packed = await request(`${rollcall.url}${path}`, { headers });
    assert.equal(packed.headers["content-encoding"], isLong ? "gzip" : undefined, path);
    if (!isLong) continue;
    assert.equal(packed.headers.vary, "Accept-Encoding");
    assert.ok(packed.bytes.length * 4 < plain.bytes.length, path);
    assert.equal(gunzipSync(packed.bytes).toString(), plain.text);
  }
});
