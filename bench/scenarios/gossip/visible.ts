import { runJob } from "../../generators/driver.ts";
import { withCopies } from "../../peers/copies.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian, findP99 } from "../../statistics.ts";

const COUNTS = [3, 7, 31];
const PAUSE_MS = 10;
const JOB_MS_MAX = 180_000;

type VisibleSide = "rollcall" | "eureka";

async function measureOne(side: VisibleSide, count: number, changes: number): Promise<Sample> {
  return withCopies(side, count, async ({ peers }) => {
    const servers = peers.map(({ host, port }) => ({ host, port }));
    const job = { kind: `${side}-visible`, servers, pauseMs: PAUSE_MS } as const;
    const warm = Math.ceil(changes / 5);
    await runJob({ ...job, first: 0, changes: warm }, JOB_MS_MAX);
    const { visibleMs } = await runJob({ ...job, first: warm, changes }, JOB_MS_MAX);
    if (visibleMs === undefined) throw new Error("no times");
    return { [`visible${count}`]: findMedian(visibleMs), [`visible${count}P99`]: findP99(visibleMs) };
  });
}

async function measure(side: VisibleSide, effort: Effort): Promise<Sample> {
  if (side === "eureka") return measureOne(side, 3, effort.changes / 3);
  const samples: Sample[] = [];
  for (const count of COUNTS) samples.push(await measureOne(side, count, effort.changes * 5));
  return Object.assign({}, ...samples) as Sample;
}

/** A registration at one of some servers, until all of them have it. */
export const VISIBLE: Scenario<VisibleSide> = {
  id: "gossip-visible",
  rounds: 3,
  roundsMax: { eureka: 1 },
  sides: ["rollcall", "eureka"],
  // The first round may build Eureka's server.
  roundMsMax: 600_000,
  measure,
};
