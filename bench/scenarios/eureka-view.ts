import { runJob } from "../generator.ts";
import type { EurekaViewResult, JobResult, ViewResult } from "../load/job.ts";
import { type EurekaPeer, type EurekaSide, withEurekaPeer } from "../peer-eureka.ts";
import type { Effort, Sample, Scenario } from "../row.ts";
import { findMedian, findP99 } from "../statistics.ts";

type Side = Exclude<EurekaSide, "node">;

const INSTANCES = 1000;
const LEASE_S = 3;
const CRASHES = 20;
const BEATS_PER_SECOND = 100;
/** What a round makes of the effort's changes. */
const FACTOR = 10;
const CHANGE_MS = 20;
/** A stock server renews its answers every 30 s, so its changes are spread over that. */
const EUREKA_CHANGES = 60;
const EUREKA_OVER_MS = 30_000;
/** A stock server takes 6 s, 60 s and 30 s, one after the other, to forget a lease of 3 s. */
const EUREKA_MS_MAX = 130_000;
const ROLLCALL_MS_MAX = 10_000;
const SLACK_MS = 20_000;

function toViewSample(name: string, view: ViewResult): Sample {
  return {
    [`${name}Ack`]: findMedian(view.fromAckMs),
    [`${name}AckP99`]: findP99(view.fromAckMs),
    [`${name}AckWorst`]: Math.max(...view.fromAckMs),
    [`${name}Post`]: findMedian(view.fromPostMs),
    [`${name}Stale`]: view.stale,
    [`${name}Fetches`]: view.fetches,
    [`${name}FetchMs`]: view.fetchMs,
    [`${name}Bytes`]: view.bytes,
  };
}

function toSample(views: EurekaViewResult, { eurekaCrashes }: JobResult): Sample {
  if (eurekaCrashes === undefined) throw new Error("the load told nothing of the crashes");
  const beyondLease = (times: readonly number[]): number[] => times.map((ms) => ms - LEASE_S * 1000);
  const { full, delta } = views;
  return {
    ...toViewSample("full", full),
    ...toViewSample("delta", delta),
    stale: full.stale + delta.stale,
    crash: findMedian(beyondLease(eurekaCrashes.goneMs)),
    crashWorst: Math.max(...beyondLease(eurekaCrashes.goneMs)),
    crashLeast: Math.min(...beyondLease(eurekaCrashes.goneMs)),
    crashDeltaWorst: Math.max(...beyondLease(eurekaCrashes.deltaMs)),
  };
}

async function measure(peer: EurekaPeer, effort: Effort): Promise<Sample> {
  const isOurs = peer.side === "rollcall";
  const changes = isOurs ? effort.changes * FACTOR : EUREKA_CHANGES;
  const overMs = isOurs ? changes * CHANGE_MS : EUREKA_OVER_MS;
  const seenMsMax = isOurs ? ROLLCALL_MS_MAX : EUREKA_MS_MAX;
  const common = { port: peer.port, instances: INSTANCES, seenMsMax };
  // A stock server would show all three kinds equally late.
  const view = { kind: "eureka-view", changes, overMs, mixed: isOurs, ...common } as const;
  const { eurekaViews } = await runJob(view, overMs + seenMsMax + SLACK_MS);
  if (eurekaViews === undefined) throw new Error("the load told nothing of the views");
  const crash = { crashes: CRASHES, leaseS: LEASE_S, beatsPerSecond: BEATS_PER_SECOND, ...common };
  const crashed = await runJob({ kind: "eureka-crash", ...crash }, 2 * seenMsMax + SLACK_MS);
  return toSample(eurekaViews, crashed);
}

/** How soon a change is in what clients fetch, and how long a crashed instance stays there. */
export const EUREKA_VIEW: Scenario<Side> = {
  id: "eureka-view",
  rounds: 3,
  roundsMax: { eureka: 1 },
  sides: ["eureka", "rollcall"],
  roundMsMax: 600_000,
  measure: (side, effort) => {
    if (side === "eureka" && effort.quick) throw new Error("it takes three minutes and is not in a smoke run");
    return withEurekaPeer(side, INSTANCES, (peer) => measure(peer, effort));
  },
};
