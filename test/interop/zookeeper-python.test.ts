/** kazoo 2.11.0 with all its recipes, through a restart of the registry: `python/zookeeper-client`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { until } from "../harness/scope.ts";
import { startZookeeper } from "../zookeeper/rig.ts";
import { installProject } from "./python-rig.ts";

const project = await installProject("zookeeper-client", requirePackage("python3", "python3"));

test("kazoo's nodes, watches, transactions and recipes work, and its session outlives a kill", {
  skip: project.skip,
  timeout: 120_000,
}, async (t) => {
  const rollcall = await startZookeeper(t);
  const client = project.start(t, [`127.0.0.1:${rollcall.port("zookeeper")}`]);
  await until(() => client.gone !== undefined || client.lines.includes("ready"), { what: "kazoo to be through" });
  await rollcall.restart();
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.lines.join("\n"));
});
