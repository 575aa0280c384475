import { runJob } from "../../generators/driver.ts";
import { sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { type Ensemble, withEnsemble } from "../../peers/ensemble.ts";
import type { Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const WRITERS = 8;
const BEFORE_MS = 2000;
const AFTER_MS = 12_000;

async function findLeader({ below }: Ensemble): Promise<Peer> {
  for (const peer of below) {
    const { body } = await askOnce(peer.port, "GET", "/metrics");
    if (/^etcd_server_is_leader 1$/m.test(body.toString())) return peer;
  }
  throw new Error("etcd has no leader");
}

/** The first that started, alone, has the pen. */
function findHolder({ peers }: Ensemble): Peer {
  return peers[0] as Peer;
}

/** The longest time without an answered change at the last node, once something was killed. */
async function longestPause(ensemble: Ensemble, victim: Peer): Promise<number> {
  const { port } = ensemble.peers.at(-1) as Peer;
  const forMs = BEFORE_MS + AFTER_MS;
  const load = runJob({ kind: "rollcall-pause", port, writers: WRITERS, forMs }, forMs + 60_000);
  await sleep(BEFORE_MS);
  await victim.child.stop("SIGKILL");
  const killedAtMs = Date.now();
  const { answeredAtMs = [] } = await load;
  const times = [killedAtMs, ...answeredAtMs.filter((atMs) => atMs >= killedAtMs)].sort((a, b) => a - b);
  if (times.length < 2) throw new Error("no change was answered any more");
  return Math.max(...times.slice(1).map((atMs, nth) => atMs - (times[nth] as number)));
}

async function measure(_side: "rollcall", _effort: Effort): Promise<Sample> {
  const find = async (victim: (ensemble: Ensemble) => Promise<Peer> | Peer): Promise<number> =>
    withEnsemble("rollcall", async (ensemble) => longestPause(ensemble, await victim(ensemble)));
  return { leader: await find(findLeader), pen: await find(findHolder) };
}

/** kill -9 of etcd's leader, and of the node that decides for all, under changes at another node. */
export const LOST: Scenario<"rollcall"> = {
  id: "nodes-lost",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 300_000,
  measure,
};
