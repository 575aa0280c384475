import { runDnsperf } from "../../generators/dnsperf.ts";
import type { QuestionType } from "../../load/clients/dns.ts";
import { checkAnswers, type DnsSide, withDnsPeer } from "../../peers/dns.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const WARM_MS_MAX = 2000;
const MEASURE_MS_MAX = 5000;
const SIDES: readonly DnsSide[] = ["dnsmasq", "knot", "bind", "rollcall"];

const LOADS: Record<string, { type: QuestionType; edns: boolean }> = {
  srv: { type: "SRV", edns: false },
  srvEdns: { type: "SRV", edns: true },
  address: { type: "A", edns: false },
};

async function measure(side: DnsSide, services: number, effort: Effort): Promise<Sample> {
  const span = {
    warmMs: Math.min(effort.warmMs, WARM_MS_MAX),
    measureMs: Math.min(effort.measureMs, MEASURE_MS_MAX),
  };
  return withDnsPeer(side, services, async (peer) => {
    const sample: Sample = {};
    for (const [metric, load] of Object.entries(LOADS)) {
      const size = await checkAnswers(peer, services, load.type, load.edns);
      const work = () => runDnsperf({ port: peer.port, dir: peer.dir, services, ...load }, span);
      Object.assign(sample, await measureRates(peer, { [metric]: work }));
      sample[`${metric}Bytes`] = size.bytes;
      sample[`${metric}Additional`] = size.additional;
    }
    return sample;
  });
}

/** Questions for 300 services of 10 instances each, so that no server lives on one hot name. */
export const DNS_MANY: Scenario<DnsSide> = {
  id: "dns",
  rounds: 5,
  sides: SIDES,
  roundMsMax: 120_000,
  measure: (side, effort) => measure(side, 300, effort),
};

/** One service of 10 instances and nothing else: dnsmasq looks through all its SRV records for every question. */
export const DNS_ONE: Scenario<DnsSide> = {
  id: "dns-one",
  rounds: 3,
  sides: SIDES,
  roundMsMax: 120_000,
  measure: (side, effort) => measure(side, 1, effort),
};
