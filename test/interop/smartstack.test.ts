/** SmartStack's files in an agent: HAProxy through an outage of the registry of half a minute, and a real ZooKeeper. */
import { test } from "node:test";
import { requirePackage } from "../harness/packages.ts";
import { startRollcall } from "../harness/program.ts";
import { surviveOutage } from "../smartstack/outage.ts";
import { liveOnZooKeeper } from "../smartstack/zookeeper.ts";
import { skipZookeeper, startOriginal } from "./zookeeper-rig.ts";

const { path, skip } = requirePackage("haproxy", "haproxy");

test("a registry that is away for 30 s", { skip }, (t) => surviveOutage(t, path, { outageMs: 30_000 }));

test("a registry that is away for 30 s, and has forgotten all", { skip }, (t) =>
  surviveOutage(t, path, { outageMs: 30_000, forgets: true }),
);

test("a ZooKeeper that has forgotten all, longer than a session lasts", async (t) => {
  const rollcall = await startRollcall(t, { flags: ["--replicator", "memory", "--dialects", "http,zookeeper"] });
  await liveOnZooKeeper(t, `127.0.0.1:${rollcall.port("zookeeper")}`, () => rollcall.restart());
});

test("a real ZooKeeper", { skip: skipZookeeper }, async (t) => {
  await liveOnZooKeeper(t, `127.0.0.1:${await startOriginal(t)}`);
});
