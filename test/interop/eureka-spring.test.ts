/** A small Spring Cloud application, of two generations of Spring, against the whole program: `java/spring-client`. */
import assert from "node:assert/strict";
import { mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Eureka, fetchInstance, getNative, putNative, startEureka } from "../eureka/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import type { Program } from "../harness/process.ts";
import type { Rollcall } from "../harness/program.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { startBackend } from "../peers-rig.ts";
import { buildProject } from "./maven-rig.ts";
import { waitForLine } from "./programs-rig.ts";

const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
const build = (boot: string, cloud: string) =>
  buildProject("spring-client", packages, { "spring-boot.version": boot, "spring-cloud.version": cloud });

/** The first one speaks to Eureka by RestTemplate, the second one by RestClient: each with a strict mapper of its own. */
const GENERATIONS = [
  { version: "Boot 3.5.16, Cloud 2025.0.3", project: await build("3.5.16", "2025.0.3") },
  { version: "Boot 4.0.8, Cloud 2025.1.2", project: await build("4.0.8", "2025.1.2") },
];
type Generation = (typeof GENERATIONS)[number];

// biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
type View = Record<string, any>;

interface Application {
  readonly program: Program;
  readonly port: number;
  readonly url: string;
  /** While this folder is there, its health is UP. */
  readonly healthy: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  get<T = any>(path: string): Promise<T>;
}

/** Starts it as `spring-shop`, id `spring-1`; it fetches and beats every second. */
async function startApplication(
  t: TestContext,
  generation: Generation,
  server: string,
  leaseS = 15,
): Promise<Application> {
  const port = await freePort();
  const healthy = join(temporaryDirectory(t, "healthy"), "disk");
  mkdirSync(healthy);
  const program = generation.project.start(t, "rollcall.Main", {
    properties: {
      "server.port": port,
      "spring.application.name": "spring-shop",
      "spring.main.banner-mode": "off",
      "spring.cloud.loadbalancer.cache.enabled": false,
      "eureka.client.service-url.defaultZone": server,
      "eureka.client.registry-fetch-interval-seconds": 1,
      "eureka.client.instance-info-replication-interval-seconds": 1,
      "eureka.client.initial-instance-info-replication-interval-seconds": 0,
      "eureka.client.healthcheck.enabled": true,
      "eureka.instance.hostname": "localhost",
      "eureka.instance.instance-id": "spring-1",
      "eureka.instance.lease-renewal-interval-in-seconds": 1,
      "eureka.instance.lease-expiration-duration-in-seconds": leaseS,
      "eureka.instance.metadata-map.colour": "blue",
      "eureka.instance.metadata-map.zone": "z1",
      "management.endpoints.web.exposure.include": "health,serviceregistry",
      "management.health.diskspace.path": healthy,
      "management.health.diskspace.threshold": "1B",
      "logging.level.com.netflix.discovery": "debug",
    },
  });
  await waitForLine(program, /^ready$/);
  const url = `http://127.0.0.1:${port}`;
  return {
    program,
    port,
    url,
    healthy,
    async get(path) {
      const answer = await request(`${url}/${path}`);
      assert.equal(answer.status, 200, answer.text);
      return answer.json();
    },
  };
}

const serverOf = ({ base }: Eureka) => `${base}/eureka/`;

async function waitForStatus(eureka: Eureka, status: string, native: string): Promise<void> {
  const shown = async () => (await fetchInstance(eureka, "SPRING-SHOP", "spring-1"))?.status;
  await until(async () => (await shown()) === status, { what: `spring-1 to be ${status}` });
  assert.equal((await getNative(eureka.rollcall, "spring-shop/spring-1"))?.status, native);
}

/** Its own matters: the balancer without a cache, the folder that the test takes away, its own haste at the start. */
const HARMLESS = /ServiceInstanceListSupplierBuilder|DiskSpaceHealthIndicator|due to rate limiter/;

/** No line of its log complains about an answer, and every delta fitted its hash code. */
function assertContent({ program }: Application): void {
  const wrong = program.lines.filter((line) => /\b(WARN|ERROR)\b|Exception|hashcodes do not match/.test(line));
  assert.deepEqual(
    wrong.filter((line) => !HARMLESS.test(line)),
    [],
  );
  assert.ok(program.lines.some((line) => /Got delta update/.test(line)));
}

