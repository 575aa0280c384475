/** Java's clients of Consul as they come from Maven: Spring Cloud Consul, and Ecwid's consul-api 1.4.5: `java/consul-client`. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startConsul } from "../consul/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { buildProject } from "./maven-rig.ts";
import { waitForLine } from "./programs-rig.ts";

/** Spring Cloud Consul 5.0.2. */
const VERSIONS = { "spring-boot.version": "4.0.8", "spring-cloud.version": "2025.1.2" };
const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
const project = await buildProject("consul-client", packages, VERSIONS);

const consul = await startConsul({ after });

test("Ecwid's client does here what it does with Consul", { skip: project.skip, timeout: 60_000 }, async (t) => {
  const program = project.start(t, "rollcall.Ecwid", { args: [String(consul.port)] });
  const { code } = await program.exited;
  assert.deepEqual([code, program.lines.at(-1)], [0, "all went well"], program.stderr());
});

test("a Spring application registers, is checked, discovers, and follows the catalog and its configuration", {
  skip: project.skip,
  timeout: 120_000,
}, async (t) => {
  await consul.put("/kv/config/spring-shop/shop/colour", "blue");
  const [port, other] = [await freePort(), 18080];
  const spring = "spring.cloud.consul";
  const program = project.start(t, "rollcall.Main", {
    properties: {
      "server.port": port,
      "spring.application.name": "spring-shop",
      "spring.main.banner-mode": "off",
      "spring.config.import": `consul:127.0.0.1:${consul.port}`,
      "spring.cloud.loadbalancer.cache.enabled": false,
      [`${spring}.host`]: "127.0.0.1",
      [`${spring}.port`]: consul.port,
      [`${spring}.config.watch.delay`]: 200,
      [`${spring}.discovery.instance-id`]: "spring-1",
      [`${spring}.discovery.hostname`]: "127.0.0.1",
      [`${spring}.discovery.tags`]: "v1",
      [`${spring}.discovery.query-passing`]: true,
      [`${spring}.discovery.metadata.zone`]: "z1",
      // The registry asks for its health, which is what it wants unless told otherwise.
      [`${spring}.discovery.health-check-interval`]: "1s",
      [`${spring}.discovery.catalog-services-watch-delay`]: 200,
    },
  });
  await waitForLine(program, /^ready$/);
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  const get = async (path: string): Promise<any> => {
    const { status, text } = await request(`http://127.0.0.1:${port}${path}`);
    assert.equal(status, 200, text);
    return text.startsWith("[") ? JSON.parse(text) : text;
  };

  const passing = async (name: string) => (await consul.get(`/health/service/${name}?passing`)).json();
  const [own] = await until(async () => (await passing("spring-shop")).length === 1 && passing("spring-shop"));
  assert.deepEqual(
    [own.Service.ID, own.Service.Port, own.Service.Tags, own.Service.Meta.zone],
    ["spring-1", port, ["v1"], "z1"],
  );
  const check = own.Checks.find(({ ServiceID }: { ServiceID: string }) => ServiceID === "spring-1");
  assert.deepEqual([check.Type, check.Status], ["http", "passing"]);

  const body = { Name: "stock", ID: "stock-1", Address: "127.0.0.1", Port: other, Meta: { m: "1" } };
  await consul.put("/agent/service/register", { ...body, Check: { TTL: "1h", Status: "passing" } });
  await until(async () => (await get("/services")).includes("stock"));
  const [found] = await get("/instances?name=stock");
  assert.deepEqual([found.id, found.host, found.port, found.metadata.m], ["stock-1", "127.0.0.1", other, "1"]);
  assert.equal(await get("/choose?name=stock"), `http://127.0.0.1:${other}`);
  const told = () => program.lines.filter((line) => line.startsWith("changed ")).length;
  const before = told();
  await consul.put("/agent/check/fail/service:stock-1");
  await until(async () => (await get("/choose?name=stock")) === "none", { what: "a critical one to be left out" });
  await consul.put("/agent/service/deregister/stock-1");
  await until(() => told() > before, { what: "the watch of the catalog" });

  assert.equal(await get("/property?name=shop.colour"), "blue");
  await consul.put("/kv/config/spring-shop/shop/colour", "green");
  await until(async () => (await get("/property?name=shop.colour")) === "green", { what: "the new configuration" });

  await program.kill("SIGTERM");
  await until(async () => (await consul.get("/health/service/spring-shop")).json().length === 0);
});
