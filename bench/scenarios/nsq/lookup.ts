import { startJob } from "../../generators/driver.ts";
import { runWrkLoad } from "../../generators/wrk.ts";
import { readCpuSeconds, readMemory, sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { type NsqPeer, type NsqSide, withNsqPeer } from "../../peers/nsq.ts";
import { measureCost } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

/** Topics of a producer. */
const EACH = 20;
/** Producers of a topic. */
const TOPIC_SIZE = 100;
const MB = 1e6;
const SETTLE_MS = 5000;
const SETTLE_QUICK_MS = 1000;
/** Answers may be slow: the row about them says so. */
const TIMEOUT_S = 10;
const REGISTER_MS_MAX = 200_000;

/** Both have the same: as many producers in an answer as there must be. Answers its bytes. */
async function checkAnswer({ side, port }: NsqPeer): Promise<number> {
  const { status, body } = await askOnce(port, "GET", "/lookup?topic=t7");
  const { producers } = JSON.parse(body.toString("utf8")) as { producers: readonly unknown[] };
  if (status !== 200 || producers.length !== TOPIC_SIZE)
    throw new Error(`${side} answers ${status} with ${producers.length} of ${TOPIC_SIZE} producers`);
  return body.length;
}

async function measure(side: NsqSide, effort: Effort): Promise<Sample> {
  const producers = effort.population / EACH;
  const topics = effort.population / TOPIC_SIZE;
  return withNsqPeer(side, async (peer) => {
    const pid = peer.child.process.pid ?? 0;
    const job = { kind: "nsq-producers", port: peer.tcpPort, producers, each: EACH, topics } as const;
    const cpuBefore = readCpuSeconds(pid);
    const { result, stop } = await startJob(job, REGISTER_MS_MAX);
    try {
      // With what it takes to connect them.
      const registersCpuUs = ((readCpuSeconds(pid) - cpuBefore) / result.count) * 1e6;
      const bytes = await checkAnswer(peer);
      await sleep(effort.quick ? SETTLE_QUICK_MS : SETTLE_MS);
      const memoryRegistered = readMemory(pid).total / MB;
      const { rate, cpuUs } = await measureCost(peer, () =>
        runWrkLoad({ script: "lookup", port: peer.port, timeoutS: TIMEOUT_S }, effort, [String(topics)]),
      );
      await sleep(effort.quick ? SETTLE_QUICK_MS : SETTLE_MS);
      return {
        registers: result.count / result.seconds,
        registersCpuUs,
        registerWorst: result.slowestMs ?? Number.NaN,
        loadCores: result.loadCores,
        bytes,
        lookups: rate.perSecond,
        lookupsCpuUs: cpuUs,
        lookupsP99: rate.p99Ms ?? Number.NaN,
        memoryRegistered,
        memory: readMemory(pid).total / MB,
        memoryAnonymous: readMemory(pid).anonymous / MB,
      };
    } finally {
      await stop();
    }
  });
}

/** Many producers that stay connected, and who looks up what they have. */
export const NSQ_LOOKUP: Scenario<NsqSide> = {
  id: "nsq",
  rounds: 3,
  sides: ["nsqlookupd", "rollcall"],
  roundMsMax: 300_000,
  measure,
};
