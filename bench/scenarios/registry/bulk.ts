import { runJob } from "../../generators/driver.ts";
import { withPeer } from "../../peers/registry.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

/** The most that one request may carry. */
const BATCH = 10_000;
const CONNECTIONS = 4;
const PASSES = 3;

async function measureRollcall(effort: Effort): Promise<Sample> {
  return withPeer("rollcall", async ({ port }) => {
    const fill = { kind: "rollcall-leases", port, connections: 64, count: effort.leases } as const;
    const filled = await runJob({ ...fill, serviceSize: 1, valueBytes: 0 }, 240_000);
    if (filled.errors > 0) throw new Error(`${filled.errors} of ${effort.leases} leases were refused`);
    const job = { kind: "rollcall-bulk", port, connections: CONNECTIONS, count: effort.leases } as const;
    const rates: number[] = [];
    for (let pass = 0; pass <= PASSES; pass++) {
      const result = await runJob({ ...job, batch: Math.min(BATCH, effort.leases) }, 60_000);
      if (result.errors > 0) throw new Error(`${result.errors} of ${effort.leases} leases were not renewed`);
      rates.push(result.count / result.seconds);
    }
    // The first pass warms up.
    return { renewals: findMedian(rates.slice(1)) };
  });
}

/** Many leases renewed by few requests. etcd has no such request. */
export const BULK: Scenario<"rollcall"> = {
  id: "bulk",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 400_000,
  measure: (_side, effort) => measureRollcall(effort),
};
