import { runJob } from "../../generators/driver.ts";
import type { BusyJob } from "../../load/job.ts";
import { withDnsPeer } from "../../peers/dns.ts";
import { type RegistrySide, withPeer } from "../../peers/registry.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const WATCHERS = 2000;
const WRITES_PER_SECOND = 1000;

type Ports = Pick<BusyJob, "port" | "dnsPort">;

async function measure(kind: BusyJob["kind"], ports: Ports, { warmMs, measureMs }: Effort): Promise<Sample> {
  const job = { kind, ...ports, watchers: WATCHERS, writesPerSecond: WRITES_PER_SECOND, warmMs, measureMs };
  const { busy, loadCores } = await runJob(job, 60_000 + warmMs + measureMs);
  if (busy === undefined) throw new Error("the load told nothing of its watchers");
  return {
    writes: busy.perSecond,
    get: busy.getP99Ms,
    lag: busy.lagMsMax,
    incomplete: WATCHERS - busy.complete,
    loadCores,
    ...(busy.dnsP99Ms === null ? {} : { dns: busy.dnsP99Ms }),
  };
}

/** 2 000 watchers, each on a connection of its own and each told of everything, while 1 000 writes a second are asked for. */
export const BUSY: Scenario<RegistrySide> = {
  id: "busy",
  rounds: 5,
  sides: ["etcd", "rollcall"],
  roundMsMax: 200_000,
  measure: (side, effort) =>
    side === "etcd"
      ? withPeer(side, ({ port }) => measure("etcd-busy", { port, dnsPort: 0 }, effort))
      : withDnsPeer(side, 1, ({ port, httpPort }) =>
          measure("rollcall-busy", { port: httpPort, dnsPort: port }, effort),
        ),
};
