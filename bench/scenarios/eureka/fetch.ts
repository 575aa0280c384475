import { runJob } from "../../generators/driver.ts";
import type { Rate, Span } from "../../generators/rate.ts";
import { runWrkLoad } from "../../generators/wrk.ts";
import { FETCH_PATH } from "../../load/eureka/instances.ts";
import {
  type EurekaPeer,
  type EurekaSide,
  FORMS,
  type FormName,
  fetchAll,
  warmUp,
  withEurekaPeer,
  withNodePeer,
} from "../../peers/eureka.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

/** Answers are long, so a few connections keep a server busy; more would only fill the kernel's buffers. */
const CONNECTIONS = 16;
/** A server that is not warm yet takes long for sixteen answers of 16 MB at once. */
const TIMEOUT_S = 10;
const WARM_MS_MAX = 1000;
/** The JVM compiles again for each kind of answer. */
const JVM_WARM_MS_MAX = 3000;
const MEASURE_MS_MAX = 2000;
/** Registrations a second that change answers while they are fetched. */
const CHANGES_PER_SECOND = 50;
/** Instances change for this much longer than the load runs, to cover its beginning and its end. */
const CHURN_MORE_MS = 2000;
/** The share of the wanted rate that must be reached. */
const CHURN_LEAST = 0.8;

function runFetch(peer: EurekaPeer, form: FormName, span: Span): Promise<Rate> {
  const load = { script: "fetch", port: peer.port, connections: CONNECTIONS, timeoutS: TIMEOUT_S };
  const path = peer.side === "node" ? `/${form}` : FETCH_PATH;
  return runWrkLoad(load, span, [path, FORMS[form].type, FORMS[form].encoding]);
}

/** The same while instances change. */
async function runChangingFetch(peer: EurekaPeer, form: FormName, span: Span, instances: number): Promise<Rate> {
  const forMs = span.warmMs + span.measureMs + CHURN_MORE_MS;
  const churn = { kind: "eureka-churn", port: peer.port, instances, perSecond: CHANGES_PER_SECOND, forMs } as const;
  const [rate, changed] = await Promise.all([runFetch(peer, form, span), runJob(churn, 60_000)]);
  const kept = changed.count / changed.seconds;
  if (changed.errors > 0) throw new Error(`${changed.errors} changes were refused`);
  if (kept < CHANGES_PER_SECOND * CHURN_LEAST) throw new Error(`only ${kept.toFixed(1)} changes a second were made`);
  return rate;
}

async function measure(
  peer: EurekaPeer,
  instances: number,
  effort: Effort,
  forms: readonly FormName[],
  changing: readonly FormName[],
): Promise<Sample> {
  const span = {
    warmMs: Math.min(effort.warmMs, peer.side === "eureka" ? JVM_WARM_MS_MAX : WARM_MS_MAX),
    measureMs: Math.min(effort.measureMs, MEASURE_MS_MAX),
  };
  await warmUp(peer, effort, (during) => runFetch(peer, "jsonGzip", during));
  const sample: Sample = {};
  for (const form of forms) {
    if (peer.side !== "node") sample[`${form}Bytes`] = (await fetchAll(peer, FORMS[form], instances)).length;
    Object.assign(sample, await measureRates(peer, { [form]: () => runFetch(peer, form, span) }));
  }
  for (const form of changing) {
    const work = () =>
      runChangingFetch(peer, form, { ...span, warmMs: Math.max(2 * WARM_MS_MAX, span.warmMs) }, instances);
    Object.assign(sample, await measureRates(peer, { [`${form}Changing`]: work }));
  }
  return sample;
}

const ALL_FORMS = Object.keys(FORMS) as FormName[];
const JSON_FORMS: readonly FormName[] = ["json", "jsonGzip"];

function toScenario(id: string, instances: number, rounds: number): Scenario<EurekaSide> {
  return {
    id,
    rounds,
    roundsMax: { eureka: 1, node: 1 },
    sides: ["eureka", "node", "rollcall"],
    roundMsMax: 400_000,
    measure: (side, effort) =>
      side === "node"
        ? withNodePeer(instances, JSON_FORMS, (peer) => measure(peer, instances, effort, JSON_FORMS, []))
        : withEurekaPeer(side, instances, (peer) => measure(peer, instances, effort, ALL_FORMS, JSON_FORMS)),
  };
}

/** Everything in one answer: 1 000 instances in 100 applications. */
export const EUREKA_FETCH = toScenario("eureka-fetch", 1000, 3);

/** The same of 10 000 instances in 100 applications. */
export const EUREKA_FETCH_MANY = toScenario("eureka-fetch-many", 10_000, 2);
