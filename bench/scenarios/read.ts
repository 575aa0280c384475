import { runH2load, runJob, runWrk } from "../generator.ts";
import { askOnce } from "../load/http1.ts";
import { METHODS, toRange } from "../load/protobuf.ts";
import { withPeer } from "../peer.ts";
import type { Effort, Sample, Scenario } from "../row.ts";

const INSTANCES = 100;
/** A hundred of them make the 34 kB of the goal. */
const ETCD_VALUE_BYTES = 340;
/** Our answer says more of an instance than was registered, so what is registered is shorter. */
const REGISTRATION_BYTES = 0;

async function measureEtcd(effort: Effort): Promise<Sample> {
  return withPeer("etcd", async ({ port }) => {
    const fill = { kind: "etcd-fill", port, connections: 8, count: INSTANCES, serviceSize: INSTANCES } as const;
    await runJob({ ...fill, valueBytes: ETCD_VALUE_BYTES }, 30_000);
    const message = toRange("/services/bench-0000/", true);
    const separate = { connections: 64, streams: 1, threads: 2 };
    const shared = { connections: 8, streams: 8, threads: 1 };
    const sample: Sample = { bytes: INSTANCES * ETCD_VALUE_BYTES };
    sample.range = (await runH2load(port, METHODS.range, message, effort, separate)).perSecond;
    sample.rangeShared = (await runH2load(port, METHODS.range, message, effort, shared)).perSecond;
    sample.gateway = (await runWrk("gateway", port, effort)).perSecond;
    return sample;
  });
}

async function measureRollcall(effort: Effort): Promise<Sample> {
  return withPeer("rollcall", async ({ port }) => {
    const fill = { kind: "rollcall-fill", port, connections: 8, count: INSTANCES, serviceSize: INSTANCES } as const;
    await runJob({ ...fill, valueBytes: REGISTRATION_BYTES }, 30_000);
    const answer = await askOnce(port, "GET", "/v2/default/services/bench-0000");
    const rate = await runWrk("read", port, effort);
    return { reads: rate.perSecond, bytes: answer.body.length };
  });
}

/** One service with its 100 instances, all of it in the answer. */
export const READ: Scenario = {
  id: "read",
  rounds: 5,
  sides: ["etcd", "rollcall"],
  roundMsMax: 180_000,
  measure: (side, effort) => (side === "etcd" ? measureEtcd(effort) : measureRollcall(effort)),
};
