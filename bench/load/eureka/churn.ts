/** Instances registered at a Eureka server: once each, or over and over. */

import { connectHttp1, type Http1Connection } from "../clients/http1.ts";
import { connectMany, runSteps } from "../fill.ts";
import type { EurekaChurnJob, EurekaFillJob, JobResult } from "../job.ts";
import { FIRST_DIRTY_MS, toRegister } from "./instances.ts";

/** The status of a registration; another 2xx would mean something else. */
export const REGISTERED = 204;
/** Registrations under way at once while an even pace is kept. */
const CHURN_CONNECTIONS = 8;
/** A prime, so that successive instances belong to different applications and all get a turn. */
const STRIDE = 37;

export async function runEurekaFill(job: EurekaFillJob): Promise<JobResult> {
  const lines = await connectMany(job.connections, () => connectHttp1(job.port));
  return runSteps<Http1Connection>(lines, job.instances, (line, number, done) => {
    line.call(toRegister(number), (answer) => done(answer.status === REGISTERED));
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Calls at even distances from now on, as long as the peer keeps up; a late one is made at once. */
export async function keepPace(
  count: number,
  overMs: number,
  lanes: number,
  step: (number: number) => Promise<void>,
): Promise<void> {
  const from = performance.now();
  let next = 0;
  const run = async (): Promise<void> => {
    for (;;) {
      const number = next++;
      if (number >= count) return;
      const wait = from + (number * overMs) / count - performance.now();
      if (wait > 0) await sleep(wait);
      await step(number);
    }
  };
  await Promise.all(Array.from({ length: lanes }, run));
}

export async function runEurekaChurn(job: EurekaChurnJob): Promise<JobResult> {
  const cpu = process.cpuUsage();
  const lines = await connectMany(CHURN_CONNECTIONS, () => connectHttp1(job.port));
  const free = [...lines];
  const from = performance.now();
  let errors = 0;
  const count = Math.round((job.perSecond * job.forMs) / 1000);
  await keepPace(count, job.forMs, CHURN_CONNECTIONS, async (number) => {
    const line = free.pop() as Http1Connection;
    const saying = { mark: `change-${number}`, dirtyMs: FIRST_DIRTY_MS + number + 1 };
    const answer = await line.ask(toRegister((number * STRIDE) % job.instances, saying));
    if (answer.status !== REGISTERED) errors++;
    free.push(line);
  });
  const seconds = (performance.now() - from) / 1000;
  const used = process.cpuUsage(cpu);
  for (const line of lines) line.close();
  return { count: count - errors, errors, seconds, loadCores: (used.user + used.system) / 1e6 / seconds };
}
