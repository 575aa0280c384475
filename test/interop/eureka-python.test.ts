/** py_eureka_client 0.13.3 as it comes from PyPI, against the whole program: `python/eureka-client`. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { suite, type TestContext, test } from "node:test";
import { askUdp } from "../dns/rig.ts";
import { type Eureka, getNative, putNative, startEureka } from "../eureka/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import type { Rollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { startBackend } from "../peers-rig.ts";
import { type Driven, drive } from "./programs-rig.ts";
import { installProject } from "./python-rig.ts";

const project = await installProject("eureka-client", requirePackage("python3", "python3"));
const options = { skip: project.skip, timeout: 60_000 };

/** As programs without asyncio use it, and those with it. */
const FACES = ["blocking", "asyncio"] as const;
type Face = (typeof FACES)[number];

// biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
type View = Record<string, any>;

interface Applications {
  readonly hashcode: string;
  readonly version: string;
  readonly applications: Readonly<Record<string, readonly View[]>>;
}

interface Service extends Driven {
  /** How many of its requests were like this: `PUT 8761 /eureka/apps/PY-SHOP/py1 200`. */
  count(pattern: RegExp): Promise<number>;
  /** An instance as it has it. */
  find(app: string, id: string): Promise<View | undefined>;
}

/** Starts it as `py-shop`, id `py:9001`; it beats and fetches every second, and its lease outlasts a busy machine. */
async function startService(
  t: TestContext,
  face: Face,
  servers: readonly string[],
  settings: Readonly<Record<string, unknown>> = {},
): Promise<Service> {
  const own = {
    eureka_server: servers.join(","),
    app_name: "py-shop",
    instance_id: "py:9001",
    instance_host: "127.0.0.1",
    instance_ip: "127.0.0.1",
    instance_port: 9001,
    renewal_interval_in_secs: 1,
    duration_in_secs: 15,
  };
  const driven = await drive(project.start(t, [face, JSON.stringify({ ...own, ...settings })]));
  return {
    ...driven,
    count: async (pattern) => (await driven.tell<string[]>("asked")).filter((line) => pattern.test(line)).length,
    async find(app, id) {
      const { applications } = await driven.tell<Applications>("applications");
      return applications[app]?.find(({ instanceId }) => instanceId === id);
    },
  };
}

const PATH = "py-shop/py:9001";
const BEAT = /^PUT \d+ \S+\/py%3A9001 200$/;
const WHOLE = /^GET \d+ \S+\/apps\/ 200$/;

async function waitForBeats(service: Service, more = 2): Promise<void> {
  const wanted = (await service.count(BEAT)) + more;
  await until(async () => (await service.count(BEAT)) >= wanted, { what: `${more} more heartbeats` });
}

/** Waits until its heartbeat and its fetch are done: for most of a second now it does nothing. */
async function waitForRest(service: Service): Promise<void> {
  const fetched = /^GET \d+ \S+\/delta 200$/;
  const before = await service.count(fetched);
  await until(async () => {
    const asked = await service.tell<string[]>("asked");
    return fetched.test(asked.at(-1) ?? "") && asked.filter((line) => fetched.test(line)).length > before;
  });
}

/** Ends it in order; what it has asked until then. Between two heartbeats: one after the end would register it again. */
async function stop(service: Service): Promise<readonly string[]> {
  await waitForRest(service);
  return service.tell("stop");
}

async function waitForStatus({ rollcall }: Eureka, status: string): Promise<void> {
  await until(async () => (await getNative(rollcall, PATH))?.status === status, { what: `it to be ${status}` });
}

/** Most of their time passes in waiting for its next heartbeat. */
suite("py_eureka_client", { concurrency: 4 }, () => {
  for (const face of FACES) {
    test(`its ${face} face registers, follows deltas, calls others, changes and goes`, options, (t) =>
      livesOn(t, face),
    );
    test(`its ${face} face goes on when a server is lost, until it dies`, options, (t) => goesOn(t, face));
    test(`its ${face} face comes back to a server that lost all`, options, (t) => comesBack(t, face));
  }
  for (const face of FACES) test(`its ${face} face says a token as its password`, options, (t) => saysToken(t, face));
  test("its basic functions read what they wrote, by each of the ways to ask", options, readsBack);
});

