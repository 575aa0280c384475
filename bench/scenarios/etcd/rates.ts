import { runJob, runStorm } from "../../generators/driver.ts";
import type { StormJob } from "../../load/job.ts";
import { type EtcdSide, withKeys } from "../../peers/etcd.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const KEYS = 100;
const BYTES = 250;

/** The same requests to both, each kind for a while. */
function measure(side: EtcdSide, { warmMs, measureMs }: Effort): Promise<Sample> {
  return withKeys(side, async (peer) => {
    const { port } = peer;
    const fill = {
      kind: "etcd-fill",
      port,
      connections: 8,
      count: KEYS,
      serviceSize: KEYS,
      valueBytes: BYTES,
    } as const;
    await runJob(fill, 30_000);
    const run = (kind: StormJob["kind"], connections: number, streams: number) =>
      runStorm({
        kind,
        port,
        connections,
        streams,
        valueBytes: BYTES,
        warmMs,
        measureMs,
        salt: `${kind}${connections}`,
      });
    return measureRates(peer, {
      puts: () => run("etcd-put", 64, 1),
      putsShared: () => run("etcd-put", 8, 8),
      ranges: () => run("etcd-range", 64, 1),
      rangesShared: () => run("etcd-range", 8, 8),
      txns: () => run("etcd-txn", 64, 1),
      keepAlives: () => run("etcd-keepalive", 64, 1),
      keepAlivesShared: () => run("etcd-keepalive", 8, 8),
    });
  });
}

/** Puts, ranges of 100 keys, transactions and keep-alives. */
export const KEY_RATES: Scenario<EtcdSide> = {
  id: "etcd-rates",
  rounds: 2,
  sides: ["etcd", "rollcall"],
  roundMsMax: 200_000,
  measure,
};
