/** Nerve's and Synapse's files on Rollcall's own ZooKeeper, as on any other. */
import { test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { liveOnZooKeeper } from "./zookeeper.ts";

test("reporters and watchers by ZooKeeper's protocol", async (t) => {
  const rollcall = await startRollcall(t, { flags: ["--replicator", "memory", "--dialects", "http,zookeeper"] });
  await liveOnZooKeeper(t, `127.0.0.1:${rollcall.port("zookeeper")}`);
});