async function livesOn(t: TestContext, face: Face): Promise<void> {
  const eureka = await startEureka(t, { dialects: "http,eureka,dns" });
  const { rollcall, base } = eureka;
  const [port, other] = [await startBackend(t, "one"), await startBackend(t, "two")];
  const shop = { address: "127.0.0.1", port, meta: { "a.b": "ä <&>", my_key: "x" }, zone: "z1" };
  await putNative(rollcall, "shop/s1", shop);
  // Without a path it takes one of its own: /eureka/v2 in one face, /eureka in the other one.
  const service = await startService(t, face, [base], {
    instance_secure_port_enabled: true,
    instance_secure_port: 9443,
    metadata: { colour: "blue", "a.b": "ö <&>" },
    zone: "z1",
    status_page_url: "/state",
    vip_adr: "py.vip,py.second",
  });
  await assertCarried(rollcall, service);
  assert.deepEqual(await service.tell("call", { app: "shop", path: "/hello" }), { answer: "one" });
  await waitForBeats(service);

  const wholes = await service.count(WHOLE);
  await putNative(rollcall, "shop/s2", { address: "127.0.0.1", port: other });
  await until(() => service.find("SHOP", "s2"));
  await putNative(rollcall, "shop/s1", { ...shop, status: "critical" });
  await until(async () => (await service.find("SHOP", "s1"))?.status === "DOWN");
  assert.deepEqual(await service.tell("call", { app: "shop", path: "/hello", prefer_ip: "1" }), { answer: "two" });
  await request(`${rollcall.url}/v2/default/services/shop/instances/s2`, { method: "DELETE" });
  await until(async () => (await service.find("SHOP", "s2")) === undefined);
  assert.deepEqual(await service.tell("call", { app: "shop", path: "/hello" }), { failed: [] });
  assert.equal(await service.count(WHOLE), wholes, "a delta did not fit");
  // An application that is new to it takes it a whole fetch: it drops what deltas say of it.
  await putNative(rollcall, "fresh/f1", { address: "127.0.0.1", port });
  await until(() => service.find("FRESH", "f1"));
  assert.deepEqual(await service.tell("errors"), []);

  await assertChanges(eureka, service);
  const last = (await stop(service)).filter((line) => /POST|DELETE/.test(line)).slice(-2);
  assert.deepEqual(
    last.map((line) => line.replace(/ \d+ \S+\/apps/, "")),
    ["POST/PY-SHOP 204", "DELETE/PY-SHOP/py%3A9001 200"],
  );
  assert.equal(await getNative(rollcall, PATH), undefined);
}

/** It is in the native API and in DNS what it said it is, and a native instance is whole in its eyes. */
async function assertCarried(rollcall: Rollcall, service: Service): Promise<void> {
  const native = await getNative(rollcall, PATH);
  assert.deepEqual([native?.address, native?.status, native?.zone], ["127.0.0.1", "passing", "z1"]);
  assert.deepEqual(native?.ports, { default: 9001, secure: 9443 });
  assert.deepEqual([native?.meta.colour, native?.meta["a.b"]], ["blue", "ö <&>"]);
  const { answers } = await askUdp("127.0.0.1", rollcall.port("dns"), "_py-shop._tcp.rollcall.", "SRV");
  assert.equal(answers.length, 1, JSON.stringify(answers));

  const own = await service.find("PY-SHOP", "py:9001");
  assert.ok(own);
  assert.deepEqual([own.port, own.securePort], [port(9001), port(9443)]);
  const { hostName, ipAddr, vipAddress, secureVipAddress, homePageUrl, statusPageUrl, healthCheckUrl } = own;
  assert.deepEqual(
    [hostName, ipAddr, vipAddress, secureVipAddress],
    ["127.0.0.1", "127.0.0.1", "py.vip,py.second", "py-shop"],
  );
  const url = "http://127.0.0.1:9001";
  assert.deepEqual([homePageUrl, statusPageUrl, healthCheckUrl], [`${url}/`, `${url}/state`, `${url}/health`]);
  assert.deepEqual(own.metadata, { colour: "blue", "a.b": "ö <&>", "management.port": "9001", zone: "z1" });
  assert.deepEqual([own.zone, own.status, own.countryId, own.actionType], ["z1", "UP", 1, "ADDED"]);
  assert.deepEqual([own.leaseInfo.renewalIntervalInSecs, own.leaseInfo.durationInSecs], [1, 15]);
  assert.equal(own.dataCenterInfo.className, "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo");

  const shop = await service.find("SHOP", "s1");
  assert.ok(shop);
  assert.deepEqual(
    [shop.hostName, shop.ipAddr, shop.vipAddress, shop.status],
    ["127.0.0.1", "127.0.0.1", "shop", "UP"],
  );
  // It leaves the escapes of XML's names, as at the original.
  assert.deepEqual([shop.metadata["a.b"], shop.metadata.my__key], ["ä <&>", "x"]);
  assert.deepEqual([shop.zone, shop.dataCenterInfo.name, shop.securePort.enabled], ["z1", "MyOwn", false]);
  assert.deepEqual((await service.tell<Applications>("applications")).hashcode, "UP_2_");
}

