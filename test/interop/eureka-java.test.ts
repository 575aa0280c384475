/** Netflix's own Java client, of both its generations, against the whole program: `java/netflix-client` by Maven. */
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { type Eureka, getNative, putNative, startEureka } from "../eureka/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import type { Rollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { buildProject } from "./maven-rig.ts";
import { type Driven, drive } from "./programs-rig.ts";

const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];

/** The second one has Jakarta's names and Jersey 3, the first one Jersey 1. */
const GENERATIONS = [
  { version: "2.0.6", project: await buildProject("netflix-client", packages, { "eureka.generation": "2" }) },
  { version: "1.10.18", project: await buildProject("netflix-client", packages, { "eureka.generation": "1" }) },
];
type Generation = (typeof GENERATIONS)[number];

/** XStream, which the library uses for XML and its oldest JSON, looks into the JDK's own collections. */
const OPENED = ["java.util", "java.util.concurrent", "java.lang", "java.text"].map(
  (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`,
);

/** What the library made of an instance; see `Views` of the project. */
// biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
type View = Record<string, any>;

interface Applications {
  readonly hashcode: string;
  readonly reconciled: string;
  readonly version: number;
  readonly instances: readonly View[];
}

interface Service extends Driven {
  /** How many lines of its log are like this. */
  count(pattern: RegExp): number;
}

/** Starts it; it registers as STARTING at once, beats every second, and its lease outlasts a busy machine's pauses. */
async function startService(
  t: TestContext,
  { project }: Generation,
  servers: string,
  properties: Readonly<Record<string, string | number>> = {},
): Promise<Service> {
  const program = project.start(t, "rollcall.Main", {
    flags: OPENED,
    properties: {
      "eureka.serviceUrl.default": servers,
      "eureka.name": "java-shop",
      "eureka.port": 9001,
      "eureka.vipAddress": "java.vip,java.second",
      "eureka.instanceId": "java:9001",
      "eureka.metadata.colour": "blue",
      "eureka.lease.renewalInterval": 1,
      "eureka.lease.duration": 15,
      "eureka.client.refresh.interval": 1,
      "eureka.appinfo.replicate.interval": 1,
      "eureka.appinfo.initial.replicate.time": 0,
      ...properties,
    },
  });
  return {
    ...(await drive(program)),
    count: (pattern) =>
      program
        .stderr()
        .split("\n")
        .filter((line) => pattern.test(line)).length,
  };
}

const serverOf = ({ base }: Eureka) => `${base}/eureka/v2/`;

async function waitForStatus(rollcall: Rollcall, path: string, status: string): Promise<void> {
  const what = `${path} to be ${status}`;
  await until(async () => (await getNative(rollcall, path))?.status === status, { what });
}

async function find(service: Service, app: string, id: string): Promise<View | undefined> {
  return (await service.tell<View[]>("app", { name: app })).find((view) => view.id === id);
}

/** What it logs in any run: of its own configuration, while it is shut down, and when a fetch took over its second. */
const HARMLESS =
  /URLConfigurationSource|ConfigurationUtils|Could not pick a zone|TimedSupervisorTask.*(shutting down|timed out)|EnabledProvidersBinder|jakarta\.activation/;

/** Nothing went wrong in its view: no line of a warning, every delta fitted the hash code. */
function assertContent(service: Service): void {
  const log = service.program.stderr().split("\n");
  const wrong = log.filter((line) => /\b(WARN|ERROR|WARNING|Exception)\b/.test(line) && !HARMLESS.test(line));
  assert.deepEqual(wrong, []);
  assert.equal(service.count(/Reconcile hashcodes do not match/), 0);
}

for (const generation of GENERATIONS) {
  const { version, project } = generation;
  const options = { skip: project.skip, timeout: 60_000 };

  test(`eureka-client ${version} registers, sees others by deltas, changes and goes`, options, async (t) => {
    const eureka = await startEureka(t);
    const { rollcall } = eureka;
    await putNative(rollcall, "shop/s1", { address: "10.0.0.7", port: 8080, meta: { "a.b": "ä" }, zone: "z1" });
    const service = await startService(t, generation, serverOf(eureka));
    await waitForStatus(rollcall, "java-shop/java:9001", "starting");
    await service.tell("status", { value: "UP" });
    await waitForStatus(rollcall, "java-shop/java:9001", "passing");
    await until(async () => (await service.tell("remote-status")) === "UP");
    await assertCarried(rollcall, service);

    // Full once or twice (an empty registry is always fetched as a whole), and from then on by deltas.
    const fulls = service.count(/Getting all instance registry info/);
    await putNative(rollcall, "shop/s2", { address: "10.0.0.8", ports: { secure: 8443 }, protocol: "https" });
    await until(async () => (await service.tell("app", { name: "SHOP" })).length === 2);
    const secure = await find(service, "SHOP", "s2");
    assert.deepEqual([secure?.securePort, secure?.securePortEnabled, secure?.portEnabled], [8443, true, false]);
    await putNative(rollcall, "shop/s1", { address: "10.0.0.7", port: 8080, status: "critical" });
    await until(async () => (await find(service, "SHOP", "s1"))?.status === "DOWN");
    await request(`${rollcall.url}/v2/default/services/shop/instances/s2`, { method: "DELETE" });
    await until(async () => (await find(service, "SHOP", "s2")) === undefined);
    const { hashcode, instances } = await service.tell<Applications>("applications");
    assert.equal(instances.length, 2, hashcode);
    assert.equal(service.count(/Getting all instance registry info/), fulls);

    await assertChanges(eureka, service);
    assertContent(service);
    await service.tell("shutdown");
    assert.equal(await getNative(rollcall, "java-shop/java:9001"), undefined);
    assert.equal(service.count(/deregister {2}status: 200/), 1);
  });

  test(`every codec of eureka-client ${version} reads and writes the same`, options, async (t) => {
    const eureka = await startEureka(t);
    const service = await startService(t, generation, serverOf(eureka));
    await waitForStatus(eureka.rollcall, "java-shop/java:9001", "starting");
    await putNative(eureka.rollcall, "shop/s1", { address: "10.0.0.7", port: 8080, meta: { a_b$c: '<ä & "ö">' } });
    await assertCodecsAgree(eureka, service);
    assertContent(service);
  });

  test(`eureka-client ${version} goes on when a server is lost, and when its data are`, options, async (t) => {
    const [first, second] = [await startEureka(t), await startEureka(t)];
    const servers = `${serverOf(first)},${serverOf(second)}`;
    const service = await startService(t, generation, servers, { "eureka.lease.duration": 3 });
    // Which of the two it begins with is up to its shuffling.
    const at = async ({ rollcall }: Eureka) => (await getNative(rollcall, "java-shop/java:9001")) !== undefined;
    const [used, other] = await until(async () =>
      (await at(first)) ? [first, second] : (await at(second)) && [second, first],
    );
    assert.ok(used && other);
    const beats = () => service.count(/Heartbeat status: 200/);
    await until(() => beats() >= 1);
    await used.rollcall.kill("SIGKILL");
    await until(() => at(other), { what: "it to be with the other one", timeoutMs: 20_000 });
    const before = beats();
    await until(() => beats() > before, { what: "a heartbeat there" });
    // A server that lost all answers 404, with nothing in it; so it is told again.
    await other.rollcall.kill("SIGKILL");
    await rm(other.rollcall.data, { recursive: true });
    await other.rollcall.restart();
    await until(() => at(other), { what: "it to register again", timeoutMs: 20_000 });
    // Killed without a word, it is gone after one lease.
    const startMs = performance.now();
    await service.program.kill("SIGKILL");
    await until(async () => !(await at(other)), { what: "its lease to end" });
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 4500, `${tookMs} ms for a lease of 3 s`);
  });

  test(`eureka-client ${version} says a token as its password`, options, async (t) => {
    const eureka = await startEureka(t);
    const { token } = (
      await request(`${eureka.rollcall.url}/v2/_/tokens`, { body: { name: "root", role: "admin" } })
    ).json();
    const service = await startService(t, generation, serverOf(eureka).replace("//", `//service:${token}@`));
    await until(async () => (await getNative(eureka.rollcall, "java-shop/java:9001", token)) !== undefined);
    await until(async () => (await service.tell("applications")).instances.length === 1);
    await service.tell("shutdown");
    assert.equal(await getNative(eureka.rollcall, "java-shop/java:9001", token), undefined);
  });
}

