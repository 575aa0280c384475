import { runJob, runStorm, runWrk } from "../generator.ts";
import { withPeer } from "../peer.ts";
import type { Effort, Sample, Scenario } from "../row.ts";

const INSTANCES = 1024;

async function measureEtcd(effort: Effort): Promise<Sample> {
  return withPeer("etcd", async ({ port }) => {
    const span = { warmMs: effort.warmMs, measureMs: effort.measureMs };
    const job = { kind: "etcd-keepalive", port, valueBytes: 0, ...span } as const;
    const separate = await runStorm({ ...job, connections: 64, streams: 1, salt: "separate" });
    const shared = await runStorm({ ...job, connections: 8, streams: 8, salt: "shared" });
    return { separate: separate.perSecond, shared: shared.perSecond };
  });
}

async function measureRollcall(effort: Effort): Promise<Sample> {
  return withPeer("rollcall", async ({ port }) => {
    const fill = { kind: "rollcall-fill", port, connections: 8, count: INSTANCES } as const;
    await runJob({ ...fill, serviceSize: 100, valueBytes: 250 }, 30_000);
    const rate = await runWrk("heartbeat", port, effort);
    return { heartbeats: rate.perSecond };
  });
}

/** Leases renewed one at a time: etcd over streams that stay open, we with one HTTP request each. */
export const HEARTBEAT: Scenario = {
  id: "heartbeat",
  rounds: 5,
  sides: ["etcd", "rollcall"],
  roundMsMax: 120_000,
  measure: (side, effort) => (side === "etcd" ? measureEtcd(effort) : measureRollcall(effort)),
};
