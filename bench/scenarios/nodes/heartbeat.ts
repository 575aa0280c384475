import { runJob } from "../../generators/driver.ts";
import type { Span } from "../../generators/rate.ts";
import { runWrkLoad } from "../../generators/wrk.ts";
import { type Ensemble, withEnsemble } from "../../peers/ensemble.ts";
import type { Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { measureCores } from "./cost.ts";

const INSTANCES = 1024;
/** By turns, as the machine may be another one from second to second. */
const TURNS = 2;
const TIMEOUT_S = 20;

async function measureAt(
  ensemble: Ensemble,
  { port }: Peer,
  span: Span,
): Promise<{ perSecond: number; cpuUs: number }> {
  const load = runWrkLoad({ script: "heartbeat", port, timeoutS: TIMEOUT_S }, span);
  const [{ perSecond }, { servers }] = await Promise.all([load, measureCores(ensemble, span)]);
  return { perSecond, cpuUs: (servers / perSecond) * 1e6 };
}

async function measure(_side: "rollcall", effort: Effort): Promise<Sample> {
  return withEnsemble("rollcall", async (ensemble) => {
    const [keeper, other] = ensemble.peers as [Peer, Peer];
    const fill = { kind: "rollcall-fill", port: keeper.port, connections: 8, count: INSTANCES } as const;
    await runJob({ ...fill, serviceSize: 100, valueBytes: 250 }, 60_000);
    const span = { warmMs: effort.warmMs / 2, measureMs: effort.measureMs / 2 };
    const sum = { kept: 0, forwarded: 0, keptCpuUs: 0, forwardedCpuUs: 0 };
    for (let turn = 0; turn < TURNS; turn++) {
      const [kept, forwarded] = [await measureAt(ensemble, keeper, span), await measureAt(ensemble, other, span)];
      sum.kept += kept.perSecond / TURNS;
      sum.keptCpuUs += kept.cpuUs / TURNS;
      sum.forwarded += forwarded.perSecond / TURNS;
      sum.forwardedCpuUs += forwarded.cpuUs / TURNS;
    }
    return { ...sum, percent: (100 * sum.forwarded) / sum.kept };
  });
}

/** The same heartbeats at the node that keeps the leases, then at one that passes them on to it. */
export const HEARTBEAT: Scenario<"rollcall"> = {
  id: "nodes-heartbeat",
  rounds: 2,
  sides: ["rollcall"],
  roundMsMax: 300_000,
  measure,
};