/** The service is in the native API what it said it is, and a native instance is whole in the service's eyes. */
async function assertCarried(rollcall: Rollcall, service: Service): Promise<void> {
  const own = await service.tell<View>("own");
  const native = await getNative(rollcall, "java-shop/java:9001");
  assert.deepEqual([native?.address, native?.ports, native?.meta.colour], [own.ipAddr, { default: 9001 }, "blue"]);
  const seen = await find(service, "JAVA-SHOP", "java:9001");
  const same = ["id", "hostName", "ipAddr", "appGroup", "port", "securePort", "securePortEnabled", "vip", "secureVip"];
  const also = ["homePageUrl", "statusPageUrl", "healthCheckUrls", "metadata", "dataCenter", "renewalInterval"];
  for (const key of [...same, ...also, "duration", "lastDirtyTimestamp"]) assert.deepEqual(seen?.[key], own[key], key);

  const shop = await find(service, "SHOP", "s1");
  const { hostName, ipAddr, port, portEnabled, vip, status, dataCenter, metadata } = shop ?? {};
  assert.deepEqual([hostName, ipAddr, port, portEnabled], ["10.0.0.7", "10.0.0.7", 8080, true]);
  assert.deepEqual([vip, status, dataCenter], ["shop", "UP", "MyOwn"]);
  assert.equal(metadata["a.b"], "ä");
  assert.equal((await service.tell("next", { name: "shop" })).id, "s1");
  for (const name of ["java.vip", "java.second"]) assert.equal((await service.tell("vip", { name })).length, 1, name);
}