function port(number: number) {
  return { port: number, enabled: true };
}

/** What it says of itself by the override, and what is said of it. */
async function assertChanges(eureka: Eureka, service: Service): Promise<void> {
  await service.tell("status", { value: "OUT_OF_SERVICE" });
  await waitForStatus(eureka, "draining");
  await waitForBeats(service);
  assert.equal((await getNative(eureka.rollcall, PATH))?.status, "draining");
  assert.equal(await service.count(/^POST/), 1);
  // Without a value the status is UNKNOWN then: its heartbeat gets 404, and it registers anew.
  await service.tell("release");
  await waitForStatus(eureka, "passing");
  await until(async () => (await service.count(/^POST .* 204$/)) === 2, { what: "its second registration to be over" });
  assert.match((await service.tell<string[]>("errors")).join("\n"), /^EUREKA_ERROR_STATUS_UPDATE [^\n]*$/);
  await service.tell("status", { value: "DOWN" });
  await waitForStatus(eureka, "critical");
  const path = `${eureka.apps}/PY-SHOP/py:9001/status?value=UP`;
  assert.equal((await request(path, { method: "DELETE" })).status, 200);
  await waitForStatus(eureka, "passing");
  await until(async () => (await service.find("PY-SHOP", "py:9001"))?.status === "UP");
}

const AMAZON = {
  instanceId: "i-1",
  app: "CLOUD",
  hostName: "cloud.test",
  ipAddr: "10.0.0.1",
  vipAddress: "cloud.vip",
  secureVipAddress: "cloud.svip",
  status: "UP",
  port: { port: 80, enabled: false },
  securePort: { port: 8443, enabled: true },
  leaseInfo: { renewalIntervalInSecs: 30, durationInSecs: 90 },
  dataCenterInfo: {
    name: "Amazon",
    className: "com.netflix.appinfo.AmazonInfo",
    metadata: { "instance-id": "i-1", "availability-zone": "eu-west-1c", "ami-id": "ami-7" },
  },
  metadata: { colour: "red" },
  lastDirtyTimestamp: 1700000000000,
};

async function readsBack(t: TestContext): Promise<void> {
  const eureka = await startEureka(t);
  await putNative(eureka.rollcall, "shop/s1", { address: "10.0.0.7", port: 8080 });
  const service = await startService(t, "asyncio", [], { should_register: false, should_discover: false });
  const server = `${eureka.base}/eureka/v2`;
  const ask = (name: string, ...args: readonly unknown[]) =>
    service.tell("basic", { function: name, server, arguments: JSON.stringify(args) });
  await service.tell("register", { server, instance: JSON.stringify(AMAZON) });
  const native = await getNative(eureka.rollcall, "cloud/i-1");
  assert.deepEqual([native?.zone, native?.ports, native?.protocol], ["eu-west-1c", { secure: 8443 }, "https"]);

  const one = await ask("get_app_instance", "cloud", "i-1");
  const { dataCenterInfo, metadata, zone, securePort, lastDirtyTimestamp } = one;
  assert.deepEqual(dataCenterInfo, AMAZON.dataCenterInfo);
  assert.deepEqual([metadata, zone, securePort], [AMAZON.metadata, "eu-west-1c", port(8443)]);
  assert.equal(lastDirtyTimestamp, AMAZON.lastDirtyTimestamp);
  assert.deepEqual((await ask("get_instance", "i-1")).dataCenterInfo, AMAZON.dataCenterInfo);
  assert.deepEqual((await ask("get_application", "CLOUD")).length, 1);
  const whole = await ask("get_applications", ["us-east-1", "eu-west-1"]);
  assert.deepEqual(Object.keys(whole.applications).sort(), ["CLOUD", "SHOP"]);
  for (const [name, vip] of [
    ["get_vip", "cloud.vip"],
    ["get_secure_vip", "cloud.svip"],
  ] as const)
    assert.deepEqual(Object.keys((await ask(name, vip)).applications), ["CLOUD"]);
  assert.deepEqual((await ask("get_delta")).hashcode, "UP_2_");

  await ask("send_heartbeat", "CLOUD", "i-1", AMAZON.lastDirtyTimestamp, "UP");
  await ask("status_update", "CLOUD", "i-1", AMAZON.lastDirtyTimestamp + 1, "OUT_OF_SERVICE");
  assert.equal((await ask("get_app_instance", "CLOUD", "i-1")).status, "OUT_OF_SERVICE");
  await ask("delete_status_override", "CLOUD", "i-1", AMAZON.lastDirtyTimestamp + 2);
  assert.equal((await ask("get_app_instance", "CLOUD", "i-1")).status, "UNKNOWN");
  await ask("cancel", "CLOUD", "i-1");
  assert.equal(await getNative(eureka.rollcall, "cloud/i-1"), undefined);
  await assert.rejects(ask("get_instance", "i-1"), /404/);
}

