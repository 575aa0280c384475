/** Our own load generator, a process of its own. */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Child, runProgram, sleep } from "../host/child.ts";
import type { Job, JobResult } from "../load/job.ts";
import { checkRate, type Rate, SLACK_MS } from "./rate.ts";

const SCRIPT = join(import.meta.dirname, "..", "load", "main.ts");

function toArguments(job: Job): string[] {
  return ["--import", "tsx", SCRIPT, JSON.stringify(job)];
}

/** Runs a job in a load process of our own. */
export async function runJob(job: Job, msMax: number): Promise<JobResult> {
  return JSON.parse(await runProgram("load", process.execPath, toArguments(job), msMax)) as JobResult;
}

/** The same of a job that goes on, once it has said its result, until it is stopped. */
export async function startJob(
  job: Job,
  msMax: number,
): Promise<{ readonly result: JobResult; stop(): Promise<void> }> {
  const child = new Child("load", process.execPath, toArguments(job));
  const { stdout } = child.process;
  if (stdout === null) throw child.fail("has no stdout");
  const said = new Promise<string>((resolve) => createInterface({ input: stdout }).once("line", resolve));
  const line = await Promise.race([said, child.exited, sleep(msMax)]);
  if (typeof line === "string") return { result: JSON.parse(line) as JobResult, stop: () => child.stop() };
  await child.stop();
  throw child.fail(`said nothing within ${msMax} ms`);
}

/** A storm of our own driver, as a rate. Refuses a rate with errors in it. */
export async function runStorm(job: Extract<Job, { warmMs: number }>): Promise<Rate> {
  const result = await runJob(job, job.warmMs + job.measureMs + SLACK_MS);
  return checkRate(job.kind, { perSecond: result.count / result.seconds, errors: result.errors });
}
