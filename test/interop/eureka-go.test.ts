/** The Go client fargo 1.4.0, by itself and below go-kit 0.13.0, against the whole program: `go/eureka-client`. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { suite, type TestContext, test } from "node:test";
import { startCluster } from "../eureka/peers/rig.ts";
import { type Eureka, getNative, putNative, startEureka } from "../eureka/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { buildModule } from "./go-rig.ts";
import { type Driven, drive } from "./programs-rig.ts";

const program = await buildModule("eureka-client", requirePackage("golang-go", "go"));
const options = { skip: program.skip, timeout: 60_000 };

// biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
type View = Record<string, any>;

/** fargo speaks the one or the other. */
const FORMATS = ["XML", "JSON"] as const;
type Format = (typeof FORMATS)[number];

/** Starts it as `go-shop`, id `go:9001`. Its lease outlasts a busy machine. */
async function startService(
  t: TestContext,
  format: Format,
  servers: readonly string[],
  more: readonly string[] = [],
): Promise<Driven> {
  const json = format === "JSON" ? ["-json"] : [];
  return drive(program.start(t, ["-servers", servers.join(","), ...json, ...more]));
}

const PATH = "go-shop/go:9001";
const serverOf = ({ base }: Eureka) => `${base}/eureka/v2`;

const idsOf = (views: readonly View[] | null) => views?.map(({ id }) => id);
const isThere = async ({ rollcall }: Eureka) => (await getNative(rollcall, PATH)) !== undefined;

/** Most of their time passes in waiting. */
suite("fargo and go-kit", { concurrency: 4 }, () => {
  for (const format of FORMATS) {
    test(`fargo registers, beats, reads, changes and goes in ${format}`, options, (t) => livesOn(t, format));
    test(`fargo carries Amazon's data center in ${format}`, options, (t) => carriesAmazon(t, format));
    test(`what fargo and go-kit poll in ${format} follows the registry`, options, (t) => polls(t, format));
    test(`go-kit keeps a service in the registry in ${format}, until it dies`, options, (t) => keeps(t, format));
    test(`fargo says a token as its password in ${format}`, options, (t) => saysToken(t, format));
  }
  test("fargo asks servers in turn by chance, and peers are one to it", options, asksInTurn);
});

async function livesOn(t: TestContext, format: Format): Promise<void> {
  const eureka = await startEureka(t);
  const { rollcall } = eureka;
  const shop = { address: "10.0.0.7", port: 8080, meta: { "a.b": "ä <&>", my_key: "yes" }, zone: "z1" };
  await putNative(rollcall, "shop/s1", shop);
  const service = await startService(t, format, [serverOf(eureka)]);
  await assert.rejects(service.tell("heartbeat"), /heartbeat failed.*404|404/);
  await service.tell("register");
  await assertCarried(eureka, service, format);
  // Registering what is there already does nothing.
  await service.tell("register");
  await service.tell("heartbeat");
  await assertFound(service);
  await assertChanges(eureka, service);
  await service.tell("deregister");
  assert.equal(await getNative(rollcall, PATH), undefined);
  await assert.rejects(service.tell("deregister"), /404/);
  await assert.rejects(service.tell("app", { name: "GO-SHOP" }), /application not found/i);
  await assert.rejects(service.tell("instance", { name: "GO-SHOP", id: "go:9001" }), /404/);
  assert.deepEqual(Object.keys(await service.tell("apps")), ["SHOP"]);
}

async function carriesAmazon(t: TestContext, format: Format): Promise<void> {
  const eureka = await startEureka(t);
  const service = await startService(t, format, [serverOf(eureka)], ["-amazon", "-id", "i-1"]);
  await service.tell("register");
  const native = await getNative(eureka.rollcall, "go-shop/i-1");
  assert.equal(native?.zone, "eu-west-1c");
  const { dataCenter } = await service.tell<View>("instance", { name: "GO-SHOP", id: "i-1" });
  const { name, metadata } = dataCenter;
  const { "instance-id": id, "availability-zone": zone, "ami-id": ami } = metadata;
  assert.deepEqual([name, id, zone, ami], ["Amazon", "i-1", "eu-west-1c", "ami-7"]);
  assert.deepEqual((await service.tell("own")).dataCenter, dataCenter);
}

