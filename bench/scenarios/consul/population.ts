import { runJob } from "../../generators/driver.ts";
import { readCpuSeconds, readMemory, sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { toConsulServices } from "../../load/consul/services.ts";
import { type ConsulSide, withConsul } from "../../peers/consul.ts";
import type { Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const SERVICES = 10_000;
const SERVICES_QUICK = 1000;
const EVERY_MS = 10_000;
const CONNECTIONS = 32;
const SETTLE_MS = 5000;
const LOOK_EVERY_MS = 1000;
const FILL_MS_MAX = 180_000;
const MB = 1e6;

/**
 * Ours are registered. An agent of Consul looks at all that it has for each one more, which would take more than five
 * minutes: it has them from its configuration, and brings its server in step with them.
 */
async function fill(side: ConsulSide, peer: Peer, count: number): Promise<void> {
  if (side === "rollcall") {
    const job = { kind: "consul-fill", port: peer.port, connections: CONNECTIONS, count, serviceSize: 1 } as const;
    const filled = await runJob(job, FILL_MS_MAX);
    if (filled.errors > 0) throw new Error(`${filled.errors} of ${count} services were refused`);
  }
  const until = performance.now() + FILL_MS_MAX;
  for (let there = 0; there < count; ) {
    if (performance.now() > until) throw new Error(`only ${there} of ${count} services are there`);
    await sleep(LOOK_EVERY_MS);
    const { body } = await askOnce(peer.port, "GET", "/v1/catalog/services");
    there = body.toString("latin1").split('"bench-').length - 1;
  }
}

async function measure(side: ConsulSide, { quick }: Effort): Promise<Sample> {
  const count = quick ? SERVICES_QUICK : SERVICES;
  const services = side === "consul" ? toConsulServices(count) : undefined;
  const measureOne = async (peer: Peer): Promise<Sample> => {
    const { port, child } = peer;
    await fill(side, peer, count);
    await sleep(SETTLE_MS);
    const pid = child.process.pid ?? 0;
    const memory = readMemory(pid).total / MB;
    const beats = { kind: "consul-beats", port, connections: CONNECTIONS, count, everyMs: EVERY_MS } as const;
    const cpu = readCpuSeconds(pid);
    const beaten = await runJob({ ...beats, measureMs: EVERY_MS }, 60_000);
    const cpuPercent = (100 * (readCpuSeconds(pid) - cpu)) / beaten.seconds;
    if (beaten.errors > 0) throw new Error(`${beaten.errors} of ${count} checks were refused`);
    const critical = await askOnce(port, "GET", "/v1/health/state/critical");
    if (critical.body.toString() !== "[]") throw new Error("checks turned critical though they were passed");
    return { memory, beatP99: beaten.lagsMs?.[0] ?? Number.NaN, cpuPercent };
  };
  return withConsul(side, measureOne, services);
}

/** 10 000 services of an agent with a check each: what they take, and what it costs to pass each check every 10 s. */
export const CONSUL_POPULATION: Scenario<ConsulSide> = {
  id: "consul-population",
  rounds: 1,
  sides: ["consul", "rollcall"],
  roundMsMax: 1_000_000,
  measure,
};
