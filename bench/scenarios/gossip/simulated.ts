import { runJob } from "../../generators/driver.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian, findP99 } from "../../statistics.ts";

const JOB_MS_MAX = 120_000;
/** Of messages that are lost in the second part. */
const LOSS = 0.1;

export const SIMULATED_COUNTS = [63, 100] as const;

async function measureOne(nodes: number, changes: number): Promise<Sample> {
  const job = { kind: "gossip-simulated", nodes } as const;
  const whole = await runJob({ ...job, loss: 0, changes: changes * 5 }, JOB_MS_MAX);
  const lossy = await runJob({ ...job, loss: LOSS, changes: Math.ceil(changes / 5) }, JOB_MS_MAX);
  const { visibleMs = [], simulated } = whole;
  return {
    [`simulated${nodes}`]: findMedian(visibleMs),
    [`simulated${nodes}P99`]: findP99(visibleMs),
    [`lossy${nodes}`]: findMedian(lossy.visibleMs ?? []),
    [`lossy${nodes}P99`]: findP99(lossy.visibleMs ?? []),
    [`bytes${nodes}`]: simulated?.bytesPerSecond ?? Number.NaN,
    [`cpuUs${nodes}`]: simulated?.cpuUs ?? Number.NaN,
  };
}

async function measure(_side: "rollcall", { changes }: Effort): Promise<Sample> {
  const samples: Sample[] = [];
  for (const nodes of SIMULATED_COUNTS) samples.push(await measureOne(nodes, changes));
  return Object.assign({}, ...samples) as Sample;
}

/** The same of more nodes than one machine can run: in one process, over a simulated network. */
export const SIMULATED: Scenario<"rollcall"> = {
  id: "gossip-simulated",
  rounds: 1,
  sides: ["rollcall"],
  roundMsMax: 400_000,
  measure,
};
