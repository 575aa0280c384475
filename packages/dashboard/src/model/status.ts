/** Statuses, how bad they are, and what is said of them. */
import type { InstanceBody, Status } from "@rollcall/client";

/** What a bar, a strip or a row can show. `held` stands beside a status, and is shown instead of it. */
export type Look = Status | "held" | "gone";

/** From the worst to the best, as bars, lists and sentences have them. */
export const LOOKS = [
  "critical",
  "warning",
  "held",
  "unknown",
  "starting",
  "draining",
  "passing",
] as const satisfies Look[];

export type Counts = Readonly<Partial<Record<Look, number>>>;

export function lookOf({ status, held }: Pick<InstanceBody, "status" | "held">): Look {
  return held === null ? status : "held";
}

/** Whether clients that ask for healthy instances get it. Held ones, too: they are still given out. */
export function isUsable({ status }: Pick<InstanceBody, "status">): boolean {
  return status === "passing" || status === "warning";
}

export function countLooks(instances: Iterable<Pick<InstanceBody, "status" | "held">>): Counts {
  const counts: Partial<Record<Look, number>> = {};
  for (const instance of instances) {
    const look = lookOf(instance);
    counts[look] = (counts[look] ?? 0) + 1;
  }
  return counts;
}

export function addCounts(one: Counts, other: Counts): Counts {
  const sum: Partial<Record<Look, number>> = { ...one };
  for (const look of LOOKS) {
    const more = other[look];
    if (more) sum[look] = (sum[look] ?? 0) + more;
  }
  return sum;
}

const RANKS: Readonly<Record<Look, number>> = {
  ...(Object.fromEntries(LOOKS.map((look, rank) => [look, rank])) as Record<(typeof LOOKS)[number], number>),
  gone: -1,
};

/** The worst first. */
export function compareLooks(one: Look, other: Look): number {
  return RANKS[one] - RANKS[other];
}
