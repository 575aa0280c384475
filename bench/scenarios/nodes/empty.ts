import { rmSync } from "node:fs";
import { runJob } from "../../generators/driver.ts";
import { sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { toService } from "../../load/job.ts";
import { type Ensemble, SIZE, startNode, withEnsemble } from "../../peers/ensemble.ts";
import { awaitAnswer, type Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";
import { findMedian } from "../../statistics.ts";

const SERVICE_SIZE = 100;
const STARTS = 5;
/** The rows are brought up to date when it is quiet; the load that came before is no part of this. */
const SETTLE_MS = 6000;

/** A node with an empty directory, from the start of its process to the first read. */
async function startEmpty({ below }: Ensemble, nth: number, population: number): Promise<number> {
  const from = performance.now();
  const fresh = await startNode(below, SIZE + nth);
  try {
    const path = `/v2/default/services/${toService(population / SERVICE_SIZE / 2)}`;
    await awaitAnswer(fresh, "read", async () => {
      const answer = await askOnce(fresh.port, "GET", path).catch(() => undefined);
      if (answer?.status !== 200) return false;
      return (JSON.parse(answer.body.toString()) as { instances: unknown[] }).instances.length === SERVICE_SIZE;
    });
    return performance.now() - from;
  } finally {
    await fresh.child.stop("SIGKILL");
    rmSync(fresh.dir, { recursive: true, force: true });
  }
}

async function measure(_side: "rollcall", { population }: Effort): Promise<Sample> {
  return withEnsemble("rollcall", async (ensemble) => {
    const { port } = ensemble.peers[0] as Peer;
    const fill = { kind: "rollcall-fill", port, connections: 64, count: population } as const;
    const { errors } = await runJob({ ...fill, serviceSize: SERVICE_SIZE, valueBytes: 250 }, 240_000);
    if (errors > 0) throw new Error(`${errors} of ${population} instances were refused`);
    await sleep(SETTLE_MS);
    const times: number[] = [];
    for (let nth = 0; nth < STARTS; nth++) times.push(await startEmpty(ensemble, nth, population));
    return { empty: findMedian(times), emptyWorst: Math.max(...times) };
  });
}

/** A fourth node with an empty directory, again and again among the same instances. */
export const EMPTY: Scenario<"rollcall"> = {
  id: "nodes-empty",
  rounds: 1,
  sides: ["rollcall"],
  roundMsMax: 600_000,
  measure,
};
