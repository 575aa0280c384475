import { hashOf, type Seat } from "./seat.ts";

/** Calls stay in a zone while it can bear them. */
export interface NearOptions {
  readonly zone: string;
  /** With fewer instances there that are not ejected, all zones share all calls. 1 when left out. */
  readonly min?: number;
  /**
   * How much more than its part each instance of the zone may bear, 1.4 when left out: with 1.4, calls spill over to
   * other zones when less than 5 of 7 of the zone's weight is left, in proportion to what is missing.
   */
  readonly headroom?: number;
}

/** Zone first, with spill-over. */
export class Near {
  readonly #options: NearOptions;
  /** How far the next call that leaves the zone has come. */
  #due = Math.random();

  constructor(options: NearOptions) {
    this.#options = options;
  }

  /** Those among which the next call goes. `usable` are those of `all` that are not ejected, one at least. */
  choose(all: readonly Seat[], usable: readonly Seat[], key: string | undefined): readonly Seat[] {
    const { zone, min = 1, headroom = 1.4 } = this.#options;
    const here = usable.filter(({ instance }) => instance.zone === zone);
    if (here.length < Math.max(1, min)) return usable;
    if (here.length === usable.length) return here;
    const wholeWeight = all.reduce((sum, { instance, weight }) => sum + (instance.zone === zone ? weight : 0), 0);
    const leftWeight = here.reduce((sum, { weight }) => sum + weight, 0);
    const leaving = 1 - (headroom * leftWeight) / wholeWeight;
    return leaving > 0 && this.#leaves(leaving, key) ? usable.filter(({ instance }) => instance.zone !== zone) : here;
  }

  /** Whether this one of the calls leaves, of which `share` do: the same key always, else evenly spread. */
  #leaves(share: number, key: string | undefined): boolean {
    if (key !== undefined) return hashOf(`zone ${key}`) / 2 ** 32 < share;
    this.#due += share;
    if (this.#due < 1) return false;
    this.#due -= 1;
    return true;
  }
}