async function polls(t: TestContext, format: Format): Promise<void> {
  const eureka = await startEureka(t);
  const { rollcall } = eureka;
  await putNative(rollcall, "shop/s1", { address: "10.0.0.7", port: 8080 });
  const service = await startService(t, format, [serverOf(eureka)]);
  const kinds = [
    { kind: "app", name: "SHOP" },
    { kind: "updates", name: "SHOP" },
    { kind: "vip", name: "shop" },
    { kind: "instancer", name: "SHOP" },
  ];
  for (const kind of kinds) await service.tell("poll", kind);
  const waitFor = async (app: readonly string[], up: readonly string[], addresses: readonly string[]) => {
    const wanted = JSON.stringify([app, app, up, addresses]);
    const latest = () => Promise.all(kinds.map((kind) => service.tell<View[]>("latest", kind)));
    await until(
      async () => {
        const [first, second, third, last] = await latest();
        const seen = [first, second, third].map((views) => idsOf(views ?? null));
        return JSON.stringify([...seen, last]) === wanted;
      },
      { what: `${wanted} to be polled` },
    );
  };
  await waitFor(["s1"], ["s1"], ["10.0.0.7:8080"]);
  await putNative(rollcall, "shop/s2", { address: "10.0.0.8", port: 8081 });
  await waitFor(["s1", "s2"], ["s1", "s2"], ["10.0.0.7:8080", "10.0.0.8:8081"]);
  await putNative(rollcall, "shop/s1", { address: "10.0.0.7", port: 8080, status: "critical" });
  await waitFor(["s1", "s2"], ["s2"], ["10.0.0.7:8080", "10.0.0.8:8081"]);
  await request(`${rollcall.url}/v2/default/services/shop/instances/s1`, { method: "DELETE" });
  await waitFor(["s2"], ["s2"], ["10.0.0.8:8081"]);
}

async function keeps(t: TestContext, format: Format): Promise<void> {
  const eureka = await startEureka(t);
  const { rollcall } = eureka;
  const service = await startService(t, format, [serverOf(eureka)], ["-lease", "5"]);
  await service.tell("keep");
  assert.equal((await getNative(rollcall, PATH))?.status, "passing");
  // A server that lost all answers 404 to the next heartbeat, and is told again.
  await rollcall.kill("SIGKILL");
  await rm(rollcall.data, { recursive: true });
  await rollcall.restart();
  await until(() => isThere(eureka), { what: "it to register again" });
  await service.tell("leave");
  assert.equal(await isThere(eureka), false);
  await service.tell("keep");
  // By its heartbeats it outlives its lease, and is not registered again.
  const kept = await getNative(rollcall, PATH);
  const lease = `${rollcall.url}/v2/default/leases/${encodeURIComponent(PATH)}`;
  await until(async () => (await request(lease)).json().beats >= 6, { what: "six heartbeats", timeoutMs: 20_000 });
  assert.equal((await getNative(rollcall, PATH))?.modRevision, kept?.modRevision);
  assert.ok(kept?.modRevision > 0);
  const startMs = performance.now();
  await service.program.kill("SIGKILL");
  await until(async () => !(await isThere(eureka)), { what: "its lease to end" });
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 6500, `${tookMs} ms for a lease of 5 s`);
}

