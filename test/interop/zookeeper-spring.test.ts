/** A Spring application with Spring Cloud Zookeeper as it comes from Maven: `java/spring-zookeeper`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { startZookeeper } from "../zookeeper/rig.ts";
import { buildProject } from "./maven-rig.ts";
import { waitForLine } from "./programs-rig.ts";

/** Spring Cloud Zookeeper 5.0. */
const VERSIONS = { "spring-boot.version": "4.0.8", "spring-cloud.version": "2025.1.2" };
const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
const project = await buildProject("spring-zookeeper", packages, VERSIONS);

test("a Spring application registers, discovers, and outlives a kill of the registry", {
  skip: project.skip,
  timeout: 150_000,
}, async (t) => {
  const layouts = [{ prefix: "/services", kind: "spring-cloud" }];
  const rollcall = await startZookeeper(t, { config: { layouts } });
  const at = `${rollcall.url}/v2/default`;
  const put = async (path: string, body: unknown): Promise<void> => {
    const { status, text } = await request(`${at}/${path}`, { method: "PUT", body });
    assert.ok(status < 300, text);
  };
  const port = await freePort();
  const spring = "spring.cloud.zookeeper";
  const program = project.start(t, "rollcall.Main", {
    properties: {
      "server.port": port,
      "spring.application.name": "spring-shop",
      "spring.main.banner-mode": "off",
      "spring.cloud.loadbalancer.cache.enabled": false,
      [`${spring}.connect-string`]: `127.0.0.1:${rollcall.port("zookeeper")}`,
      [`${spring}.session-timeout`]: "30s",
      [`${spring}.discovery.instance-host`]: "127.0.0.1",
      [`${spring}.discovery.metadata.zone`]: "z1",
    },
  });
  await waitForLine(program, /^ready$/);
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  const get = async (path: string): Promise<any> => {
    const { status, text } = await request(`http://127.0.0.1:${port}${path}`);
    assert.equal(status, 200, text);
    return text.startsWith("[") ? JSON.parse(text) : text;
  };
  const listed = async () => {
    const { status, json } = await request(`${at}/services/spring-shop`);
    return status === 200 ? json().instances : [];
  };
  const [own] = await until(async () => (await listed()).length === 1 && listed(), { what: "the application" });
  assert.deepEqual([own.address, own.ports.default, own.meta.zone, own.via], ["127.0.0.1", port, "z1", "spring-cloud"]);

  const native = { address: "127.0.0.9", port: 9090, meta: { zone: "z9" }, ttl: "60s" };
  await put("services/stock/instances/n1", native);
  await until(async () => (await get("/services")).includes("stock"), { what: "the other service" });
  const [found] = await get("/instances?name=stock");
  assert.deepEqual([found.host, found.port, found.metadata.zone], ["127.0.0.9", 9090, "z9"]);
  assert.equal(await get("/choose?name=stock"), "http://127.0.0.9:9090");

  await rollcall.restart();
  await put("services/stock/instances/n2", { ...native, address: "127.0.0.8" });
  await until(async () => (await get("/instances?name=stock")).length === 2, { what: "what came after the kill" });
  // Connected again, Curator takes its entry back and writes it anew.
  await until(async () => (await listed()).length === 1, { what: "the application to be there still" });
  await program.kill("SIGTERM");
  await until(async () => (await listed()).length === 0, { what: "the application to be gone" });
});
