/** A server under test: its own process on a directory of its own, fresh for each round. */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Rate } from "../generators/rate.ts";
import { Child, readCpuSeconds, sleep } from "../host/child.ts";
import type { Sample, Side } from "../row.ts";

/** A running server. */
export interface Peer {
  side: Side;
  /** The port that is measured. */
  port: number;
  child: Child;
  dir: string;
}

/** How long a server may take to start, on any number of instances. */
const START_MS_MAX = 60_000;
const ROOT = join(import.meta.dirname, "..", "..");
const DATA = join(ROOT, ".cache", "bench", String(process.pid));
let dirs = 0;

/** A new directory for data, on the file system of the checkout. */
export function makeDir(side: Side): string {
  const dir = join(DATA, `${side}-${++dirs}`);
  mkdirSync(dir, { recursive: true });
  return dir;
}

/** Removes all data of this run. */
export function removeDirs(): void {
  rmSync(DATA, { recursive: true, force: true });
}

process.on("exit", removeDirs);

/** The built program; BENCH_ROLLCALL names another build's. */
export const PROGRAM = process.env.BENCH_ROLLCALL ?? join(ROOT, "packages/registry/dist/bin/rollcall.js");

/**
 * Rollcall as one process, with its HTTP API on a port and what else the flags ask for. BENCH_NODE_FLAGS are flags of Node
 * for the server, such as `--cpu-prof`, to see where its time goes.
 */
export function spawnRollcall(dir: string, httpPort: number, flags: readonly string[]): Child {
  const nodeFlags = (process.env.BENCH_NODE_FLAGS ?? "").split(" ").filter((flag) => flag !== "");
  const own = ["serve", "--http-port", String(httpPort), "--data", dir, "--log-format", "json", ...flags];
  // It takes what begins so for its settings.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ROLLCALL_")));
  return new Child("rollcall", process.execPath, [...nodeFlags, PROGRAM, ...own], { env });
}

/** Asks again and again until the server answers as it should. */
export async function awaitAnswer(
  peer: Peer,
  what: string,
  answers: () => Promise<boolean>,
  msMax = START_MS_MAX,
): Promise<void> {
  const until = performance.now() + msMax;
  while (!(await answers())) {
    if (peer.child.ended) throw peer.child.fail("ended at its start");
    if (performance.now() > until) throw peer.child.fail(`answered no ${what} within ${msMax} ms`);
    await sleep(2);
  }
}

/** Runs something against a server that has just been started, and ends the server, whatever happens. */
export async function useServer<P extends Peer, T>(peer: P, use: (peer: P) => Promise<T>): Promise<T> {
  try {
    return await use(peer);
  } catch (error) {
    if (peer.child.ended)
      throw peer.child.fail(`ended in the middle (${error instanceof Error ? error.message : error})`);
    throw error;
  } finally {
    await peer.child.stop();
    rmSync(peer.dir, { recursive: true, force: true });
  }
}

/**
 * A rate together with what it cost the server: its processor time per request, in microseconds. The cost says more than
 * the rate when others use the machine as well.
 */
export async function measureCost(peer: Peer, work: () => Promise<Rate>): Promise<{ rate: Rate; cpuUs: number }> {
  const pid = peer.child.process.pid ?? 0;
  const cpu = readCpuSeconds(pid);
  const from = performance.now();
  const rate = await work();
  const cores = (readCpuSeconds(pid) - cpu) / ((performance.now() - from) / 1000);
  return { rate, cpuUs: (cores / rate.perSecond) * 1e6 };
}

/** Runs some pieces of work one after the other; each gives `<name>` and `<name>CpuUs`, and `<name>LostPercent` of queries. */
export async function measureRates(peer: Peer, works: Record<string, () => Promise<Rate>>): Promise<Sample> {
  const sample: Sample = {};
  for (const [name, work] of Object.entries(works)) {
    const { rate, cpuUs } = await measureCost(peer, work);
    sample[name] = rate.perSecond;
    sample[`${name}CpuUs`] = cpuUs;
    if (rate.lostPercent !== undefined) sample[`${name}LostPercent`] = rate.lostPercent;
  }
  return sample;
}
