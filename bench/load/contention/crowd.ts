/** Clients that all change one thing, each as soon as its last change is answered. */
import { askOnce } from "../clients/http1.ts";
import type { ContentionJob, JobResult } from "../job.ts";
import { openParent } from "./keys.ts";
import { type Client, TARGETS } from "./targets.ts";

export async function runContention(job: ContentionJob): Promise<JobResult> {
  if (job.target !== "keys" && job.target !== "keys-outside") {
    const open = await TARGETS[job.target](job.port, job.httpPort);
    return runCrowd(job, open, () => readProposals(job.httpPort));
  }
  const parent = await openParent(job);
  try {
    return await runCrowd(job, parent.open, parent.countProposals);
  } finally {
    await parent.close();
  }
}

/** What the server counts of them; NaN for a build that does not. */
async function readProposals(port: number): Promise<number> {
  const { body } = await askOnce(port, "GET", "/metrics");
  return Number(/^rollcall_proposals_total (\d+)$/m.exec(body.toString("utf8"))?.[1]);
}

async function runCrowd(
  { clients, warmMs, measureMs }: ContentionJob,
  open: (number: number) => Promise<Client>,
  countProposals: () => number | Promise<number>,
): Promise<JobResult> {
  const crowd = await Promise.all(Array.from({ length: clients }, (_, number) => open(number)));
  const proposals = await countProposals();
  const counts = new Array<number>(clients).fill(0);
  const state = { counting: false, stopped: false, all: 0, errors: 0 };
  const loops = crowd.map(async (client, number) => {
    for (let nth = 1; !state.stopped; nth++) {
      const ok = await client.change(nth);
      state.all++;
      if (!ok) state.errors++;
      else if (state.counting) (counts[number] as number)++;
    }
  });
  await sleep(warmMs);
  const cpu = process.cpuUsage();
  const from = performance.now();
  state.counting = true;
  await sleep(measureMs);
  state.counting = false;
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  state.stopped = true;
  await Promise.all(loops);
  const tries = ((await countProposals()) - proposals) / state.all;
  for (const client of crowd) client.close();
  return {
    count: counts.reduce((sum, count) => sum + count, 0),
    errors: state.errors,
    seconds,
    loadCores: (user + system) / 1e6 / seconds,
    crowd: { least: Math.min(...counts), most: Math.max(...counts), ...(Number.isNaN(tries) ? {} : { tries }) },
  };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
