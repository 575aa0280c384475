import type { InstanceBody } from "../shapes.ts";

interface Seat {
  readonly instance: InstanceBody;
  /** Its part of the whole weight. */
  readonly share: number;
  /** How far its turn has come: the farthest is next. */
  due: number;
}

/** Instances in turn, each as often as its weight says, evenly spread. */
export interface Rotation {
  set(instances: readonly InstanceBody[]): void;
  next(): InstanceBody | undefined;
}

export function createRotation(): Rotation {
  let seats: readonly Seat[] = [];
  return {
    set(instances) {
      const before = new Map(seats.map((seat) => [seat.instance.id, seat.due]));
      const chosen = choose(instances);
      const whole = chosen.reduce((sum, { weight }) => sum + weight, 0);
      seats = chosen.map((instance) => {
        // With all weights 0 nobody is preferred.
        const share = whole === 0 ? 1 / chosen.length : instance.weight / whole;
        // Beginning anywhere in its turn: many clients that start together do not all begin with the same one.
        return { instance, share, due: before.get(instance.id) ?? Math.random() * share };
      });
    },
    next() {
      let best: Seat | undefined;
      for (const seat of seats) {
        seat.due += seat.share;
        if (best === undefined || seat.due > best.due) best = seat;
      }
      if (best === undefined) return undefined;
      best.due -= 1;
      return best.instance;
    },
  };
}

/** The healthy ones, else all; of these those with a weight, else all. Held ones count like the others. */
function choose(instances: readonly InstanceBody[]): readonly InstanceBody[] {
  const healthy = instances.filter(({ status }) => status === "passing" || status === "warning");
  const among = healthy.length > 0 ? healthy : instances;
  const weighty = among.filter(({ weight }) => weight > 0);
  return weighty.length > 0 ? weighty : among;
}
