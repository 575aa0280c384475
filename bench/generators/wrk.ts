/** wrk with our scripts. */
import { join } from "node:path";
import { Child, readOutput, runProgram } from "../host/child.ts";
import { checkRate, type Rate, SLACK_MS, type Span } from "./rate.ts";

const CONNECTIONS = 64;
/** The default of wrk. */
const TIMEOUT_S = 2;

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

/** A script of wrk and how it is run. */
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
  return [
    "-t1",
    "--latency",
    `-c${connections}`,
    `-d${seconds}s`,
    "--timeout",
    `${timeoutS}s`,
    "-s",
    path,
    url,
    "--",
    ...args,
  ];
}

function readWrk(script: string, output: string): Rate {
  const perSecond = Number(/^Requests\/sec:\s+([\d.]+)/m.exec(output)?.[1]);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const broken = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output);
  const [, slow, unit = "ms"] = /^ +99%\s+([\d.]+)(us|ms|s|m)$/m.exec(output) ?? [];
  const lost = broken === null ? 0 : broken.slice(1).reduce((sum, count) => sum + Number(count), 0);
  return checkRate(`wrk ${script}`, {
    perSecond,
    errors: refused + lost,
    ...(slow === undefined ? {} : { p99Ms: Number(slow) * (UNIT_MS[unit] as number) }),
  });
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