for (const generation of GENERATIONS) {
  const { version, project } = generation;
  const options = { skip: project.skip, timeout: 90_000 };

  test(`Spring ${version} registers, discovers others, tells its health and goes`, options, async (t) => {
    const eureka = await startEureka(t);
    const { rollcall } = eureka;
    const shop = await startBackend(t, "hello from the shop");
    await putNative(rollcall, "shop/s1", { address: "127.0.0.1", port: shop, meta: { "a.b": "ä" }, zone: "z1" });
    const application = await startApplication(t, generation, serverOf(eureka));
    await waitForStatus(eureka, "UP", "passing");
    const native = await getNative(rollcall, "spring-shop/spring-1");
    assert.deepEqual(native?.ports, { default: application.port });
    assert.deepEqual([native?.meta.colour, native?.zone], ["blue", "z1"]);
    await assertDiscovery(application, rollcall, shop);
    await assertStatuses(application, eureka);
    assertContent(application);
    const { code, signal } = await application.program.kill("SIGTERM");
    assert.ok(code === 143 || signal === "SIGTERM", `${code} ${signal}`);
    assert.equal(await getNative(rollcall, "spring-shop/spring-1"), undefined);
  });

  test(`Spring ${version} comes back to a server that lost all, with a token as its password`, options, async (t) => {
    const eureka = await startEureka(t);
    const create = { body: { name: "root", role: "admin" } };
    const { token } = (await request(`${eureka.rollcall.url}/v2/_/tokens`, create)).json();
    const server = serverOf(eureka).replace("//", `//service:${token}@`);
    const application = await startApplication(t, generation, server, 3);
    const shown = () => getNative(eureka.rollcall, "spring-shop/spring-1", token);
    await until(async () => (await shown())?.status === "passing");
    await eureka.rollcall.restart();
    // It comes back at once after the restart, and its next heartbeats keep it.
    assert.equal((await shown())?.status, "passing");
    const gone = await request(`${eureka.rollcall.url}/v2/default/services/spring-shop/instances/spring-1`, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` },
    });
    assert.ok(gone.status < 300);
    // The empty 404 of its next heartbeat makes it register again.
    await until(async () => (await shown())?.status === "passing");
    const startMs = performance.now();
    await application.program.kill("SIGKILL");
    await until(async () => (await shown()) === undefined, { what: "its lease to end" });
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 4500, `${tookMs} ms for a lease of 3 s`);
  });
}

/** Native instances come, can be called by their service's name, and go. */
async function assertDiscovery(application: Application, rollcall: Rollcall, shop: number): Promise<void> {
  const instances = (name: string) => application.get<View[]>(`instances?name=${name}`);
  await until(async () => (await application.get("services")).includes("spring-shop"), { what: "it to find itself" });
  const [own] = await instances("spring-shop");
  assert.deepEqual(
    [own?.id, own?.host, own?.port, own?.metadata.colour],
    ["spring-1", "localhost", application.port, "blue"],
  );
  const [found] = await instances("shop");
  const { service, id, host, port, secure, uri, metadata } = found ?? {};
  assert.deepEqual(
    { service, id, host, port, secure },
    { service: "SHOP", id: "s1", host: "127.0.0.1", port: shop, secure: false },
  );
  assert.deepEqual([uri, metadata["a.b"]], [`http://127.0.0.1:${shop}`, "ä"]);
  assert.equal((await request(`${application.url}/call?name=shop`)).text, "hello from the shop");

  await putNative(rollcall, "shop/s2", { address: "10.0.0.8", ports: { secure: 8443 }, protocol: "https" });
  await until(async () => (await instances("shop")).length === 2);
  const second = (await instances("shop")).find((instance) => instance.id === "s2");
  assert.deepEqual([second?.secure, second?.uri], [true, "https://10.0.0.8:8443"]);
  await request(`${rollcall.url}/v2/default/services/shop/instances/s2`, { method: "DELETE" });
  await until(async () => (await instances("shop")).length === 1);
  await putNative(rollcall, "late/l1", { address: "10.0.0.9", port: 1, status: "critical" });
  await putNative(rollcall, "late/l2", { address: "10.0.0.9", port: 2 });
  await until(async () => (await instances("late")).length === 1);
  assert.equal((await instances("late"))[0]?.id, "l2");
}

/** Its health goes through, as do overrides from its own actuator. */
async function assertStatuses(application: Application, eureka: Eureka): Promise<void> {
  const override = async (status: string) => {
    const answer = await request(`${application.url}/actuator/serviceregistry`, { body: { status } });
    assert.ok(answer.status < 300, answer.text);
  };
  await override("OUT_OF_SERVICE");
  await waitForStatus(eureka, "OUT_OF_SERVICE", "draining");
  await override("CANCEL_OVERRIDE");
  await waitForStatus(eureka, "UP", "passing");
  rmdirSync(application.healthy);
  await waitForStatus(eureka, "DOWN", "critical");
  mkdirSync(application.healthy);
  await waitForStatus(eureka, "UP", "passing");
}
