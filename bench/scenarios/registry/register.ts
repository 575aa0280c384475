import { runStorm } from "../../generators/driver.ts";
import { runH2load } from "../../generators/h2load.ts";
import { runWrk } from "../../generators/wrk.ts";
import { METHODS, toPut } from "../../load/clients/protobuf.ts";
import { type RegistrySide, withPeer } from "../../peers/registry.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const BYTES = 250;

async function measureEtcd(effort: Effort): Promise<Sample> {
  return withPeer("etcd", (peer) => {
    const { port } = peer;
    const put = toPut("/services/bench-0000/i-00000001", "v".repeat(BYTES));
    const separate = { connections: 64, streams: 1, threads: 2 };
    const shared = { connections: 8, streams: 8, threads: 1 };
    const span = { warmMs: effort.warmMs, measureMs: effort.measureMs };
    const job = { kind: "etcd-grant-put", port, valueBytes: BYTES, ...span } as const;
    return measureRates(peer, {
      put: () => runH2load(port, METHODS.put, put, effort, separate),
      putShared: () => runH2load(port, METHODS.put, put, effort, shared),
      grantPut: () => runStorm({ ...job, connections: 64, streams: 1, salt: "separate" }),
    });
  });
}

async function measureRollcall(effort: Effort): Promise<Sample> {
  return withPeer("rollcall", (peer) =>
    measureRates(peer, { registrations: () => runWrk("register", peer.port, effort, [String(BYTES)]) }),
  );
}

/** Instances with an id and a lease of their own each, acknowledged when they are on disk. */
export const REGISTER: Scenario<RegistrySide> = {
  id: "register",
  rounds: 5,
  sides: ["etcd", "rollcall"],
  roundMsMax: 180_000,
  measure: (side, effort) => (side === "etcd" ? measureEtcd(effort) : measureRollcall(effort)),
};
