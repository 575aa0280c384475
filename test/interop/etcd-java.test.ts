/** jetcd 0.8.5 with all its services, through a restart of the registry: `java/jetcd-client`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Caller, startEtcd } from "../etcd/dialect/rig.ts";
import { requirePackage } from "../harness/packages.ts";
import { until } from "../harness/scope.ts";
import { buildProject } from "./maven-rig.ts";

const packages = [requirePackage("maven", "mvn"), requirePackage("default-jdk-headless", "javac")];
const project = await buildProject("jetcd-client", packages);

test("jetcd's keys, leases, locks, elections and watches work", { skip: project.skip, timeout: 180_000 }, async (t) => {
  const rollcall = await startEtcd(t, { dialects: "etcd" });
  const port = rollcall.port("etcd");
  const client = project.start(t, "rollcall.Main", { args: [`127.0.0.1:${port}`] });
  await until(() => client.gone !== undefined || client.lines.includes("ready"), {
    what: "jetcd to be through",
    timeoutMs: 120_000,
  });
  await rollcall.restart();
  await new Caller(t, port).must("KV/Put", { key: "restart/started", value: "1" });
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.lines.join("\n"));
});
