/** Our own load generator, a process of its own. */
import { join } from "node:path";
import { runProgram } from "../host/child.ts";
import type { Job, JobResult } from "../load/job.ts";
import { checkRate, type Rate, SLACK_MS } from "./rate.ts";

/** Runs a job in a load process of our own. */
export async function runJob(job: Job, msMax: number): Promise<JobResult> {
  const script = join(import.meta.dirname, "..", "load", "main.ts");
  const output = await runProgram("load", process.execPath, ["--import", "tsx", script, JSON.stringify(job)], msMax);
  return JSON.parse(output) as JobResult;
}

/** A storm of our own driver, as a rate. Refuses a rate with errors in it. */
export async function runStorm(job: Extract<Job, { warmMs: number }>): Promise<Rate> {
  const result = await runJob(job, job.warmMs + job.measureMs + SLACK_MS);
  return checkRate(job.kind, { perSecond: result.count / result.seconds, errors: result.errors });
}
