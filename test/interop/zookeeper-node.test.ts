/** The client `zookeeper` 7.3.0 of npm, which is that of C, built from source, through a restart: `node/zookeeper.cjs`. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { startZookeeper } from "../zookeeper/rig.ts";
import { installPackage } from "./node-rig.ts";
import { startShown, waitForLine } from "./programs-rig.ts";

const missing = ["g++", "make"].find((tool) => spawnSync(tool, ["--version"]).status !== 0);
const { folder, skip } =
  missing === undefined
    ? await installPackage("zookeeper@7.3.0")
    : { folder: "", skip: `${missing} is missing, which builds the client` };

test("the client of C creates, watches, and keeps its session through a kill", {
  skip,
  timeout: 120_000,
}, async (t) => {
  const rollcall = await startZookeeper(t);
  const args = [join(import.meta.dirname, "node/zookeeper.cjs"), folder, `127.0.0.1:${rollcall.port("zookeeper")}`];
  const client = startShown(t, "zookeeper of npm", process.execPath, args);
  await waitForLine(client, /^ready$/);
  await rollcall.restart();
  const { code } = await client.exited;
  assert.deepEqual([code, client.lines.at(-1)], [0, "all went well"], client.stderr());
});