async function saysToken(t: TestContext, format: Format): Promise<void> {
  const eureka = await startEureka(t);
  const { rollcall, base } = eureka;
  const { token } = (await request(`${rollcall.url}/v2/_/tokens`, { body: { name: "root", role: "admin" } })).json();
  const stranger = await startService(t, format, [serverOf(eureka)]);
  await assert.rejects(stranger.tell("register"), /401/);
  const service = await startService(t, format, [`${base.replace("//", `//service:${token}@`)}/eureka`]);
  await service.tell("register");
  await service.tell("heartbeat");
  assert.ok(await getNative(rollcall, PATH, token));
  assert.deepEqual(Object.keys(await service.tell("apps")), ["GO-SHOP"]);
  await service.tell("deregister");
  assert.equal(await getNative(rollcall, PATH, token), undefined);
}

async function asksInTurn(t: TestContext): Promise<void> {
  const cluster = await startCluster(t, 2);
  const service = await startService(t, "XML", cluster.map(serverOf));
  await service.tell("register");
  for (const node of cluster) await until(() => isThere(node), { what: "both to have it" });
  for (let beat = 0; beat < 10; beat++) await service.tell("heartbeat");
  await service.tell("status", { value: "OUT_OF_SERVICE" });
  for (const { rollcall } of cluster)
    await until(async () => (await getNative(rollcall, PATH))?.status === "draining", { what: "both to be told" });
  await service.tell("deregister");
  for (const node of cluster) await until(async () => !(await isThere(node)), { what: "it to be gone from both" });
}

/** It is in the native API what it said it is, and it reads itself and a native instance back whole. */
async function assertCarried({ rollcall }: Eureka, service: Driven, format: Format): Promise<void> {
  const native = await getNative(rollcall, PATH);
  assert.deepEqual([native?.address, native?.status, native?.ports], ["127.0.0.1", "passing", { default: 9001 }]);
  assert.deepEqual([native?.meta.colour, native?.meta["some.key"]], ["blue", "ö <&>"]);
  const own = await service.tell<View>("instance", { name: "GO-SHOP", id: "go:9001" });
  assert.deepEqual([own.hostName, own.ipAddr, own.app, own.status], ["127.0.0.1", "127.0.0.1", "GO-SHOP", "UP"]);
  assert.deepEqual([own.port, own.portEnabled, own.securePort, own.securePortEnabled], [9001, true, 9443, false]);
  assert.deepEqual([own.vip, own.secureVip, own.countryId], ["go.vip,go.second", "go.svip", 1]);
  const url = "http://127.0.0.1:9001/";
  assert.deepEqual([own.homePageUrl, own.statusPageUrl, own.healthCheckUrl], [url, `${url}info`, `${url}health`]);
  assert.deepEqual(own.metadata, { colour: "blue", "some.key": "ö <&>" });
  assert.deepEqual([own.lease.renewalIntervalInSecs, own.lease.durationInSecs], [1, 15]);
  assert.equal(own.dataCenter.name, "MyOwn");
  // After it has registered it reads itself back, the times that the server knows among it.
  const timeless = ({ lease, ...rest }: View) => ({ ...rest, lease: { ...lease, lastRenewalTimestamp: 0 } });
  assert.deepEqual(timeless(await service.tell("own")), timeless(own));
  assert.ok(Math.abs(own.lease.registrationTimestamp - Date.now()) < 60_000);

  const apps = await service.tell<Record<string, View[]>>("apps");
  assert.deepEqual(Object.keys(apps).sort(), ["GO-SHOP", "SHOP"]);
  const [shop] = apps.SHOP ?? [];
  // It leaves the escapes of XML's names, as at the original.
  const underscored = format === "XML" ? "my__key" : "my_key";
  assert.ok(shop);
  assert.deepEqual([shop.id, shop.hostName, shop.ipAddr, shop.vip], ["s1", "10.0.0.7", "10.0.0.7", "shop"]);
  assert.deepEqual([shop.port, shop.portEnabled, shop.securePortEnabled, shop.status], [8080, true, false, "UP"]);
  assert.deepEqual([shop.metadata["a.b"], shop.metadata[underscored], shop.dataCenter.name], ["ä <&>", "yes", "MyOwn"]);
  assert.deepEqual(apps["GO-SHOP"]?.map(timeless), [timeless(own)]);
}

async function assertFound(service: Driven): Promise<void> {
  assert.deepEqual(idsOf(await service.tell("app", { name: "SHOP" })), ["s1"]);
  for (const name of ["go.vip", "go.second"])
    assert.deepEqual(idsOf(await service.tell("vip", { name, up: "1" })), ["go:9001"], name);
  assert.deepEqual(idsOf(await service.tell("vip", { name: "go.svip", secure: "1" })), ["go:9001"]);
  assert.deepEqual(idsOf(await service.tell("vip", { name: "shop" })), ["s1"]);
}

/** Metadata and status, and an empty set of metadata, over which its parser stumbles when it has a space in it. */
async function assertChanges({ rollcall, apps }: Eureka, service: Driven): Promise<void> {
  const status = async () => (await getNative(rollcall, PATH))?.status;
  await service.tell("metadata", { key: "colour", value: "red & green" });
  assert.equal((await getNative(rollcall, PATH))?.meta.colour, "red & green");
  await service.tell("status", { value: "OUT_OF_SERVICE" });
  assert.equal(await status(), "draining");
  assert.deepEqual(idsOf(await service.tell("vip", { name: "go.vip", up: "1" })), []);
  const own = await service.tell<View>("instance", { name: "GO-SHOP", id: "go:9001" });
  assert.deepEqual([own.status, own.overridden], ["OUT_OF_SERVICE", "OUT_OF_SERVICE"]);
  assert.equal((await request(`${apps}/GO-SHOP/go:9001/status?value=UP`, { method: "DELETE" })).status, 200);
  assert.equal(await status(), "passing");
  await service.tell("heartbeat");
  await service.tell("status", { value: "DOWN" });
  assert.equal(await status(), "critical");
  await service.tell("status", { value: "UP" });
  assert.equal(await status(), "passing");
  await service.tell("reregister");
  assert.equal(await status(), "passing");
}
