import { runWrk } from "../../generators/wrk.ts";
import { type Copy, withCopies } from "../../peers/copies.ts";
import { withPeer } from "../../peers/registry.ts";
import { measureCost } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const BYTES = "250";

async function measure(_side: "rollcall", effort: Effort): Promise<Sample> {
  const alone = await withPeer("rollcall", (peer) =>
    measureCost(peer, () => runWrk("register", peer.port, effort, [BYTES])),
  );
  const copied = await withCopies("rollcall", 3, ({ peers }) => {
    const [peer] = peers as [Copy];
    return measureCost(peer, () => runWrk("register", peer.port, effort, [BYTES]));
  });
  return {
    alone: alone.rate.perSecond,
    aloneCpuUs: alone.cpuUs,
    copied: copied.rate.perSecond,
    copiedCpuUs: copied.cpuUs,
    percent: (100 * copied.rate.perSecond) / alone.rate.perSecond,
    cpuPercent: (100 * copied.cpuUs) / alone.cpuUs,
  };
}

/** Registrations at a node alone, then at one of three that copy it, on the same cores. */
export const WRITES: Scenario<"rollcall"> = {
  id: "gossip-writes",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 300_000,
  measure,
};
