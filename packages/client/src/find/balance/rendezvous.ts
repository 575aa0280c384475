import { rotation } from "./rotation.ts";
import { hashOf, type Policy, type Seat, spread } from "./seat.ts";

/**
 * Consistent hashing by the highest random weight (rendezvous): a key stays at its instance while that is there, and an
 * instance that comes or goes moves its own share of the keys only. Without a key: in turn.
 *
 * The score is weight / -ln(u), u uniform by key and instance: Schindelhauer and Schomaker, "Weighted Distributed Hash
 * Tables" (2005), so that each gets keys as its weight says.
 */
export const rendezvous: Policy = {
  next(seats, key) {
    if (key === undefined) return rotation.next(seats, key);
    const keyHash = hashOf(key);
    let best = seats[0] as Seat;
    let bestScore = -1;
    for (const seat of seats) {
      const uniform = (spread(keyHash ^ seat.hash) + 0.5) / 2 ** 32;
      const score = seat.weight / -Math.log(uniform);
      if (score <= bestScore) continue;
      best = seat;
      bestScore = score;
    }
    return best;
  },
};
