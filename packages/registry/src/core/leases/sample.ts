/** A census of very many: a few thousand are looked at, and stand for the others. */
import type { LeaseState } from "../catalog/lease.ts";
import type { Census } from "./policy.ts";
import { type Span, together } from "./turnover.ts";
import type { LeaseWheel } from "./wheel.ts";

export const SAMPLE_MAX = 2048;

/** Instances that leases keep, and those of them that are silent. */
interface Whole {
  readonly kept: number;
  readonly silent: number;
}

/** Every so many is looked at. */
export function strideOf({ kept }: Whole): number {
  return Math.ceil(kept / SAMPLE_MAX);
}

/**
 * Who stands in for whom is not looked at: each newcomer that is there makes up for one that is lost. `leases` are those
 * to look at, all of them keep instances.
 */
export function estimate(whole: Whole, leases: Iterable<LeaseState>, wheel: LeaseWheel, span: Span): Census {
  let [there, heard, late, silent, lost, born] = [0, 0, 0, 0, 0, 0];
  const newcomers: number[] = [];
  let firstLostAt = Number.POSITIVE_INFINITY;
  for (const lease of leases) {
    const { slot } = lease;
    const heardAt = wheel.heardAt(slot);
    if (lease.silent) {
      silent++;
      if (!together(heardAt, wheel.overdueAt(slot), span)) continue;
      lost++;
      if (heardAt < firstLostAt) firstLostAt = heardAt;
      continue;
    }
    there++;
    if (heardAt > (span.heardAfter ?? span.to)) heard++;
    else if (wheel.dueAt(slot) < wheel.now) late++;
    if (!wheel.isSpent(slot)) newcomers.push(wheel.bornAt(slot));
  }
  for (const bornAt of newcomers) if (bornAt > firstLostAt) born++;
  const lostOfAll = silent === 0 ? 0 : (whole.silent * lost) / silent;
  const bornOfAll = there === 0 ? 0 : ((whole.kept - whole.silent) * born) / there;
  return {
    there: whole.kept - whole.silent,
    heard,
    late,
    lost: Math.max(0, Math.round(lostOfAll - bornOfAll)),
    elsewhere: 0,
  };
}
