/** The load generators, each a process of its own: our driver, wrk, h2load. */
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, readOutput, runProgram } from "../host/child.ts";
import { frameMessage } from "../load/clients/protobuf.ts";
import type { Job, JobResult } from "../load/job.ts";

const CONNECTIONS = 64;
/** wrk's own. */
const TIMEOUT_S = 2;
/** What a generator may take beyond its measured time: connecting, warming up, starting. */
const SLACK_MS = 30_000;

/** How long to warm up and to measure. */
export interface Span {
  warmMs: number;
  measureMs: number;
}

export interface Rate {
  perSecond: number;
  errors: number;
  /** Over UDP: queries without an answer, of a hundred. */
  lostPercent?: number;
}

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

/** Refuses a rate with failed requests in it, or of nothing. */
export function checkRate(what: string, rate: Rate): Rate {
  if (rate.errors > 0) throw new Error(`${what}: ${rate.errors} requests failed`);
  if (!(rate.perSecond > 0)) throw new Error(`${what}: nothing was answered`);
  return rate;
}

/** A script of wrk at work. */
export interface WrkLoad {
  script: string;
  port: number;
  connections?: number;
  /** How long an answer may take before it counts as failed. */
  timeoutS?: number;
}

function toWrkArguments(load: WrkLoad, args: readonly string[], ms: number): string[] {
  const { script, port, connections = CONNECTIONS, timeoutS = TIMEOUT_S } = load;
  const url = `http://127.0.0.1:${port}`;
  const seconds = Math.max(1, Math.round(ms / 1000));
  const path = join(import.meta.dirname, "..", "load", "wrk", `${script}.lua`);
  return ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", `${timeoutS}s`, "-s", path, url, "--", ...args];
}

function readWrk(script: string, output: string): Rate {
  const perSecond = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(output)?.[1]);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const lost = broken === null ? 0 : broken.slice(1).reduce((sum, count) => sum + Number(count), 0);
  return checkRate(`wrk ${script}`, { perSecond, errors: refused + lost });
}

async function runWrkOnce(load: WrkLoad, args: readonly string[], ms: number): Promise<Rate> {
  return readWrk(load.script, await runProgram("wrk", "wrk", toWrkArguments(load, args, ms), ms + SLACK_MS));
}

/** Runs a script of wrk twice: to warm up, then to measure. `args` reach the script, with "warm" or "run" before them. */
export async function runWrkLoad(load: WrkLoad, span: Span, args: readonly string[] = []): Promise<Rate> {
  if (span.warmMs > 0) await runWrkOnce(load, ["warm", ...args], span.warmMs);
  return runWrkOnce(load, ["run", ...args], span.measureMs);
}

/** The same over 64 connections. */
export function runWrk(script: string, port: number, span: Span, args: readonly string[] = []): Promise<Rate> {
  return runWrkLoad({ script, port }, span, args);
}

/** Runs something while wrk asks as fast as it is answered; answers wrk's rate as well. */
export async function runUnderWrk<T>(
  load: WrkLoad,
  args: readonly string[],
  msMax: number,
  work: () => Promise<T>,
): Promise<[T, Rate]> {
  const child = new Child("wrk", "wrk", toWrkArguments(load, ["run", ...args], msMax));
  const output = readOutput(child);
  try {
    const done = await work();
    if (child.ended) throw child.fail("ended before the work that it was to disturb");
    // It ends at an interrupt with all of its numbers.
    await child.stop("SIGINT");
    return [done, readWrk(load.script, await output)];
  } finally {
    await child.stop();
  }
}

/** One fixed gRPC request over and over with h2load, by `streams` at a time on each connection. */
export async function runH2load(
  port: number,
  path: string,
  message: Buffer,
  span: Span,
  layout: { connections: number; streams: number; threads: number },
): Promise<Rate> {
  const file = join(tmpdir(), `rollcall-bench-${process.pid}.bin`);
  writeFileSync(file, frameMessage(message));
  try {
    const output = await runProgram(
      "h2load",
      "h2load",
      [
        ...["-D", String(span.measureMs / 1000), `--warm-up-time=${span.warmMs / 1000}`],
        ...[`-t${layout.threads}`, `-c${layout.connections}`, `-m${layout.streams}`],
        // Windows of 1 GiB: an answer never waits for the client to open one.
        ...["-w30", "-W30", "-d", file, "-H", "content-type: application/grpc", "-H", "te: trailers"],
        `http://127.0.0.1:${port}${path}`,
      ],
      span.warmMs + span.measureMs + SLACK_MS,
    );
    const counts = /requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed/.exec(output);
    const perSecond = Number(counts?.[1]) / (span.measureMs / 1000);
    return checkRate(`h2load ${path}`, { perSecond, errors: Number(counts?.[2] ?? 0) });
  } finally {
    rmSync(file, { force: true });
  }
}
