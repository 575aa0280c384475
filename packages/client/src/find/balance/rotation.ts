import type { Policy, Seat } from "./seat.ts";

/** Round robin: each as often as its weight says, evenly spread. */
export const rotation: Policy = {
  next(seats) {
    let whole = 0;
    let best = seats[0] as Seat;
    for (const seat of seats) {
      whole += seat.weight;
      seat.due += seat.weight;
      if (seat.due > best.due) best = seat;
    }
    best.due -= whole;
    return best;
  },
};
