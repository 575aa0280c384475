import { runJob } from "../../generators/driver.ts";
import { checkRate, type Rate, SLACK_MS } from "../../generators/rate.ts";
import type { NodesJob } from "../../load/job.ts";
import { type NodesSide, withNodes } from "../../peers/nodes.ts";
import { measureRates } from "../../peers/server.ts";
import type { Effort, Scenario } from "../../row.ts";

const CONNECTIONS = 64;
/** Requests under way on each. */
const STREAMS = 8;
const BYTES = 250;

async function run(task: NodesJob["task"], port: number, { warmMs, measureMs }: Effort): Promise<Rate> {
  const load = { connections: CONNECTIONS, streams: STREAMS, valueBytes: BYTES, changes: 0, count: 0 };
  const job: NodesJob = { kind: "zookeeper-nodes", task, port, warmMs, measureMs, ...load };
  const result = await runJob(job, warmMs + measureMs + SLACK_MS);
  return checkRate(task, { perSecond: result.count / result.seconds, errors: result.errors });
}

/** Ephemeral nodes, and reads of a node and of a list with a watch. */
export const RATES: Scenario<NodesSide> = {
  id: "zookeeper-rates",
  rounds: 3,
  sides: ["zookeeper", "rollcall"],
  roundMsMax: 400_000,
  measure: (side, effort) =>
    withNodes(side, (peer) =>
      measureRates(peer, {
        creates: () => run("create", peer.port, effort),
        reads: () => run("get", peer.port, effort),
        lists: () => run("children", peer.port, effort),
      }),
    ),
};
