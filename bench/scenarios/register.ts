import { runH2load, runStorm, runWrk } from "../generator.ts";
import { METHODS, toPut } from "../load/protobuf.ts";
import { withPeer } from "../peer.ts";
import type { Effort, Sample, Scenario } from "../row.ts";

const BYTES = 250;

async function measureEtcd(effort: Effort, round: number): Promise<Sample> {
  return withPeer("etcd", async ({ port }) => {
    const put = toPut("/services/bench-0000/i-00000001", "v".repeat(BYTES));
    const separate = { connections: 64, streams: 1, threads: 2 };
    const shared = { connections: 8, streams: 8, threads: 1 };
    const span = { warmMs: effort.warmMs, measureMs: effort.measureMs };
    const job = { kind: "etcd-grant-put", port, valueBytes: BYTES, ...span } as const;
    const sample: Sample = {};
    sample.put = (await runH2load(port, METHODS.put, put, effort, separate)).perSecond;
    sample.putShared = (await runH2load(port, METHODS.put, put, effort, shared)).perSecond;
    const grantPut = await runStorm({ ...job, connections: 64, streams: 1, salt: `separate-${round}` });
    sample.grantPut = grantPut.perSecond;
    return sample;
  });
}

async function measureRollcall(effort: Effort): Promise<Sample> {
  return withPeer("rollcall", async ({ port }) => {
    const rate = await runWrk("register", port, effort, [String(BYTES)]);
    return { registrations: rate.perSecond };
  });
}

/** Instances with an id and a lease of their own each, acknowledged when they are on disk. */
export const REGISTER: Scenario = {
  id: "register",
  rounds: 5,
  sides: ["etcd", "rollcall"],
  roundMsMax: 180_000,
  measure: (side, effort, round) => (side === "etcd" ? measureEtcd(effort, round) : measureRollcall(effort)),
};
