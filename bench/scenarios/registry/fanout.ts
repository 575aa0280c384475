import { runJob } from "../../generators/driver.ts";
import type { FanoutJob } from "../../load/job.ts";
import { type RegistrySide, withPeer } from "../../peers/registry.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const WATCHERS = 1000;

type Kind = Extract<FanoutJob["kind"], "etcd-fanout" | "rollcall-fanout">;

/** Metric -> how the watchers share connections and streams. */
const LAYOUTS: Record<Kind, Record<string, { connections: number; watchesPerStream: number }>> = {
  "etcd-fanout": {
    connections: { connections: WATCHERS, watchesPerStream: 1 },
    streams: { connections: 10, watchesPerStream: 1 },
    multiplexed: { connections: 10, watchesPerStream: WATCHERS / 10 },
  },
  "rollcall-fanout": {
    connections: { connections: WATCHERS, watchesPerStream: 1 },
    multiplexed: { connections: 10, watchesPerStream: WATCHERS / 10 },
  },
};

async function measureLayouts(kind: Kind, port: number, changes: number): Promise<Sample> {
  const sample: Sample = {};
  for (const [metric, layout] of Object.entries(LAYOUTS[kind])) {
    const result = await runJob({ kind, port, watchers: WATCHERS, changes, ...layout }, 60_000);
    sample[metric] = findMedian(result.lagsMs ?? []);
  }
  return sample;
}

/** One change to 1 000 watchers: the median time from sending it until the last of them has all of it. */
export const FANOUT: Scenario<RegistrySide> = {
  id: "fanout",
  rounds: 5,
  sides: ["etcd", "rollcall"],
  roundMsMax: 200_000,
  measure: (side, effort: Effort) =>
    withPeer(side, ({ port }) => measureLayouts(`${side}-fanout`, port, effort.changes)),
};
