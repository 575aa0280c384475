/** register, unregister, subscribe, and the consumers that subscribing makes known. */
import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { after, test } from "node:test";
import type { InstanceRecord } from "../../packages/registry/src/core/index.ts";
import { toAddr } from "../../packages/registry/src/native/catalog/endpoints.ts";
import { startRollcall } from "../harness/program.ts";
import { openStream, request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after }, { dialects: "http,dns,eureka,consul" });
const api = openApi(rollcall.url);

const endpoint = {
  application: "provider_test",
  protocol: "http",
  addr: "127.0.0.1:8080",
  meta: { cluster: "small", idc: "shanghai", tag: "read" },
};
const toProvider = { subscribes: [{ provider: "provider_test", protocol: "http", meta: { idc: "shanghai" } }] };

test("an endpoint comes back in the shape that was registered", async () => {
  const at = `/v2/${nextAccount()}`;
  const { version } = await api.ok("POST", `${at}/register`, endpoint);
  const found = await api.ok("POST", `${at}/subscribe`, toProvider);
  assert.deepEqual(found.endpoints, [endpoint]);
  assert.equal(typeof version, "string");
  const [instance] = (await api.ok("GET", `${at}/services/provider_test`)).instances;
  assert.equal(instance.id, "http@127.0.0.1:8080");
  assert.equal(instance.address, "127.0.0.1");
  assert.equal(instance.port, 8080);
  assert.equal(instance.ttlMs, 30_000);
});

test("an IPv6 address is in brackets once, however it was registered", async () => {
  const at = `/v2/${nextAccount()}`;
  for (const [id, address] of Object.entries({ plain: "::1", bracketed: "[::1]" })) {
    await api.ok("PUT", `${at}/services/s/instances/${id}`, { address, port: 80 });
    assert.equal((await api.ok("GET", `${at}/services/s/instances/${id}`)).address, "::1");
  }
  const { endpoints } = await api.ok("POST", `${at}/subscribe`, { subscribes: [{ provider: "s" }] });
  assert.deepEqual(
    endpoints.map((one: { addr: string }) => one.addr),
    ["[::1]:80", "[::1]:80"],
  );
  // Brought along by a protocol that stores what it is told.
  assert.equal(toAddr({ address: "[::1]", ports: { default: 80 } } as unknown as InstanceRecord), "[::1]:80");
});

test("a version or zone of several lines stays in meta alone", async () => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("POST", `${at}/register`, { ...endpoint, meta: { version: "1\n2", zone: "east" } });
  const [instance] = (await api.ok("GET", `${at}/services/provider_test`)).instances;
  assert.deepEqual([instance.version, instance.zone, instance.meta.version], ["", "east", "1\n2"]);
});

test("the version changes exactly when the endpoints do", async () => {
  const at = `/v2/${nextAccount()}`;
  const version = async () => (await api.ok("POST", `${at}/subscribe`, toProvider)).version;
  const none = await version();
  await api.ok("POST", `${at}/register`, endpoint);
  const one = await version();
  assert.notEqual(one, none);
  await api.ok("POST", `${at}/register`, endpoint);
  assert.equal(await version(), one, "the same again");
  await api.ok("POST", `${at}/register`, { ...endpoint, addr: "127.0.0.1:9", protocol: "grpc" });
  assert.equal(await version(), one, "another protocol");
  await api.ok("POST", `${at}/register`, { ...endpoint, addr: "127.0.0.1:9", meta: { idc: "beijing" } });
  assert.equal(await version(), one, "meta that does not match");
  await api.ok("POST", `${at}/register`, { ...endpoint, meta: { ...endpoint.meta, tag: "write" } });
  const changed = await version();
  assert.notEqual(changed, one, "other meta of a matching endpoint");
  await api.ok("POST", `${at}/register`, endpoint);
  assert.equal(await version(), one, "and back");
  await api.ok("POST", `${at}/unregister`, endpoint);
  assert.equal(await version(), none);
  await api.ok("POST", `${at}/unregister`, endpoint);
});

test("a version outlives the registry", async () => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("POST", `${at}/register`, endpoint);
  const first = await api.ok("POST", `${at}/subscribe`, toProvider);
  await rollcall.restart();
  assert.deepEqual(await api.ok("POST", `${at}/subscribe`, toProvider), first);
});

test("meta selects endpoints that have all its pairs; without protocol any will do", async () => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("POST", `${at}/register`, endpoint);
  await api.ok("POST", `${at}/register`, { application: "provider_test", protocol: "grpc", addr: "[::1]:81" });
  const find = async (want: object) =>
    (await api.ok("POST", `${at}/subscribe`, { subscribes: [{ provider: "provider_test", ...want }] })).endpoints.map(
      (one: { addr: string }) => one.addr,
    );
  assert.deepEqual(await find({}), ["[::1]:81", "127.0.0.1:8080"]);
  assert.deepEqual(await find({ meta: endpoint.meta }), ["127.0.0.1:8080"]);
  assert.deepEqual(await find({ meta: { idc: "shanghai", no: "x" } }), []);
  assert.deepEqual(await find({ meta: { toString: "x" } }), []);
  const two = { subscribes: [{ provider: "provider_test" }, { provider: "provider_test", protocol: "http" }] };
  assert.equal((await api.ok("POST", `${at}/subscribe`, two)).endpoints.length, 2, "an endpoint comes once");
});

