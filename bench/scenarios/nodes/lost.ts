import { runJob } from "../../generators/driver.ts";
import { sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { type Ensemble, withEnsemble } from "../../peers/ensemble.ts";
import type { Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const WRITERS = 8;
const BEFORE_MS = 1500;
const AFTER_MS = 7000;

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

/** The longest time without an answered change at the last node, once another process was killed or stopped. */
async function longestPause(ensemble: Ensemble, victim: Peer, signal: "SIGKILL" | "SIGSTOP"): Promise<number> {
  const { port } = ensemble.peers.at(-1) as Peer;
  const forMs = BEFORE_MS + AFTER_MS;
  const load = runJob({ kind: "rollcall-pause", port, writers: WRITERS, forMs }, forMs + 60_000);
  await sleep(BEFORE_MS);
  const hitAtMs = Date.now();
  if (signal === "SIGKILL") await victim.child.stop(signal);
  else victim.child.process.kill(signal);
  const { answeredAtMs = [], endedAtMs = 0 } = await load;
  const answered = answeredAtMs.filter((atMs) => atMs >= hitAtMs).sort((a, b) => a - b);
  const lastMs = answered.at(-1) ?? hitAtMs;
  // The last gap is one, too.
  const times = [hitAtMs, ...answered, endedAtMs];
  const longestMs = Math.max(...times.slice(1).map((atMs, nth) => atMs - (times[nth] as number)));
  if (longestMs === endedAtMs - lastMs) throw new Error(`no change was answered any more after ${lastMs - hitAtMs} ms`);
  return longestMs;
}

type Find = (ensemble: Ensemble) => Promise<Peer> | Peer;

async function measure(_side: "rollcall", _effort: Effort): Promise<Sample> {
  const find = async (victim: Find, signal: "SIGKILL" | "SIGSTOP"): Promise<number> =>
    withEnsemble("rollcall", async (ensemble) => longestPause(ensemble, await victim(ensemble), signal));
  return {
    leader: await find(findLeader, "SIGKILL"),
    pen: await find(findHolder, "SIGKILL"),
    stopped: await find(findHolder, "SIGSTOP"),
  };
}

/** etcd's leader and the node that decides for all: killed by SIGKILL, the node stopped by SIGSTOP, too, under changes at another one. */
export const LOST: Scenario<"rollcall"> = {
  id: "nodes-lost",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 300_000,
  measure,
};
