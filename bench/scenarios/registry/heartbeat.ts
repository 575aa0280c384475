import { runJob, runStorm } from "../../generators/driver.ts";
import { runWrk } from "../../generators/wrk.ts";
import { type RegistrySide, withPeer } from "../../peers/registry.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const INSTANCES = 1024;

async function measureEtcd(effort: Effort): Promise<Sample> {
  return withPeer("etcd", (peer) => {
    const span = { warmMs: effort.warmMs, measureMs: effort.measureMs };
    const job = { kind: "etcd-keepalive", port: peer.port, valueBytes: 0, ...span } as const;
    return measureRates(peer, {
      separate: () => runStorm({ ...job, connections: 64, streams: 1, salt: "separate" }),
      shared: () => runStorm({ ...job, connections: 8, streams: 8, salt: "shared" }),
    });
  });
}

async function measureRollcall(effort: Effort): Promise<Sample> {
  return withPeer("rollcall", async (peer) => {
    const fill = { kind: "rollcall-fill", port: peer.port, connections: 8, count: INSTANCES } as const;
    await runJob({ ...fill, serviceSize: 100, valueBytes: 250 }, 30_000);
    return measureRates(peer, { heartbeats: () => runWrk("heartbeat", peer.port, effort) });
  });
}

/** Leases renewed one at a time: etcd over streams that stay open, we with one HTTP request each. */
export const HEARTBEAT: Scenario<RegistrySide> = {
  id: "heartbeat",
  rounds: 5,
  sides: ["etcd", "rollcall"],
  roundMsMax: 120_000,
  measure: (side, effort) => (side === "etcd" ? measureEtcd(effort) : measureRollcall(effort)),
};
