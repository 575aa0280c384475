import { runStorm } from "../../generators/driver.ts";
import type { Rate } from "../../generators/rate.ts";
import { runWrkLoad } from "../../generators/wrk.ts";
import { type Ensemble, type EnsembleSide, withEnsemble } from "../../peers/ensemble.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { measureCores } from "./cost.ts";

const BYTES = 250;
const CONNECTIONS = 64;
/** What a JVM and V8 translate as they go takes seconds; all sides have the same. */
const WARM = 2;
/** On a busy machine an answer may take long: that is no failure. */
const TIMEOUT_S = 20;

function loadOne({ side, peers }: Ensemble, nth: number, effort: Effort): Promise<Rate> {
  const port = peers[nth]?.port ?? 0;
  const salt = `n${nth}`;
  const { warmMs, measureMs } = effort;
  const job = { port, connections: CONNECTIONS, valueBytes: BYTES, warmMs, measureMs, salt };
  if (side === "etcd") return runStorm({ kind: "etcd-grant-put", streams: 1, ...job });
  if (side === "zookeeper") return runStorm({ kind: "zookeeper-create", ...job });
  const load = { script: side === "consul" ? "consul" : "register", port, timeoutS: TIMEOUT_S };
  return runWrkLoad(load, effort, [String(BYTES), salt]);
}

/** All three at once; what the slowest of them did beside the others, and what a registration cost each kind of process, too. */
async function measure(side: EnsembleSide, { warmMs, ...rest }: Effort): Promise<Sample> {
  const effort = { ...rest, warmMs: warmMs * WARM };
  return withEnsemble(side, async (ensemble) => {
    const loads = Promise.all(ensemble.peers.map((_, nth) => loadOne(ensemble, nth, effort)));
    const [rates, cores] = await Promise.all([loads, measureCores(ensemble, effort)]);
    const each = rates.map(({ perSecond }) => perSecond);
    const registrations = each.reduce((sum, one) => sum + one, 0);
    const p99s = rates.flatMap(({ p99Ms }) => p99Ms ?? []);
    const toUs = (used: number): number => (used / registrations) * 1e6;
    return {
      registrations,
      slowestPercent: (100 * Math.min(...each)) / registrations,
      ...(p99s.length === 0 ? {} : { p99Ms: Math.max(...p99s) }),
      cpuUs: toUs(cores.servers + cores.below),
      serversCpuUs: toUs(cores.servers),
      belowCpuUs: toUs(cores.below),
      loadCpuUs: toUs(cores.load),
      loadCores: cores.load,
      busiestCores: cores.busiest,
    };
  });
}

/** New instances with a lease each, by 64 connections to each of three servers at once. */
export const REGISTER: Scenario<EnsembleSide> = {
  id: "nodes-register",
  rounds: 3,
  sides: ["etcd", "rollcall", "consul", "zookeeper"],
  // The first round may build a peer.
  roundMsMax: 1_200_000,
  measure,
};
