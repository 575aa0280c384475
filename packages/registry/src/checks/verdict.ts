/** What came of one run, and what becomes of it: pure. */
import { type Check, LIMITS, type Probe, type Status } from "../core/index.ts";

export interface Verdict {
  readonly status: "passing" | "warning" | "critical";
  /** What the target said, or why it was not reached, in the words that agents of other registries use. */
  readonly output: string;
}

export function pass(output: string): Verdict {
  return { status: "passing", output: cut(output) };
}

export function fail(output: string): Verdict {
  return { status: "critical", output: cut(output) };
}

export function cut(output: string): string {
  return output.length <= LIMITS.checkOutputLengthMax ? output : output.slice(0, LIMITS.checkOutputLengthMax);
}

/** How many results of a kind came in a row. */
export interface Row {
  good: number;
  bad: number;
}

/**
 * The status that a check has after this verdict. `isFirst`: nothing was ever found out about it, so that the verdict counts
 * at once. Counts it in the row.
 */
export function judge(row: Row, verdict: Verdict, check: Check, isFirst: boolean): Status {
  const { rise = 1, fall = 1, warnAfter = fall }: Probe = check.probe ?? {};
  if (verdict.status !== "critical") {
    row.bad = 0;
    row.good = isFirst ? rise : Math.min(row.good + 1, rise);
    return row.good >= rise ? verdict.status : check.status;
  }
  row.good = 0;
  row.bad = isFirst ? fall : Math.min(row.bad + 1, fall);
  if (row.bad >= fall || check.status === "critical") return "critical";
  return row.bad >= warnAfter ? "warning" : check.status;
}
