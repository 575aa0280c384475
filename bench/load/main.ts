/** A load process: takes one job as JSON in its argument, writes its result as JSON in one line to stdout. */
import { runPace } from "./busy/pace.ts";
import { runBusy } from "./busy/watchers.ts";
import { runConsulBeats, runConsulCatalog, runConsulFill } from "./consul/services.ts";
import { runContention } from "./contention/crowd.ts";
import { runDnsChanges } from "./dns/change.ts";
import { runEurekaChurn, runEurekaFill } from "./eureka/churn.ts";
import { runEurekaCrash } from "./eureka/crash.ts";
import { runEurekaView } from "./eureka/view.ts";
import { runExpiry } from "./expiry.ts";
import { runFanout } from "./fanout.ts";
import { runBulk, runDnsFill, runFill } from "./fill.ts";
import { runGrpcStorm } from "./grpc/storm.ts";
import type { EurekaJob, Job, JobResult } from "./job.ts";
import { runBeats } from "./nodes/beats.ts";
import { runLag } from "./nodes/lag.ts";
import { runPause } from "./nodes/pause.ts";
import { runSimulated } from "./nodes/simulated.ts";
import { runVisible } from "./nodes/visible.ts";
import { runZookeeper } from "./nodes/zookeeper.ts";
import { runProducers } from "./nsq/producers.ts";
import { runStorm } from "./storm.ts";
import { runNodes } from "./zookeeper/tasks.ts";

function runEureka(job: EurekaJob): Promise<JobResult> {
  switch (job.kind) {
    case "eureka-fill":
      return runEurekaFill(job);
    case "eureka-churn":
      return runEurekaChurn(job);
    case "eureka-view":
      return runEurekaView(job);
    case "eureka-crash":
      return runEurekaCrash(job);
  }
}

function run(job: Job): Promise<JobResult> {
  if ("watchesPerStream" in job) return runFanout(job);
  switch (job.kind) {
    case "etcd-keepalive":
    case "etcd-put":
    case "etcd-txn":
    case "etcd-grant-put":
    case "etcd-range":
      return runStorm(job);
    case "grpc-keepalive":
    case "grpc-register":
      return runGrpcStorm(job);
    case "zookeeper-create":
      return runZookeeper(job);
    case "zookeeper-nodes":
      return runNodes(job);
    case "rollcall-lag":
      return runLag(job);
    case "rollcall-pause":
      return runPause(job);
    case "rollcall-visible":
    case "eureka-visible":
      return runVisible(job);
    case "gossip-simulated":
      return runSimulated(job);
    case "rollcall-beats":
      return runBeats(job);
    case "etcd-fill":
    case "rollcall-fill":
    case "rollcall-leases":
      return runFill(job);
    case "etcd-expiry":
      return runExpiry(job);
    case "rollcall-bulk":
      return runBulk(job);
    case "consul-fill":
      return runConsulFill(job);
    case "consul-catalog":
      return runConsulCatalog(job);
    case "consul-beats":
      return runConsulBeats(job);
    case "etcd-busy":
    case "rollcall-busy":
      return runBusy(job);
    case "etcd-pace":
    case "rollcall-pace":
      return runPace(job);
    case "contention":
      return runContention(job);
    case "rollcall-dns-fill":
      return runDnsFill(job);
    case "rollcall-dns-change":
      return runDnsChanges(job);
    case "eureka-fill":
    case "eureka-churn":
    case "eureka-view":
    case "eureka-crash":
      return runEureka(job);
    case "nsq-producers":
      return runProducers(job);
  }
}

const job = JSON.parse(process.argv[2] ?? "{}") as Job;
const result = await run(job).catch((error: unknown) => {
  // What it says is all that whoever started this shows.
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exit(1);
});
// A pipe takes a long text in pieces; an exit before the last one would cut it off. Producers and sessions stay until they are ended.
process.stdout.write(`${JSON.stringify(result)}\n`, () => {
  const stays = job.kind === "nsq-producers" || (job.kind === "zookeeper-nodes" && job.task === "fill");
  if (!stays) process.exit(0);
});