test("instances that came another way are endpoints too, when they are usable", async () => {
  const at = `/v2/${nextAccount()}`;
  const put = (id: string, body: object) => api.ok("PUT", `${at}/services/provider_test/instances/${id}`, body);
  await put("a", { address: "10.0.0.1", port: 80, protocol: "http", meta: { idc: "shanghai" }, status: "warning" });
  await put("b", { address: "10.0.0.2", port: 80, protocol: "http", meta: { idc: "shanghai" }, status: "critical" });
  const { endpoints } = await api.ok("POST", `${at}/subscribe`, toProvider);
  assert.deepEqual(endpoints, [
    { application: "provider_test", protocol: "http", addr: "10.0.0.1:80", meta: { idc: "shanghai" } },
  ]);
});

test("a subscription waits for another version", async () => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("POST", `${at}/register`, endpoint);
  const { version } = await api.ok("POST", `${at}/subscribe`, toProvider);
  const startMs = performance.now();
  const same = await api.ok("POST", `${at}/subscribe`, { ...toProvider, version, wait: "300ms" });
  assert.ok(performance.now() - startMs >= 290);
  assert.equal(same.version, version);
  let answered = false;
  const poll = api.ok("POST", `${at}/subscribe`, { ...toProvider, version, wait: "20s" }).then((answer) => {
    answered = true;
    return answer;
  });
  await until(async () => (await api.ok("GET", `${at}/consumers`)).consumers.length > 0);
  await api.ok("POST", `${at}/register`, { ...endpoint, addr: "127.0.0.1:9", meta: {} });
  assert.equal(answered, false, "the endpoints that it asked for are the same");
  await api.ok("POST", `${at}/register`, { ...endpoint, addr: "127.0.0.1:10" });
  assert.equal((await poll).endpoints.length, 2);
});

test("an endpoint goes without a sign of life, and registering is one", async () => {
  const at = `/v2/${nextAccount()}`;
  const short = { ...endpoint, ttl: "1s" };
  await api.ok("POST", `${at}/register`, short);
  for (let i = 0; i < 8; i++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await api.ok("POST", `${at}/register`, short);
  }
  assert.equal((await api.ok("POST", `${at}/subscribe`, toProvider)).endpoints.length, 1);
  const { endpoints, version } = await api.ok("POST", `${at}/subscribe`, toProvider);
  assert.equal(endpoints.length, 1);
  const gone = await api.ok("POST", `${at}/subscribe`, { ...toProvider, version, wait: "5s" });
  assert.deepEqual(gone.endpoints, []);
});

test("lookups of other protocols tell who depends on what, by the instance at the address", async () => {
  const at = "/v2/default";
  await api.ok("PUT", `${at}/services/ledger/instances/l1`, { address: "10.0.0.1", port: 80, ttl: 0 });
  type Told = { consumer: string; provider: string; source: string; instance: object | null };
  const told = async (query = ""): Promise<unknown[]> => {
    const { consumers } = await api.ok("GET", `${at}/consumers?provider=ledger${query}`);
    return consumers.map(({ consumer, source, instance }: Told) => [consumer, source, instance]);
  };
  assert.deepEqual(await told(), []);
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${rollcall.port("dns")}`]);
  for (let nth = 0; nth < 2; nth++) assert.deepEqual(await resolver.resolve4("ledger.rollcall"), ["10.0.0.1"]);
  assert.deepEqual(await told(), [["127.0.0.1", "dns", null]]);
  const ask = async (dialect: string, path: string, status = 200) =>
    assert.equal((await request(`http://127.0.0.1:${rollcall.port(dialect)}${path}`)).status, status, path);
  await ask("consul", "/v1/health/service/ledger");
  await ask("eureka", "/eureka/apps/LEDGER");
  await ask("eureka", "/eureka/apps/NONE", 404);
  await ask("eureka", "/eureka/apps");
  // One instance at the address: it is that one that asks.
  await api.ok("PUT", `${at}/services/shop/instances/s1`, { address: "127.0.0.1", ttl: 0 });
  const instance = { service: "shop", id: "s1" };
  assert.deepEqual(await told(), [
    ["shop", "consul", instance],
    ["shop", "dns", instance],
    ["shop", "eureka", instance],
  ]);
  assert.equal((await told("&consumer=shop")).length, 3);
  const summary = (await api.ok("GET", `${at}/services`)).services.find(
    ({ service }: { service: string }) => service === "ledger",
  );
  assert.equal(summary.consumers, 1, "one consumer, whatever it asks by");
  await api.ok("PUT", `${at}/services/pay/instances/p1`, { address: "127.0.0.1", ttl: 0 });
  assert.deepEqual((await told())[0], ["127.0.0.1", "consul", null]);
  await api.refused(400, "invalid", "GET", `${at}/consumers?consumer=`);
});

