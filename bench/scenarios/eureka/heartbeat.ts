import type { Span } from "../../generators/rate.ts";
import { runWrk } from "../../generators/wrk.ts";
import { type EurekaPeer, type EurekaSide, warmUp, withEurekaPeer, withNodePeer } from "../../peers/eureka.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const INSTANCES = 1024;
const MEASURE_MS_MAX = 4000;

async function measureBeats(peer: EurekaPeer, effort: Effort): Promise<Sample> {
  const span = { warmMs: effort.warmMs, measureMs: Math.min(effort.measureMs, MEASURE_MS_MAX) };
  const beat = (whose: string, during: Span) => runWrk("eureka-heartbeat", peer.port, during, [whose]);
  await warmUp(peer, effort, (during) => beat("java", during));
  return measureRates(peer, { java: () => beat("java", span), bare: () => beat("js", span) });
}

/** Heartbeats of 1 024 instances in turn, as Java's and as JavaScript's client send them. */
export const EUREKA_HEARTBEAT: Scenario<EurekaSide> = {
  id: "eureka-heartbeat",
  rounds: 3,
  roundsMax: { eureka: 2, node: 2 },
  sides: ["eureka", "node", "rollcall"],
  roundMsMax: 400_000,
  measure: (side, effort) => {
    const measure = (peer: EurekaPeer): Promise<Sample> => measureBeats(peer, effort);
    return side === "node" ? withNodePeer(0, [], measure) : withEurekaPeer(side, INSTANCES, measure);
  },
};