/** Status, overrides and metadata: what the service says, and what is said about it. */
async function assertChanges(eureka: Eureka, service: Service): Promise<void> {
  const { rollcall, apps } = eureka;
  const path = `${apps}/JAVA-SHOP/java:9001/status`;
  assert.equal((await request(`${path}?value=OUT_OF_SERVICE`, { method: "PUT" })).status, 200);
  await until(async () => (await service.tell("remote-status")) === "OUT_OF_SERVICE");
  assert.equal((await request(`${path}?value=UP`, { method: "DELETE" })).status, 200);
  await until(async () => (await service.tell("remote-status")) === "UP");
  await service.tell("metadata", { colour: "red" });
  await until(async () => (await getNative(rollcall, "java-shop/java:9001"))?.meta.colour === "red");
  await service.tell("status", { value: "DOWN" });
  await waitForStatus(rollcall, "java-shop/java:9001", "critical");
  await until(async () => (await service.tell("remote-status")) === "DOWN");
}

const CODECS = [
  { codec: "LegacyJacksonJson", type: "application/json" },
  { codec: "JacksonJson", type: "application/json" },
  { codec: "XStreamJson", type: "application/json" },
  { codec: "XStreamXml", type: "application/xml" },
  { codec: "JacksonXml", type: "application/xml" },
] as const;

/** Each codec registers an instance of its own; then each of them reads the same of all. */
async function assertCodecsAgree(eureka: Eureka, service: Service): Promise<void> {
  const url = `${eureka.apps}/`;
  for (const { codec, type } of CODECS) {
    // Only two of them write any key as it is; the others leave it to their readers to escape names.
    const key = /^(Legacy)?JacksonJson$|^XStreamXml$/.test(codec) ? "by_codec $1" : "by-codec";
    const value = `ä & <${codec}>`;
    for (const more of [{}, { amazon: "" }]) {
      const id = `${codec}${"amazon" in more ? "-amazon" : ""}`;
      const { status, body } = await service.tell("encode", { codec, type, url, id, key, value, ...more });
      assert.equal(status, 204, body);
      const native = await getNative(eureka.rollcall, `java-shop/${id}`);
      assert.equal(native?.meta[key], value, id);
      assert.equal(native?.zone, "amazon" in more ? "eu-west-1c" : "", id);
    }
  }
  const read = async (codec: string, accept: string, more: Readonly<Record<string, string>> = {}) =>
    service.tell<Applications>("decode", { codec, accept, url, ...more });
  const wanted = sorted(await read("LegacyJacksonJson", "application/json"));
  assert.equal(wanted.instances.length, 2 * CODECS.length + 2);
  assert.equal(wanted.hashcode, wanted.reconciled);
  for (const { codec, type } of CODECS) {
    assert.deepEqual(sorted(await read(codec, type)), wanted, codec);
    assert.deepEqual(sorted(await read(codec, type, { gzip: "" })), wanted, `${codec}, gzip`);
    const delta = await read(codec, type, { url: `${url}delta` });
    assert.deepEqual(sorted(delta).instances, wanted.instances, `${codec}, delta`);
    const one = await service.tell<View>("decode", { codec, accept: type, url: `${url}SHOP/s1`, instance: "" });
    const [same] = sorted({ ...wanted, instances: [one] }).instances;
    const s1 = wanted.instances.find(({ id }) => id === "s1");
    assert.deepEqual(same, s1, `${codec}, one instance`);
    const amazon = wanted.instances.find(({ id }) => id === `${codec}-amazon`)?.amazon;
    assert.deepEqual(amazon, {
      "ami-id": "ami-7",
      "availability-zone": "eu-west-1c",
      "instance-id": `${codec}-amazon`,
    });
  }
}

/** By id. The codec that reads XML by Jackson leaves XStream's escapes in the names of metadata. */
function sorted(applications: Applications): Applications {
  const plain = (key: string) =>
    key.replace(/__|_-|_\.([0-9a-f]{4})/g, (found, code?: string) =>
      code === undefined ? (found === "__" ? "_" : "$") : String.fromCharCode(Number.parseInt(code, 16)),
    );
  const instances = [...applications.instances]
    .sort((one, other) => (one.id < other.id ? -1 : 1))
    .map((view) => ({
      ...view,
      metadata: Object.fromEntries(Object.entries(view.metadata).map(([key, value]) => [plain(key), value])),
    }));
  return { ...applications, instances };
}
