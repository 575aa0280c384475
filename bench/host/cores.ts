/** Ties processes to processors: on one machine some then have what they would have on machines of their own. */
import { availableParallelism } from "node:os";
import { runProgram } from "./child.ts";

const COUNT = availableParallelism();
const CORES = { first: "0", rest: `1-${COUNT - 1}`, all: `0-${COUNT - 1}` } as const;
const TIE_MS_MAX = 5000;

export const HAS_TWO = COUNT > 1;

/** All threads of a process, and what they start from then on. Meaningless where there is one processor alone. */
export async function tie(pid: number | undefined, to: keyof typeof CORES): Promise<void> {
  await runProgram("taskset", "taskset", ["-acp", CORES[to], String(pid)], TIE_MS_MAX);
}

/** What is measured, with its load, on the first processor, and all others on the rest. */
export async function tiedApart<T>(
  measured: number | undefined,
  others: readonly (number | undefined)[],
  measure: () => Promise<T>,
): Promise<T> {
  await Promise.all([...others.map((pid) => tie(pid, "rest")), tie(measured, "first"), tie(process.pid, "first")]);
  try {
    return await measure();
  } finally {
    await tie(process.pid, "all");
  }
}
