import { rotation } from "./rotation.ts";
import type { Policy, Seat } from "./seat.ts";

/** Least pending: the one with the fewest calls under way for its weight; those that are as free take turns. */
export const leastPending: Policy = {
  next(seats, key) {
    let least: Seat[] = [];
    let leastLoad = Number.POSITIVE_INFINITY;
    for (const seat of seats) {
      const load = (seat.pending + 1) / seat.weight;
      if (load > leastLoad) continue;
      if (load < leastLoad) least = [];
      leastLoad = load;
      least.push(seat);
    }
    return least.length === 1 ? (least[0] as Seat) : rotation.next(least, key);
  },
};