test("who subscribes is kept over a stop, and readable", async () => {
  const at = `/v2/${nextAccount()}`;
  const body = { ...toProvider, application: "shop" };
  await api.ok("POST", `${at}/subscribe`, body);
  const { consumers } = await api.ok("GET", `${at}/consumers`);
  assert.deepEqual(
    consumers.map(({ since: _, lastSeenAt: __, ...rest }: { since: string; lastSeenAt: string }) => rest),
    [{ consumer: "shop", provider: "provider_test", protocol: "http", source: "subscription", instance: null }],
  );
  assert.ok(consumers[0].lastSeenAt >= consumers[0].since);
  const revision = async (): Promise<number> => (await api.ok("GET", "/v2/_/status")).revision;
  // Leases of other accounts may end meanwhile.
  const writesNothing = async (): Promise<boolean> => {
    const before = await revision();
    for (let i = 0; i < 5; i++) await api.ok("POST", `${at}/subscribe`, body);
    return (await revision()) === before;
  };
  await until(writesNothing, { what: "polls write nothing" });
  await rollcall.stop();
  await rollcall.restart();
  const untimed = (all: { lastSeenAt: string }[]) => all.map((one) => ({ ...one, lastSeenAt: "" }));
  assert.deepEqual(untimed((await api.ok("GET", `${at}/consumers`)).consumers), untimed(consumers));
  assert.equal((await api.ok("GET", `${at}/consumers?consumer=shop`)).consumers.length, 1);
  assert.deepEqual((await api.ok("GET", `${at}/consumers?consumer=other`)).consumers, []);
  assert.deepEqual((await api.ok("GET", `${at}/consumers?provider=other`)).consumers, []);
  assert.deepEqual((await api.ok("GET", `${at}/leases`)).leases, [], "the lease behind it is nobody's business");
  assert.deepEqual((await api.ok("GET", `${at}/config?prefix=`)).keys, [], "nor are its keys");
  assert.deepEqual((await api.ok("GET", `${at}/events?after=0`)).events, []);
  await api.refused(403, "forbidden", "GET", `${at}/config/%00http/consumers/`);
});

test("a subscription without a name is its address; a watch with ?consumer= counts too", async () => {
  const at = `/v2/${nextAccount()}`;
  await api.ok("POST", `${at}/subscribe`, toProvider);
  const stream = await openStream({ after }, `${rollcall.url}${at}/watch?service=db&consumer=reports`);
  assert.equal(stream.status, 200);
  const names = await until(async () => {
    const { consumers } = await api.ok("GET", `${at}/consumers`);
    return consumers.length === 2 && consumers.map((one: { consumer: string }) => one.consumer).sort();
  });
  assert.deepEqual(names, ["127.0.0.1", "reports"]);
});

test("a reader that names hundreds of consumers writes nothing, and takes nothing from who registers", async (context) => {
  const own = openApi((await startRollcall(context)).url);
  await own.ok("PUT", "/v2/_/accounts/a", { leasesMax: 20, keysMax: 20 });
  const register = (id: number) => own.ok("PUT", `/v2/a/services/web/instances/${id}`, { address: "h", ttl: "60s" });
  const { revision } = await register(0);
  for (let i = 0; i < 50; i++) {
    await own.ok("GET", `/v2/a/services/web?consumer=get${i}`);
    await own.ok("POST", "/v2/a/subscribe", { ...toProvider, application: `post${i}` });
  }
  const stream = await openStream(context, `${own.url}/v2/a/watch?service=web&service=db&consumer=stream`);
  assert.equal(stream.status, 200);
  await until(async () => (await own.ok("GET", "/v2/a/consumers")).consumers.length === 102);
  assert.equal((await own.ok("GET", "/v2/_/status")).revision, revision);
  for (let i = 1; i < 20; i++) assert.equal((await register(i)).revision, revision + i);
});

test("what is no endpoint is refused with a reason", async () => {
  const at = `/v2/${nextAccount()}`;
  const bad: [object, RegExp][] = [
    [{ ...endpoint, addr: "nowhere" }, /host:port/],
    [{ ...endpoint, addr: "h:99999" }, /host:port/],
    [{ ...endpoint, addr: "::1:80" }, /host:port/],
    [{ ...endpoint, addr: "a/b:80" }, /host:port/],
    [{ ...endpoint, application: "" }, /application/],
    [{ ...endpoint, application: "a/b" }, /service name/],
    [{ ...endpoint, protocol: "" }, /protocol/],
    [{ ...endpoint, meta: { a: 1 } }, /meta\.a must be a string/],
    [{ ...endpoint, ttl: "1ms" }, /ttl/],
    [{ ...endpoint, extra: 1 }, /unknown field extra/],
    [{ application: "a", protocol: "http" }, /addr/],
  ];
  for (const [body, reason] of bad)
    assert.match(await api.refused(400, "invalid", "POST", `${at}/register`, body), reason);
  for (const body of [{ subscribes: [{}] }, { subscribes: ["x"] }, { subscribes: [{ provider: "" }] }, {}])
    await api.refused(400, "invalid", "POST", `${at}/subscribe`, body);
});
