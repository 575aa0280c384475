import { runJob } from "../../generators/driver.ts";
import { runWrk } from "../../generators/wrk.ts";
import { withEnsemble } from "../../peers/ensemble.ts";
import type { Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const INSTANCES = 1024;

async function measure(_side: "rollcall", effort: Effort): Promise<Sample> {
  return withEnsemble("rollcall", async ({ peers }) => {
    const [keeper, other] = peers as [Peer, Peer];
    const fill = { kind: "rollcall-fill", port: keeper.port, connections: 8, count: INSTANCES } as const;
    await runJob({ ...fill, serviceSize: 100, valueBytes: 250 }, 60_000);
    const kept = (await runWrk("heartbeat", keeper.port, effort)).perSecond;
    const forwarded = (await runWrk("heartbeat", other.port, effort)).perSecond;
    return { kept, forwarded, percent: (100 * forwarded) / kept };
  });
}

/** The same heartbeats at the node that keeps the leases, then at one that passes them on to it. */
export const HEARTBEAT: Scenario<"rollcall"> = {
  id: "nodes-heartbeat",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 300_000,
  measure,
};
