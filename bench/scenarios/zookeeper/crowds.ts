import { runJob } from "../../generators/driver.ts";
import type { NodesJob } from "../../load/job.ts";
import { type NodesSide, withNodes } from "../../peers/nodes.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const MS_MAX = 120_000;
const NONE = { streams: 1, valueBytes: 0, warmMs: 0, measureMs: 0, changes: 0, count: 0 };

/** How many connect, watch and end; a tenth of it in a smoke run. */
async function measure(port: number, effort: Effort): Promise<Sample> {
  const many = (count: number): number => (effort.quick ? count / 10 : count);
  const run = (task: NodesJob["task"], more: Partial<NodesJob>) =>
    runJob({ kind: "zookeeper-nodes", task, port, connections: 1, ...NONE, ...more }, MS_MAX);
  const fanout = await run("fanout", { connections: 1000, changes: effort.changes });
  const sessions = await run("sessions", { connections: many(10_000), measureMs: effort.measureMs });
  const flood = await run("flood", { connections: many(1000), count: many(5000) });
  return {
    fanout: findMedian(fanout.lagsMs ?? []),
    connects: many(10_000) / ((sessions.lagsMs?.[0] ?? Number.NaN) / 1000),
    pings: sessions.count / sessions.seconds,
    flood: flood.slowestMs ?? Number.NaN,
  };
}

/** One change to 1 000 watchers; 10 000 sessions that connect and ping; 5 000 that end at once while 1 000 others ping. */
export const CROWDS: Scenario<NodesSide> = {
  id: "zookeeper-crowds",
  rounds: 3,
  sides: ["zookeeper", "rollcall"],
  roundMsMax: 400_000,
  measure: (side, effort) => withNodes(side, ({ port }) => measure(port, effort)),
};
