import { runWrk } from "../../generators/wrk.ts";
import { HAS_TWO, tiedApart } from "../../host/cores.ts";
import { type Copy, withCopies } from "../../peers/copies.ts";
import { withPeer } from "../../peers/registry.ts";
import { measureCost, type Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const BYTES = "250";

async function measureAt(peer: Peer, others: readonly Peer[], effort: Effort): Promise<Sample> {
  const register = () => measureCost(peer, () => runWrk("register", peer.port, effort, [BYTES]));
  const shared = await register();
  const sample = { perSecond: shared.rate.perSecond, cpuUs: shared.cpuUs };
  if (!HAS_TWO) return sample;
  const pids = others.map(({ child }) => child.process.pid);
  const apart = await tiedApart(peer.child.process.pid, pids, register);
  return { ...sample, apart: apart.rate.perSecond, apartCpuUs: apart.cpuUs };
}

async function measure(_side: "rollcall", effort: Effort): Promise<Sample> {
  const alone = await withPeer("rollcall", (peer) => measureAt(peer, [], effort));
  const copied = await withCopies("rollcall", 3, ({ peers }) => {
    const [peer, ...others] = peers as [Copy, ...Copy[]];
    return measureAt(peer, others, effort);
  });
  const sample: Sample = {};
  for (const name of Object.keys(alone)) {
    sample[`alone-${name}`] = alone[name] as number;
    sample[`copied-${name}`] = copied[name] as number;
    sample[`${name}-percent`] = (100 * (copied[name] as number)) / (alone[name] as number);
  }
  return sample;
}

/**
 * Registrations at a node alone, then at one of three that copy it: all on the same cores, and with the node and its load
 * on one core and the other nodes on the others, as if they had machines of their own.
 */
export const WRITES: Scenario<"rollcall"> = {
  id: "gossip-writes",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 300_000,
  measure,
};
