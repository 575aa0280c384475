import { runJob } from "../../generators/driver.ts";
import { readCpuSeconds, readMemory, sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { toConsulServices } from "../../load/consul/services.ts";
import { type ConsulSide, withConsul } from "../../peers/consul.ts";
import type { Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const SERVICES = 10_000;
/** An agent of Consul looks at all that it has for each one more: it would take some four minutes for 10 000. */
const CONSUL_CHECKS = 3000;
const QUICK = 1000;
const EVERY_MS = 10_000;
const CONNECTIONS = 32;
const SETTLE_MS = 5000;
const LOOK_EVERY_MS = 1000;
const FILL_MS_MAX = 180_000;
const MB = 1e6;

async function awaitAll(port: number, count: number): Promise<void> {
  const until = performance.now() + FILL_MS_MAX;
  for (let there = 0; there < count; ) {
    if (performance.now() > until) throw new Error(`only ${there} of ${count} services are there`);
    await sleep(LOOK_EVERY_MS);
    const { body } = await askOnce(port, "GET", "/v1/catalog/services");
    there = body.toString("latin1").split('"bench-').length - 1;
  }
}

async function measureMemory(side: ConsulSide, { quick }: Effort): Promise<Sample> {
  const count = quick ? QUICK : SERVICES;
  return withConsul(side, async ({ port, child }) => {
    const job = { kind: "consul-catalog", port, connections: 8, count, serviceSize: 100 } as const;
    const filled = await runJob(job, FILL_MS_MAX);
    if (filled.errors > 0) throw new Error(`${filled.errors} transactions were refused`);
    await awaitAll(port, count);
    await sleep(SETTLE_MS);
    return { memory: readMemory(child.process.pid ?? 0).total / MB };
  });
}

/** 10 000 services with a check each, on 100 nodes: what they take. */
export const CONSUL_MEMORY: Scenario<ConsulSide> = {
  id: "consul-population",
  rounds: 1,
  sides: ["consul", "rollcall"],
  roundMsMax: 1_000_000,
  measure: measureMemory,
};

/** Ours are registered; Consul's are in its configuration, as its agent takes longer still for each that is registered. */
async function fillAgent(side: ConsulSide, { port }: Peer, count: number): Promise<void> {
  if (side === "rollcall") {
    const job = { kind: "consul-fill", port, connections: CONNECTIONS, count, serviceSize: 1 } as const;
    const filled = await runJob(job, FILL_MS_MAX);
    if (filled.errors > 0) throw new Error(`${filled.errors} of ${count} services were refused`);
  }
  await awaitAll(port, count);
}

async function measureBeats(side: ConsulSide, { quick }: Effort): Promise<Sample> {
  const count = quick ? QUICK : side === "consul" ? CONSUL_CHECKS : SERVICES;
  const services = side === "consul" ? toConsulServices(count) : undefined;
  const measureOne = async (peer: Peer): Promise<Sample> => {
    const { port, child } = peer;
    await fillAgent(side, peer, count);
    await sleep(SETTLE_MS);
    const pid = child.process.pid ?? 0;
    const beats = { kind: "consul-beats", port, connections: CONNECTIONS, count, everyMs: EVERY_MS } as const;
    const cpu = readCpuSeconds(pid);
    const beaten = await runJob({ ...beats, measureMs: EVERY_MS }, 60_000);
    const beatCpuUs = ((readCpuSeconds(pid) - cpu) * 1e6) / beaten.count;
    if (beaten.errors > 0) throw new Error(`${beaten.errors} of ${count} checks were refused`);
    const critical = await askOnce(port, "GET", "/v1/health/state/critical");
    if (critical.body.toString() !== "[]") throw new Error("checks turned critical though they were passed");
    return { beatP99: beaten.lagsMs?.[0] ?? Number.NaN, beatCpuUs };
  };
  return withConsul(side, measureOne, services);
}

/** An agent's checks with a TTL, each passed every 10 s: 10 000 here, 3 000 at Consul. */
export const CONSUL_BEATS: Scenario<ConsulSide> = {
  id: "consul-beats",
  rounds: 1,
  sides: ["consul", "rollcall"],
  roundMsMax: 1_000_000,
  measure: measureBeats,
};
