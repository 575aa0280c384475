import { runJob } from "../../generators/driver.ts";
import { readCpuSeconds, readMemory, sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { type ConsulSide, withConsul } from "../../peers/consul.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const SERVICES = 10_000;
const SERVICES_QUICK = 1000;
const EVERY_MS = 10_000;
const CONNECTIONS = 32;
const SETTLE_MS = 5000;
/** An agent of Consul writes each service and check into a file of its own, and has its server agree, one after the other. */
const FILL_MS_MAX = 400_000;
const MB = 1e6;

async function measure(side: ConsulSide, { quick }: Effort): Promise<Sample> {
  const count = quick ? SERVICES_QUICK : SERVICES;
  return withConsul(side, async ({ port, child }) => {
    const fill = { kind: "consul-fill", port, connections: CONNECTIONS, count, serviceSize: 1 } as const;
    const filled = await runJob(fill, FILL_MS_MAX);
    if (filled.errors > 0) throw new Error(`${filled.errors} of ${count} services were refused`);
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
  });
}

/** 10 000 services of an agent with a check each: what they take, and what it costs to pass each check every 10 s. */
export const CONSUL_POPULATION: Scenario<ConsulSide> = {
  id: "consul-population",
  rounds: 1,
  sides: ["consul", "rollcall"],
  roundMsMax: 1_000_000,
  measure,
};
