import { runJob } from "../../generators/driver.ts";
import { runUnderWrk } from "../../generators/wrk.ts";
import type { EurekaCrashJob, EurekaViewJob, JobResult, ViewResult } from "../../load/job.ts";
import { type EurekaPeer, type EurekaSide, withEurekaPeer } from "../../peers/eureka.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian, findP99 } from "../../statistics.ts";

type Side = Exclude<EurekaSide, "node">;

const INSTANCES = 1024;
const LEASE_S = 3;
const CRASHES = 20;
const BEATS_PER_SECOND = 100;
/** A round makes so many times the changes of the effort. A multiple of 3. */
const FACTOR = 6;
const CHANGE_MS = 20;
const ROLLCALL_MS_MAX = 10_000;
/** A stock server renews its answers every 30 s, so its changes are spread over that. */
const EUREKA_CHANGES = 60;
const EUREKA_OVER_MS = 30_000;
/** A stock server takes 6 s, 60 s and 30 s, one after the other, to forget a lease of 3 s. */
const EUREKA_MS_MAX = 130_000;
const SLACK_MS = 20_000;

interface Plan {
  view: EurekaViewJob;
  crash: EurekaCrashJob;
}

/** Once idle, once loaded: `turn` sets the instances apart. */
function toPlan({ side, port }: EurekaPeer, effort: Effort, turn: number): Plan {
  const isOurs = side === "rollcall";
  const changes = isOurs ? effort.changes * FACTOR : EUREKA_CHANGES;
  const overMs = isOurs ? changes * CHANGE_MS : EUREKA_OVER_MS;
  const common = { port, instances: INSTANCES, seenMsMax: isOurs ? ROLLCALL_MS_MAX : EUREKA_MS_MAX };
  const crash = { first: turn * CRASHES, crashes: CRASHES, leaseS: LEASE_S, beatsPerSecond: BEATS_PER_SECOND };
  return {
    // A stock server would show all three kinds equally late.
    view: { kind: "eureka-view", first: turn * changes, changes, overMs, mixed: isOurs, ...common },
    crash: { kind: "eureka-crash", ...crash, ...common },
  };
}

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

function toCrashSample(name: string, { eurekaCrashes }: JobResult): Sample {
  if (eurekaCrashes === undefined) throw new Error("the load told nothing of the crashes");
  const beyondLease = (times: readonly number[]): number[] => times.map((ms) => ms - LEASE_S * 1000);
  const gone = beyondLease(eurekaCrashes.goneMs);
  return {
    [name]: findMedian(gone),
    [`${name}Worst`]: Math.max(...gone),
    [`${name}Least`]: Math.min(...gone),
    [`${name}DeltaWorst`]: Math.max(...beyondLease(eurekaCrashes.deltaMs)),
  };
}

async function measureOnce(plan: Plan, names: { full: string; delta: string; crash: string }): Promise<Sample> {
  const { view, crash } = plan;
  const { eurekaViews } = await runJob(view, view.overMs + view.seenMsMax + SLACK_MS);
  if (eurekaViews === undefined) throw new Error("the load told nothing of the views");
  const crashed = await runJob(crash, 2 * crash.seenMsMax + SLACK_MS);
  return {
    ...toViewSample(names.full, eurekaViews.full),
    ...toViewSample(names.delta, eurekaViews.delta),
    ...toCrashSample(names.crash, crashed),
  };
}

async function measure(peer: EurekaPeer, effort: Effort): Promise<Sample> {
  const idle = await measureOnce(toPlan(peer, effort, 0), { full: "full", delta: "delta", crash: "crash" });
  const idleStale = (idle.fullStale ?? 0) + (idle.deltaStale ?? 0);
  if (peer.side === "eureka") return { ...idle, stale: idleStale };
  const names = { full: "loadedFull", delta: "loadedDelta", crash: "loadedCrash" };
  const load = { script: "eureka-heartbeat", port: peer.port };
  const work = () => measureOnce(toPlan(peer, effort, 1), names);
  const [loaded, rate] = await runUnderWrk(load, ["java"], 120_000, work);
  const loadedStale = (loaded.loadedFullStale ?? 0) + (loaded.loadedDeltaStale ?? 0);
  return { ...idle, ...loaded, loadedRate: rate.perSecond, stale: idleStale + loadedStale };
}

/** How soon a change is in what clients fetch, and how long a crashed instance stays there; ours under load as well. */
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
