import { runJob } from "../../generators/driver.ts";
import { runH2load } from "../../generators/h2load.ts";
import { runWrk } from "../../generators/wrk.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { METHODS, toRange } from "../../load/clients/protobuf.ts";
import { type RegistrySide, withPeer } from "../../peers/registry.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const INSTANCES = 100;
/** A hundred of them make the 34 kB of the goal. */
const ETCD_VALUE_BYTES = 340;
/** Our answer says more of an instance than was registered, so what is registered is shorter. */
const REGISTRATION_BYTES = 0;

async function measureEtcd(effort: Effort): Promise<Sample> {
  return withPeer("etcd", async (peer) => {
    const { port } = peer;
    const fill = { kind: "etcd-fill", port, connections: 8, count: INSTANCES, serviceSize: INSTANCES } as const;
    await runJob({ ...fill, valueBytes: ETCD_VALUE_BYTES }, 30_000);
    const message = toRange("/services/bench-0000/", true);
    const separate = { connections: 64, streams: 1, threads: 2 };
    const shared = { connections: 8, streams: 8, threads: 1 };
    const sample = await measureRates(peer, {
      range: () => runH2load(port, METHODS.range, message, effort, separate),
      rangeShared: () => runH2load(port, METHODS.range, message, effort, shared),
      gateway: () => runWrk("gateway", port, effort),
    });
    return { ...sample, bytes: INSTANCES * ETCD_VALUE_BYTES };
  });
}

async function measureRollcall(effort: Effort): Promise<Sample> {
  return withPeer("rollcall", async (peer) => {
    const { port } = peer;
    const fill = { kind: "rollcall-fill", port, connections: 8, count: INSTANCES, serviceSize: INSTANCES } as const;
    await runJob({ ...fill, valueBytes: REGISTRATION_BYTES }, 30_000);
    const answer = await askOnce(port, "GET", "/v2/default/services/bench-0000");
    const sample = await measureRates(peer, { reads: () => runWrk("read", port, effort) });
    return { ...sample, bytes: answer.body.length };
  });
}

/** One service with its 100 instances, all of it in the answer. */
export const READ: Scenario<RegistrySide> = {
  id: "read",
  rounds: 5,
  sides: ["etcd", "rollcall"],
  roundMsMax: 180_000,
  measure: (side, effort) => (side === "etcd" ? measureEtcd(effort) : measureRollcall(effort)),
};
