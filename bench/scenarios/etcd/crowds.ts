import { runJob } from "../../generators/driver.ts";
import { readMemory } from "../../host/child.ts";
import { type EtcdSide, withKeys } from "../../peers/etcd.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const WATCHERS = 1000;
const MB = 1e6;
const LEASES_QUICK = 10_000;
const LEASES = 100_000;
/** At least. What it takes to grant them is tried first. */
const LEAD_S = 20;
const LEAD_QUICK_S = 5;
const LEAD_MS_MAX = 200_000;
const OVER_S = 10;
/** etcd ends a thousand in a second. */
const LATE_MS_MAX = 240_000;

/** 1 000 watches on 1 000 connections and on 10, told of one change after the other. */
async function measureFanout(side: EtcdSide, { changes }: Effort): Promise<Sample> {
  return withKeys(side, async ({ port }) => {
    const sample: Sample = {};
    for (const [metric, connections] of [
      ["own", WATCHERS],
      ["few", 10],
    ] as const) {
      const layout = { watchers: WATCHERS, connections, watchesPerStream: WATCHERS / connections };
      const { lagsMs = [] } = await runJob({ kind: "etcd-fanout", port, changes, ...layout }, 60_000);
      sample[metric] = findMedian(lagsMs);
    }
    return sample;
  });
}

export const KEY_WATCHES: Scenario<EtcdSide> = {
  id: "etcd-watches",
  rounds: 3,
  sides: ["etcd", "rollcall"],
  roundMsMax: 100_000,
  measure: measureFanout,
};

/** Leases that all end in the same ten seconds: when the last key is gone. */
async function measureExpiry(side: EtcdSide, { quick }: Effort): Promise<Sample> {
  return withKeys(side, async ({ port, child }) => {
    const [count, leadS] = quick ? [LEASES_QUICK, LEAD_QUICK_S] : [LEASES, LEAD_S];
    const job = {
      kind: "etcd-expiry",
      port,
      connections: 64,
      count,
      leadS,
      overS: OVER_S,
      lateMsMax: LATE_MS_MAX,
    } as const;
    const { expiry } = await runJob(job, LEAD_MS_MAX + OVER_S * 1000 + LATE_MS_MAX + 30_000);
    if (expiry === undefined) throw new Error("the load told nothing of its leases");
    if (expiry.early > 0) throw new Error(`${expiry.early} keys were gone before they were due`);
    const memoryAfter = readMemory(child.process.pid ?? 0).total / MB;
    return { last: expiry.lastLateMs, late: expiry.lateMs, memoryAfter };
  });
}

export const EXPIRY: Scenario<EtcdSide> = {
  id: "etcd-expiry",
  rounds: 1,
  sides: ["etcd", "rollcall"],
  roundMsMax: 500_000,
  measure: measureExpiry,
};
