import { rmSync } from "node:fs";
import { runJob } from "../../generators/driver.ts";
import { findPort, readMemory, sleep } from "../../host/child.ts";
import { toService } from "../../load/job.ts";
import { awaitKeys, type EtcdPeer, type EtcdSide, spawnKeys } from "../../peers/etcd.ts";
import { makeDir } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const SERVICE_SIZE = 100;
const BYTES = 250;
const MB = 1e6;
const SETTLE_MS = 10_000;

async function restart(peer: EtcdPeer, signal: "SIGTERM" | "SIGKILL", keys: number): Promise<[EtcdPeer, number]> {
  await peer.child.stop(signal, 30_000);
  const from = performance.now();
  const next = await spawnKeys(peer.side, peer.dir, peer.port);
  try {
    await awaitKeys(next, toService(Math.floor(keys / SERVICE_SIZE / 2)), SERVICE_SIZE);
  } catch (error) {
    await next.child.stop("SIGKILL");
    throw error;
  }
  return [next, performance.now() - from];
}

async function measure(side: EtcdSide, effort: Effort): Promise<Sample> {
  const count = effort.population;
  let peer = await spawnKeys(side, makeDir(side), await findPort());
  const sample: Sample = {};
  try {
    await awaitKeys(peer);
    const fill = { kind: "etcd-fill", port: peer.port, connections: 64, count, serviceSize: SERVICE_SIZE } as const;
    const filled = await runJob({ ...fill, valueBytes: BYTES }, 240_000);
    if (filled.errors > 0) throw new Error(`${filled.errors} of ${count} keys were refused`);
    await sleep(SETTLE_MS);
    sample.memory = readMemory(peer.child.process.pid ?? 0).total / MB;
    [peer, sample.restart] = await restart(peer, "SIGTERM", count);
    [peer, sample.restartKilled] = await restart(peer, "SIGKILL", count);
    await sleep(SETTLE_MS);
    sample.memoryRestarted = readMemory(peer.child.process.pid ?? 0).total / MB;
  } finally {
    await peer.child.stop();
    rmSync(peer.dir, { recursive: true, force: true });
  }
  return sample;
}

/** Many keys with a lease each: what they cost in memory, and how long a restart with them takes. */
export const KEY_POPULATION: Scenario<EtcdSide> = {
  id: "etcd-population",
  rounds: 1,
  sides: ["etcd", "rollcall"],
  roundMsMax: 420_000,
  measure,
};
