/** Which instance gets the next call: by policy, zone, and how calls to it went. */
import type { InstanceBody } from "../../shapes.ts";
import { type OutlierOptions, Outliers } from "./outliers.ts";
import { leastPending } from "./pending.ts";
import { rendezvous } from "./rendezvous.ts";
import { rotation } from "./rotation.ts";
import { hashOf, type Policy, type Seat } from "./seat.ts";
import { Near, type NearOptions } from "./zone.ts";

export interface BalanceOptions {
  /**
   * `round-robin` when left out: in turn. `least-pending`: fewest calls under way, of those begun with `take`.
   * `rendezvous`: by the key of the call (consistent hashing). All of them go by weight.
   */
  readonly balance?: "round-robin" | "least-pending" | "rendezvous";
  /** Zone first, with spill-over. */
  readonly near?: NearOptions;
  /** When instances whose calls fail get none for a while, or false: never. Counts calls begun with `take`. */
  readonly outliers?: OutlierOptions | false;
}

/** A call to an instance, from `take` on. */
export interface Taken {
  readonly instance: InstanceBody;
  /** The call is over; `false` when it failed by the instance's fault. Only the first word counts. */
  done(ok: boolean): void;
}

/** What is known of one instance by this client's own calls. */
export interface Standing {
  readonly instance: InstanceBody;
  readonly pending: number;
  /** In a row. */
  readonly failures: number;
  /** In ms from now; 0 when it is not ejected. */
  readonly ejectedForMs: number;
}

const POLICIES: Readonly<Record<NonNullable<BalanceOptions["balance"]>, Policy>> = {
  "round-robin": rotation,
  "least-pending": leastPending,
  rendezvous,
};

export class Balancer {
  readonly #policy: Policy;
  readonly #near: Near | undefined;
  readonly #outliers: Outliers | undefined;
  #seats: readonly Seat[] = [];
  /** Those of the seats that are not ejected: all, when all are. */
  #usable: readonly Seat[] = [];
  /** When the next ejection ends, in ms of `performance.now()`. */
  #nextBackMs = Number.POSITIVE_INFINITY;

  constructor({ balance = "round-robin", near, outliers = {} }: BalanceOptions) {
    this.#policy = POLICIES[balance];
    this.#near = near && new Near(near);
    this.#outliers = outliers === false ? undefined : new Outliers(outliers);
  }

  set(instances: readonly InstanceBody[]): void {
    const before = new Map(this.#seats.map((seat) => [seat.instance.id, seat]));
    const chosen = choose(instances);
    const whole = chosen.reduce((sum, { weight }) => sum + weight, 0);
    this.#seats = chosen.map((instance) => {
      // With all weights 0 nobody is preferred.
      const weight = whole === 0 ? 1 : instance.weight;
      const known = before.get(instance.id);
      if (known !== undefined && isSamePlace(known.instance, instance))
        return Object.assign(known, { instance, weight });
      // Beginning anywhere in its turn: many clients that start together do not all begin with the same one.
      return { ...FRESH, instance, weight, due: Math.random() * weight, hash: hashOf(instance.id) };
    });
    this.#sift(performance.now());
  }

  pick(key?: string): InstanceBody | undefined {
    return this.#next(key)?.instance;
  }

  take(key?: string): Taken | undefined {
    const seat = this.#next(key);
    if (seat === undefined) return undefined;
    seat.pending++;
    let isOver = false;
    const { instance } = seat;
    const done = (ok: boolean) => {
      if (isOver) return;
      isOver = true;
      seat.pending--;
      this.#judge(seat, ok);
    };
    return { instance, done };
  }

  standings(): readonly Standing[] {
    const nowMs = performance.now();
    return this.#seats.map(({ instance, pending, failures, ejectedUntilMs }) => {
      return { instance, pending, failures, ejectedForMs: Math.max(0, ejectedUntilMs - nowMs) };
    });
  }

  #next(key: string | undefined): Seat | undefined {
    if (this.#seats.length === 0) return undefined;
    if (this.#nextBackMs !== Number.POSITIVE_INFINITY) {
      const nowMs = performance.now();
      if (nowMs >= this.#nextBackMs) this.#sift(nowMs);
    }
    const among = this.#near?.choose(this.#seats, this.#usable, key) ?? this.#usable;
    return this.#policy.next(among, key);
  }

  #judge(seat: Seat, ok: boolean): void {
    if (this.#outliers === undefined || (ok && seat.failures === 0 && seat.ejections === 0)) return;
    const nowMs = performance.now();
    if (ok) return this.#outliers.wentWell(seat, nowMs);
    const ejected = this.#seats.filter(({ ejectedUntilMs }) => ejectedUntilMs > nowMs).length;
    if (this.#outliers.failed(seat, { nowMs, ejected, count: this.#seats.length })) this.#sift(nowMs);
  }

  #sift(nowMs: number): void {
    this.#nextBackMs = Number.POSITIVE_INFINITY;
    for (const { ejectedUntilMs } of this.#seats)
      if (ejectedUntilMs > nowMs && ejectedUntilMs < this.#nextBackMs) this.#nextBackMs = ejectedUntilMs;
    const usable = this.#seats.filter(({ ejectedUntilMs }) => ejectedUntilMs <= nowMs);
    this.#usable = usable.length === 0 ? this.#seats : usable;
  }
}

const FRESH = { pending: 0, failures: 0, ejections: 0, ejectedUntilMs: 0 };

/** Another process under the same id has no failures of the one before it. */
function isSamePlace(known: InstanceBody, instance: InstanceBody): boolean {
  return known.address === instance.address && known.port === instance.port;
}

/** The healthy ones, else all; of these those with a weight, else all. Held ones count like the others. */
function choose(instances: readonly InstanceBody[]): readonly InstanceBody[] {
  const healthy = instances.filter(({ status }) => status === "passing" || status === "warning");
  const among = healthy.length > 0 ? healthy : instances;
  const weighty = among.filter(({ weight }) => weight > 0);
  return weighty.length > 0 ? weighty : among;
}
