import { runStorm } from "../../generators/driver.ts";
import type { EtcdSide } from "../../peers/etcd.ts";
import { withGrpc } from "../../peers/grpc.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const BYTES = 250;

/** Heartbeats and registrations, each kind for a while, and what etcd has for them. */
function measure(side: EtcdSide, { warmMs, measureMs }: Effort): Promise<Sample> {
  return withGrpc(side, (peer) => {
    const run = (kind: "keepalive" | "put" | "grant-put" | "register", connections: number, streams: number) => {
      const common = { port: peer.port, connections, streams, valueBytes: BYTES, warmMs, measureMs };
      const salt = `${kind}${connections}`;
      if (side === "rollcall")
        return runStorm({ kind: kind === "keepalive" ? "grpc-keepalive" : "grpc-register", salt, ...common });
      return runStorm({ kind: kind === "register" ? "etcd-put" : `etcd-${kind}`, salt, ...common });
    };
    return measureRates(peer, {
      beats: () => run("keepalive", 64, 1),
      beatsShared: () => run("keepalive", 8, 8),
      registrations: () => run("register", 64, 1),
      registrationsShared: () => run("register", 8, 8),
      ...(side === "etcd" && { grantsPuts: () => run("grant-put", 64, 1) }),
    });
  });
}

/** On open streams, and with a lease of its own each. */
export const GRPC_RATES: Scenario<EtcdSide> = {
  id: "grpc-rates",
  rounds: 2,
  sides: ["etcd", "rollcall"],
  roundMsMax: 120_000,
  measure,
};
