/** Changes at one node without a pause, through whatever happens to the others; a change that fails is tried again. */
import { setTimeout as delay } from "node:timers/promises";
import { connectHttp1, toRequest } from "../clients/http1.ts";
import type { JobResult, PauseJob } from "../job.ts";

const RETRY_MS = 20;

export async function runPause(job: PauseJob): Promise<JobResult> {
  const answeredAtMs: number[] = [];
  const untilMs = performance.now() + job.forMs;
  let errors = 0;
  const write = async (writer: number): Promise<void> => {
    const line = await connectHttp1(job.port);
    for (let turn = 0; performance.now() < untilMs; turn++) {
      const { status } = await line.ask(toRequest("PUT", `/v2/default/config/pause/${writer}`, String(turn)));
      if (status < 300) answeredAtMs.push(Date.now());
      else {
        errors++;
        await delay(RETRY_MS);
      }
    }
    line.close();
  };
  const from = Date.now();
  await Promise.all(Array.from({ length: job.writers }, (_, writer) => write(writer)));
  return {
    count: answeredAtMs.length,
    errors,
    seconds: job.forMs / 1000,
    loadCores: 0,
    answeredAtMs,
    endedAtMs: from + job.forMs,
  };
}
