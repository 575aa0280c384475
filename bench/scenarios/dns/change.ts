import { runUnderDnsperf } from "../../generators/dnsperf.ts";
import { runJob } from "../../generators/driver.ts";
import type { DnsChangeJob, JobResult } from "../../load/job.ts";
import { type DnsPeer, withDnsPeer } from "../../peers/dns.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian, findP99 } from "../../statistics.ts";

const SERVICES = 300;
/** A round makes so many times the changes of the effort: a stale answer would be rare. */
const FACTOR = 8;
const MS_MAX = 60_000;

function toSample(prefix: string, { dnsChanges }: JobResult): Sample {
  if (dnsChanges === undefined) throw new Error("the load told nothing of its changes");
  const { fromPutMs, fromCommitMs, askMs, stale, lost } = dnsChanges;
  return {
    [`${prefix}Commit`]: findMedian(fromCommitMs),
    [`${prefix}CommitP99`]: findP99(fromCommitMs),
    [`${prefix}CommitWorst`]: Math.max(...fromCommitMs),
    [`${prefix}Put`]: findMedian(fromPutMs),
    [`${prefix}PutWorst`]: Math.max(...fromPutMs),
    [`${prefix}Ask`]: askMs,
    [`${prefix}Stale`]: stale,
    [`${prefix}Changes`]: fromPutMs.length,
    [`${prefix}Lost`]: lost,
  };
}

async function measureRollcall(peer: DnsPeer, effort: Effort): Promise<Sample> {
  const changes = effort.changes * FACTOR;
  const job: Omit<DnsChangeJob, "first"> = {
    kind: "rollcall-dns-change",
    port: peer.httpPort,
    dnsPort: peer.port,
    services: SERVICES,
    changes,
  };
  // The first ones warm up.
  await runJob({ ...job, first: 0 }, MS_MAX);
  const idle = await runJob({ ...job, first: changes }, MS_MAX);
  const load = { port: peer.port, dir: peer.dir, services: SERVICES, type: "SRV", edns: false } as const;
  const [loaded, rate] = await runUnderDnsperf(load, MS_MAX, () => runJob({ ...job, first: 2 * changes }, MS_MAX));
  const idleSample = toSample("idle", idle);
  const loadedSample = toSample("loaded", loaded);
  return {
    ...idleSample,
    ...loadedSample,
    stale: (idleSample.idleStale ?? 0) + (loadedSample.loadedStale ?? 0),
    loadedRate: rate.perSecond,
    loadedRateLostPercent: rate.lostPercent ?? 0,
  };
}

/** One change at a time over HTTP, and DNS questions all the while: how soon it is in the answers. */
export const DNS_CHANGE: Scenario<"rollcall"> = {
  id: "dns-change",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 200_000,
  measure: (side, effort) => withDnsPeer(side, SERVICES, (peer) => measureRollcall(peer, effort)),
};
