import { runJob } from "../../generators/driver.ts";
import { withEnsemble } from "../../peers/ensemble.ts";
import type { Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian, findP99 } from "../../statistics.ts";

const PAUSE_MS = 10;
const JOB_MS_MAX = 120_000;

async function measure(_side: "rollcall", effort: Effort): Promise<Sample> {
  return withEnsemble("rollcall", async ({ peers }) => {
    const [first, second] = peers as [Peer, Peer];
    const job = { kind: "rollcall-lag", port: first.port, otherPort: second.port, pauseMs: PAUSE_MS } as const;
    await runJob({ ...job, changes: 50 }, JOB_MS_MAX);
    const { lag } = await runJob({ ...job, changes: effort.changes * 10 }, JOB_MS_MAX);
    if (lag === undefined) throw new Error("no times");
    return {
      sentToThere: findMedian(lag.sentToThereMs),
      sentToThereP99: findP99(lag.sentToThereMs),
      hereToThere: findMedian(lag.hereToThereMs),
      hereToThereP99: findP99(lag.hereToThereMs),
    };
  });
}

/** A change at one node, seen at another one. */
export const LAG: Scenario<"rollcall"> = {
  id: "nodes-lag",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 300_000,
  measure,
};
