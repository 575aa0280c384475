/** What a load costs each kind of process, measured in the middle of it. */
import { readAllCpuSeconds, sleep } from "../../host/child.ts";
import type { Ensemble } from "../../peers/ensemble.ts";
import type { Peer } from "../../peers/server.ts";
import type { Effort } from "../../row.ts";

/** Cores that were used. */
export interface Cores {
  /** By what the load talks to, the busiest of those alone, what lies below, and the load itself. */
  readonly servers: number;
  readonly busiest: number;
  readonly below: number;
  readonly load: number;
}

/** `span`: that of a load which begins now. */
export async function measureCores(
  { peers, below }: Ensemble,
  { warmMs, measureMs }: Pick<Effort, "warmMs" | "measureMs">,
): Promise<Cores> {
  await sleep(warmMs + measureMs / 4);
  const before = readAllCpuSeconds();
  const from = performance.now();
  await sleep(measureMs / 2);
  const after = readAllCpuSeconds();
  const seconds = (performance.now() - from) / 1000;
  const idsOf = (some: readonly Peer[]): number[] => some.map(({ child }) => child.process.pid ?? 0);
  const coresOf = (pid: number): number => ((after.get(pid) ?? 0) - (before.get(pid) ?? 0)) / seconds;
  const sum = (ids: readonly number[]): number => ids.reduce((all, pid) => all + coresOf(pid), 0);
  const [own, lower] = [idsOf(peers), idsOf(below)];
  const others = [...after.keys()].filter((pid) => before.has(pid) && !own.includes(pid) && !lower.includes(pid));
  return { servers: sum(own), busiest: Math.max(...own.map(coresOf)), below: sum(lower), load: sum(others) };
}
