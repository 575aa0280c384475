import { rmSync } from "node:fs";
import { runJob } from "../../generators/driver.ts";
import { sleep } from "../../host/child.ts";
import { askOnce } from "../../load/clients/http1.ts";
import { toService } from "../../load/job.ts";
import { SIZE, startNode, withEnsemble } from "../../peers/ensemble.ts";
import { awaitAnswer, type Peer } from "../../peers/server.ts";
import type { Effort, Sample, Scenario } from "../../row.ts";

const SERVICE_SIZE = 100;
/** The rows are brought up to date when it is quiet. */
const SETTLE_MS = 5000;

async function measure(_side: "rollcall", { population }: Effort): Promise<Sample> {
  return withEnsemble("rollcall", async ({ peers, below }) => {
    const { port } = peers[0] as Peer;
    const fill = { kind: "rollcall-fill", port, connections: 64, count: population } as const;
    const { errors } = await runJob({ ...fill, serviceSize: SERVICE_SIZE, valueBytes: 250 }, 240_000);
    if (errors > 0) throw new Error(`${errors} of ${population} instances were refused`);
    await sleep(SETTLE_MS);
    const from = performance.now();
    const fresh = await startNode(below, SIZE);
    try {
      const path = `/v2/default/services/${toService(population / SERVICE_SIZE / 2)}`;
      await awaitAnswer(fresh, "read", async () => {
        const answer = await askOnce(fresh.port, "GET", path).catch(() => undefined);
        return answer?.status === 200;
      });
      return { empty: performance.now() - from };
    } finally {
      await fresh.child.stop("SIGKILL");
      rmSync(fresh.dir, { recursive: true, force: true });
    }
  });
}

/** A fourth node with an empty directory, from the start of its process to the first read. */
export const EMPTY: Scenario<"rollcall"> = {
  id: "nodes-empty",
  rounds: 3,
  sides: ["rollcall"],
  roundMsMax: 600_000,
  measure,
};
