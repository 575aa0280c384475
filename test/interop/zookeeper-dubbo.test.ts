/** A provider and consumers of Dubbo 3.3, by application and by interface, with one that Dubbo knows nothing of: `java/dubbo-client`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { freePort } from "../harness/ports.ts";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { startZookeeper } from "../zookeeper/rig.ts";
import { buildProject } from "./maven-rig.ts";
import { waitForLine } from "./programs-rig.ts";

const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
const project = await buildProject("dubbo-client", packages);

const LAYOUTS = [
  { prefix: "/services", kind: "dubbo" },
  { prefix: "/dubbo", kind: "dubbo-interfaces" },
];
const QUIET = { "org.slf4j.simpleLogger.defaultLogLevel": "warn", "java.net.preferIPv4Stack": true };

test("Dubbo's consumers find a provider by application and by interface, and what else offers the same", {
  skip: project.skip,
  timeout: 150_000,
}, async (t) => {
  const rollcall = await startZookeeper(t, { config: { layouts: LAYOUTS } });
  const zookeeper = `127.0.0.1:${rollcall.port("zookeeper")}`;
  const [port, hidden] = [await freePort(), await freePort()];
  const start = (...args: string[]) => project.start(t, "rollcall.Main", { args, properties: QUIET });
  const provider = start("provider", zookeeper, String(port), String(hidden));
  await waitForLine(provider, /^ready$/);
  const services = `${rollcall.url}/v2/default/services`;
  const listed = async (service: string) => {
    const { status, json } = await request(`${services}/${service}`);
    return status === 200 ? json().instances : [];
  };
  const [one] = await until(async () => (await listed("rollcall.Greeter")).length === 1 && listed("rollcall.Greeter"));
  assert.deepEqual([one.ports.default, one.protocol, one.version], [port, "dubbo", "1.2.0"]);
  assert.match(one.meta.methods, /greetWithAllTheCeremony/);
  await until(async () => (await listed("shop-provider"))[0]?.ports.default === port, { what: "the application" });

  const consumers = ["FORCE_INTERFACE", "FORCE_APPLICATION"].map((step) => start("consumer", zookeeper, step));
  const [byInterface] = consumers;
  for (const consumer of consumers) await waitForLine(consumer, new RegExp(`^from=${port}$`));

  await rollcall.restart();
  const native = { address: one.address, port: hidden, protocol: "dubbo", version: "1.2.0", ttl: "60s" };
  const added = await request(`${services}/rollcall.Greeter/instances/n1`, { method: "PUT", body: native });
  assert.ok(added.status < 300, added.text);
  const both = [port, hidden].sort((a, b) => a - b).join(",");
  if (byInterface !== undefined) await waitForLine(byInterface, new RegExp(`^from=${both}$`));
  await provider.kill("SIGTERM");
  await until(async () => (await listed("rollcall.Greeter")).length === 1, { what: "the interface to be gone" });
  await until(async () => (await listed("shop-provider")).length === 0, { what: "the application to be gone" });
});