async function goesOn(t: TestContext, face: Face): Promise<void> {
  const [first, second] = [await startEureka(t), await startEureka(t)];
  const servers = [`${first.base}/eureka/`, `${second.base}/eureka/`];
  const service = await startService(t, face, servers, { renewal_interval_in_secs: 2, duration_in_secs: 5 });
  const at = async ({ rollcall }: Eureka) => (await getNative(rollcall, PATH)) !== undefined;
  assert.deepEqual([await at(first), await at(second)], [true, false]);
  await putNative(second.rollcall, "shop/s1", { address: "10.0.0.7", port: 8080 });
  // When the server is lost between a heartbeat and the fetch after it, its lock waits for itself for good: two seconds
  // between them leave a busy machine time.
  await waitForRest(service);
  await first.rollcall.kill("SIGKILL");
  await until(() => at(second), { what: "it to be with the second server", timeoutMs: 20_000 });
  await waitForBeats(service);
  await until(() => service.find("SHOP", "s1"));

  // Killed without a word, it is gone after one lease.
  const startMs = performance.now();
  await service.program.kill("SIGKILL");
  await until(async () => !(await at(second)), { what: "its lease to end" });
  const tookMs = performance.now() - startMs;
  assert.ok(tookMs < 8000, `${tookMs} ms for a lease of 5 s`);
}

async function comesBack(t: TestContext, face: Face): Promise<void> {
  const eureka = await startEureka(t);
  const { rollcall } = eureka;
  // Without fetches: if the server came back right before one, its lock would wait for itself for good.
  const service = await startService(t, face, [`${eureka.base}/eureka/`], { should_discover: false });
  await waitForBeats(service, 1);
  await rollcall.restart();
  await waitForBeats(service, 1);
  assert.equal((await getNative(rollcall, PATH))?.status, "passing");
  // A server that lost all answers 404, with nothing in it; so it is told again.
  const registered = await service.count(/^POST .* 204$/);
  await rollcall.kill("SIGKILL");
  await rm(rollcall.data, { recursive: true });
  await rollcall.restart();
  await until(() => getNative(rollcall, PATH), { what: "it to register again", timeoutMs: 20_000 });
  await waitForBeats(service, 1);
  assert.ok((await service.count(/^POST .* 204$/)) > registered);
}

async function saysToken(t: TestContext, face: Face): Promise<void> {
  const eureka = await startEureka(t);
  const { base, rollcall } = eureka;
  const body = { name: "root", role: "admin" };
  const { token } = (await request(`${rollcall.url}/v2/_/tokens`, { body })).json();
  const stranger = await startService(t, face, [`${base}/eureka`], { instance_id: "stranger" });
  assert.match((await stranger.tell<string[]>("asked"))[0] ?? "", /^POST .* 401$/);
  assert.match((await stranger.tell<string[]>("errors"))[0] ?? "", /^EUREKA_ERROR_REGISTER/);
  const given = { eureka_basic_auth_user: "service", eureka_basic_auth_password: token };
  const service = await startService(t, face, [base], given);
  assert.ok(await getNative(rollcall, PATH, token));
  await waitForBeats(service, 1);
  assert.deepEqual(Object.keys((await service.tell<Applications>("applications")).applications), ["PY-SHOP"]);
  await stop(service);
  assert.equal(await getNative(rollcall, PATH, token), undefined);
  const url = `${base}/eureka`.replace("//", `//service:${token}@`);
  await startService(t, face, [url], { instance_id: "by-url" });
  assert.ok(await getNative(rollcall, "py-shop/by-url", token));
}
