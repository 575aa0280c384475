/** go-zookeeper/zk 1.0.4, which Prometheus and Traefik have, through a restart of the registry: `go/zookeeper-client`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { until } from "../harness/scope.ts";
import { startZookeeper } from "../zookeeper/rig.ts";
import { buildModule } from "./go-rig.ts";

const program = await buildModule("zookeeper-client", requirePackage("golang-go", "go"));

test("nodes, multi, watches, rights and locks of the Go client work, and its session outlives a kill", {
  skip: program.skip,
  timeout: 120_000,
}, async (t) => {
  const rollcall = await startZookeeper(t);
  const client = program.start(t, [`127.0.0.1:${rollcall.port("zookeeper")}`]);
  await until(() => client.gone !== undefined || client.lines.includes("ready"), { what: "the client to be through" });
  await rollcall.restart();
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.lines.join("\n"));
});
