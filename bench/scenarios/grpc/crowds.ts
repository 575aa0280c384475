import { runJob } from "../../generators/driver.ts";
import type { EtcdSide } from "../../peers/etcd.ts";
import { withGrpc } from "../../peers/grpc.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const WATCHERS = 1000;

/** 1 000 streams on 1 000 connections and on 10, told of one change after the other; then as many clients of xDS. */
async function measure(side: EtcdSide, { changes }: Effort): Promise<Sample> {
  return withGrpc(side, async ({ port }) => {
    const sample: Sample = {};
    const run = async (metric: string, kind: "etcd-fanout" | "grpc-fanout" | "grpc-eds", connections: number) => {
      const layout = { watchers: WATCHERS, connections, watchesPerStream: 1 };
      const { lagsMs = [] } = await runJob({ kind, port, changes, ...layout }, 60_000);
      sample[metric] = findMedian(lagsMs);
    };
    const kind = side === "etcd" ? "etcd-fanout" : "grpc-fanout";
    await run("own", kind, WATCHERS);
    await run("few", kind, 10);
    if (side === "rollcall") await run("endpoints", "grpc-eds", WATCHERS);
    return sample;
  });
}

export const GRPC_CROWDS: Scenario<EtcdSide> = {
  id: "grpc-crowds",
  rounds: 3,
  sides: ["etcd", "rollcall"],
  roundMsMax: 100_000,
  measure,
};
