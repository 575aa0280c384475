/**
 * More nodes that gossip than a machine can run: all in this process, the real code of each, over the simulated network of
 * the tests. Times are those of the network; what the nodes themselves take for it is told as processor time.
 */

import { World } from "../../../test/harness/gossip.ts";
import { accepted, register } from "../../../test/harness/registry.ts";
import type { JobResult, SimulatedJob } from "../job.ts";

const STEP_MS = 1;
/** Where messages are lost it takes seconds. */
const LOSSY_STEP_MS = 10;
const SEEN_MS_MAX = 60_000;
const IDLE_MS = 20_000;
/** All have met, and compared themselves. */
const SETTLE_MS = 5000;
const SEED = 13;

/** Registers at one node, and returns the simulated time until all have it. */
async function spread(world: World, number: number, stepMs: number): Promise<number> {
  const nodes = [...world.running.values()].map(({ core }) => core.registry);
  const fromMs = world.nowMs;
  const id = `v-${number}`;
  const proposed = nodes[number % nodes.length]?.propose("default", register("visible", id, "permanent"));
  const missing = new Set(nodes);
  for (;;) {
    await world.settle();
    for (const node of missing) if (node.read((view) => view.instance("default", "visible", id))) missing.delete(node);
    if (missing.size === 0) break;
    if (world.nowMs - fromMs > SEEN_MS_MAX) throw new Error(`registration ${number} is not at ${missing.size} nodes`);
    await world.pass(stepMs, stepMs);
  }
  if (proposed !== undefined) accepted(await proposed);
  return world.nowMs - fromMs;
}

export async function runSimulated({ nodes, loss, changes }: SimulatedJob): Promise<JobResult> {
  const from = performance.now();
  const world = new World(nodes, SEED);
  for (const name of world.names) await world.start(name);
  await world.pass(SETTLE_MS);
  const before = world.sent.bytes;
  await world.pass(IDLE_MS);
  const bytesPerSecond = (world.sent.bytes - before) / nodes / (IDLE_MS / 1000);
  world.loss = loss;
  const visibleMs: number[] = [];
  const stepMs = loss === 0 ? STEP_MS : LOSSY_STEP_MS;
  const usedBefore = process.cpuUsage();
  for (let number = 0; number < changes; number++) visibleMs.push(await spread(world, number, stepMs));
  const { user, system } = process.cpuUsage(usedBefore);
  await world.close();
  const simulated = { bytesPerSecond, cpuUs: (user + system) / changes / nodes };
  return { count: changes, errors: 0, seconds: (performance.now() - from) / 1000, loadCores: 0, visibleMs, simulated };
}
