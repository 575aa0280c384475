import { rmSync } from "node:fs";
import { runJob } from "../../generators/driver.ts";
import { readMemory, sleep } from "../../host/child.ts";
import { toService } from "../../load/job.ts";
import { awaitRead, type RegistryPeer, type RegistrySide, spawnPeer } from "../../peers/registry.ts";
import { makeDir } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const SERVICE_SIZE = 100;
const VALUE_BYTES = 250;
const MB = 1e6;
const SETTLE_MS = 10_000;
const SETTLE_QUICK_MS = 2000;

/** Ends the server and starts it again: the time from the start of the process to the first read answered. */
async function restart(
  peer: RegistryPeer,
  signal: "SIGTERM" | "SIGKILL",
  instances: number,
): Promise<[RegistryPeer, number]> {
  await peer.child.stop(signal, 30_000);
  const from = performance.now();
  const next = await spawnPeer(peer.side, peer.dir, peer.port);
  const service = toService(Math.floor(instances / SERVICE_SIZE / 2));
  try {
    await awaitRead(next, service, SERVICE_SIZE);
  } catch (error) {
    await next.child.stop("SIGKILL");
    throw error;
  }
  return [next, performance.now() - from];
}

async function measure(side: RegistrySide, effort: Effort): Promise<Sample> {
  const count = effort.population;
  let peer = await spawnPeer(side, makeDir(side));
  const sample: Sample = {};
  try {
    await awaitRead(peer);
    const fill = { kind: `${side}-fill` as const, port: peer.port, connections: 64, count };
    const filled = await runJob({ ...fill, serviceSize: SERVICE_SIZE, valueBytes: VALUE_BYTES }, 120_000);
    if (filled.errors > 0) throw new Error(`${filled.errors} of ${count} instances were refused`);
    await sleep(effort.quick ? SETTLE_QUICK_MS : SETTLE_MS);
    const memory = readMemory(peer.child.process.pid ?? 0);
    sample.memory = memory.total / MB;
    sample.memoryAnonymous = memory.anonymous / MB;
    [peer, sample.restart] = await restart(peer, "SIGTERM", count);
    [peer, sample.restartKilled] = await restart(peer, "SIGKILL", count);
    await sleep(effort.quick ? SETTLE_QUICK_MS : SETTLE_MS);
    sample.memoryRestarted = readMemory(peer.child.process.pid ?? 0).total / MB;
  } finally {
    await peer.child.stop();
    rmSync(peer.dir, { recursive: true, force: true });
  }
  return sample;
}

/** Many leased instances: what they cost in memory, and how long a restart with them takes. */
export const POPULATION: Scenario<RegistrySide> = {
  id: "population",
  rounds: 3,
  sides: ["etcd", "rollcall"],
  roundMsMax: 300_000,
  measure,
};
