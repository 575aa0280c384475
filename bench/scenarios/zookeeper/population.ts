import { rmSync } from "node:fs";
import { startJob } from "../../generators/driver.ts";
import { findPort, readMemory, sleep } from "../../host/child.ts";
import type { NodesJob } from "../../load/job.ts";
import { awaitNode, type NodesPeer, type NodesSide, spawnNodes } from "../../peers/nodes.ts";
import { makeDir } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const MB = 1e6;
const SETTLE_MS = 10_000;
const FILL_MS_MAX = 120_000;
const BYTES = 250;

async function restart(peer: NodesPeer, signal: "SIGTERM" | "SIGKILL", path: string): Promise<[NodesPeer, number]> {
  await peer.child.stop(signal, 30_000);
  const from = performance.now();
  const next = await spawnNodes(peer.side, peer.dir, peer.port);
  try {
    await awaitNode(next, path);
  } catch (error) {
    await next.child.stop("SIGKILL");
    throw error;
  }
  return [next, performance.now() - from];
}

async function measure(side: NodesSide, effort: Effort): Promise<Sample> {
  let peer = await spawnNodes(side, makeDir(side), await findPort());
  const sample: Sample = {};
  const count = effort.population;
  try {
    await awaitNode(peer);
    const load = { connections: count / 10, count, valueBytes: BYTES, streams: 1, warmMs: 0, measureMs: 0, changes: 0 };
    const job: NodesJob = { kind: "zookeeper-nodes", task: "fill", port: peer.port, ...load };
    const filled = await startJob(job, FILL_MS_MAX);
    await sleep(SETTLE_MS);
    sample.memory = readMemory(peer.child.process.pid ?? 0).total / MB;
    await filled.stop();
    const last = `/fill-${count / 200}/50`;
    [peer, sample.restart] = await restart(peer, "SIGTERM", last);
    [peer, sample.restartKilled] = await restart(peer, "SIGKILL", last);
  } finally {
    await peer.child.stop();
    rmSync(peer.dir, { recursive: true, force: true });
  }
  return sample;
}

/** 100 000 nodes and 10 000 sessions: what they cost in memory, and how long a restart with the nodes takes. */
export const NODES_POPULATION: Scenario<NodesSide> = {
  id: "zookeeper-population",
  rounds: 3,
  sides: ["zookeeper", "rollcall"],
  roundMsMax: 300_000,
  measure,
};
