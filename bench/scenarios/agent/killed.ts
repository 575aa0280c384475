import { join } from "node:path";
import { createClient } from "@rollcall/client";
import { Child, sleep } from "../../host/child.ts";
import { type Spoken, startAgent, startBackend, startCrowd } from "../../peers/agent.ts";
import { withPeer } from "../../peers/registry.ts";
import { useServer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const HOLDER = join(import.meta.dirname, "..", "..", "load", "sdk", "holder", "main.ts");
/** 100 agents on a machine that runs no 100 programs: so many processes, with so many agents each. */
const CROWDS = 4;
const AGENTS = 25;
const AGENTS_QUICK = 5;
/** Protection holds none of so few. */
const BACKENDS = 9;
const BACKENDS_QUICK = 3;
const LINGER_MS = 100;
/** All agents have written their snapshots, and are at rest. */
const REST_MS = 1500;
const CHECK_MS = 1000;
const WAIT_MS_MAX = 30_000;

interface Killable {
  readonly service: string;
  readonly child: Child;
}

/** From the kill of each until the last agent's watcher knows. */
async function killAll(all: readonly Killable[], crowds: readonly Spoken[], afterMs: () => number): Promise<number[]> {
  const tookMs: number[] = [];
  for (const { service, child } of all) {
    await sleep(afterMs());
    const beganMs = performance.now();
    child.process.kill("SIGKILL");
    await Promise.all(crowds.map((crowd) => crowd.hear(`gone ${service}`, WAIT_MS_MAX)));
    tookMs.push(performance.now() - beganMs);
  }
  return tookMs;
}

async function awaitEach(services: readonly string[], isThere: (service: string) => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + WAIT_MS_MAX;
  for (const service of services)
    while (!(await isThere(service).catch(() => false))) {
      if (performance.now() > untilMs) throw new Error(`${service} was not registered`);
      await sleep(20);
    }
}

/** Programs that hold a connection. */
async function killHolders(port: number, count: number, crowds: readonly Spoken[]): Promise<number[]> {
  const client = createClient({ url: `http://127.0.0.1:${port}` });
  const all = Array.from({ length: count }, (_, nth) => {
    const service = `held${nth}`;
    const given = ["--import", "tsx", HOLDER, String(port), service, String(LINGER_MS)];
    return { service, child: new Child("holder", process.execPath, given) };
  });
  // Its connection is a heartbeat.
  await awaitEach(
    all.map(({ service }) => service),
    async (service) => ((await client.explain(service, "1")).keptAliveBy?.beats ?? 0) > 0,
  );
  return killAll(all, crowds, () => REST_MS);
}

/** Servers that an agent checks by HTTP each second, by a file of Nerve's, and takes out at the first check that fails. */
async function killChecked(port: number, count: number, crowds: readonly Spoken[]): Promise<number[]> {
  const url = `http://127.0.0.1:${port}`;
  const client = createClient({ url });
  const all = await Promise.all(
    Array.from({ length: count }, async (_, nth) => ({ service: `checked${nth}`, ...(await startBackend("b")) })),
  );
  const check = { type: "http", uri: "/", timeout: 0.5, rise: 1, fall: 1 };
  const services = Object.fromEntries(
    all.map(({ service, port: own }) => [
      service,
      {
        ...{ host: "127.0.0.1", port: own, zk_path: `/nerve/services/${service}/services` },
        ...{ check_interval: CHECK_MS / 1000, checks: [check] },
      },
    ]),
  );
  return useServer(await startAgent(url, { nerve: { instance_id: "box", services } }), async () => {
    await awaitEach(
      all.map(({ service }) => service),
      async (service) => (await client.service(service)).instances.length === 1,
    );
    // At any moment between two checks.
    return killAll(all, crowds, () => REST_MS + CHECK_MS * Math.random());
  });
}

async function measure(port: number, agents: number, backends: number): Promise<Sample> {
  const starting = Array.from({ length: CROWDS }, () => startCrowd(`http://127.0.0.1:${port}`, agents));
  const crowds = await Promise.all(starting);
  const heldMs = await killHolders(port, backends, crowds);
  const checkedMs = await killChecked(port, backends, crowds);
  await Promise.all(crowds.map(({ child }) => child.stop("SIGKILL")));
  return {
    ...{ held: findMedian(heldMs), heldSlowest: Math.max(...heldMs) },
    ...{ checked: findMedian(checkedMs), checkedSlowest: Math.max(...checkedMs) },
  };
}

/** A backend is killed: from then until a watcher at the last of 100 agents is told that it is gone. */
export const KILLED: Scenario<"rollcall"> = {
  id: "agent-killed",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 240_000,
  measure: (side, { quick }: Effort) =>
    withPeer(side, ({ port }) => measure(port, quick ? AGENTS_QUICK : AGENTS, quick ? BACKENDS_QUICK : BACKENDS)),
};
