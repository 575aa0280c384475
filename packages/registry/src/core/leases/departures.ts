/** Instances that ended by silence, for as long as that says something of those beside them. */
import type { Account } from "../types.ts";
import { type Life, type Span, together } from "./turnover.ts";

/** Beyond so many of an account no more are remembered. */
const DEPARTURES_MAX = 4096;

export interface Departure extends Life {
  readonly endedAt: number;
  /** It was held before: it counted then. */
  readonly wasHeld: boolean;
}

type ById = Map<string, Departure>;

class Departed {
  readonly services = new Map<string, ById>();
  size = 0;
}

export class Departures {
  readonly #keptMs: number;
  readonly #accounts = new Map<Account, Departed>();

  /** One that ended so long ago, or a ttl ago when that is longer, is forgotten. */
  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  add(account: Account, service: string, id: string, departure: Departure): void {
    const departed = this.#accounts.get(account) ?? new Departed();
    if (departed.size >= DEPARTURES_MAX) return;
    const ids = departed.services.get(service) ?? new Map<string, Departure>();
    // The longest gone comes first.
    if (!ids.delete(id)) departed.size++;
    ids.set(id, departure);
    departed.services.set(service, ids);
    this.#accounts.set(account, departed);
  }

  /** True when this one had ended and so is back now. */
  takeBack(account: Account, service: string, id: string): boolean {
    const departed = this.#accounts.get(account);
    const isBack = departed?.services.get(service)?.delete(id) ?? false;
    if (departed !== undefined && isBack) departed.size--;
    return isBack;
  }

  of(account: Account, service: string): Iterable<Departure> {
    return this.#accounts.get(account)?.services.get(service)?.values() ?? [];
  }

  /** How many are remembered of an account, or of one service. */
  size(account: Account, service?: string): number {
    const departed = this.#accounts.get(account);
    return (service === undefined ? departed?.size : departed?.services.get(service)?.size) ?? 0;
  }

  /** How many of a service fell silent together with those of this span, and nobody stands in for them. */
  countLost(account: Account, service: string, span: Span): number {
    let count = 0;
    for (const one of this.of(account, service))
      if (!one.replaced && !one.wasHeld && together(one.heardAt, one.overdueAt, span)) count++;
    return count;
  }

  /** Forgets the old ones. To be called now and then. */
  sweep(at: number): void {
    for (const [account, departed] of this.#accounts) {
      for (const [service, ids] of departed.services) {
        for (const [id, one] of ids) {
          if (at - one.endedAt < Math.max(this.#keptMs, one.ttlMs)) break;
          ids.delete(id);
          departed.size--;
        }
        if (ids.size === 0) departed.services.delete(service);
      }
      if (departed.size === 0) this.#accounts.delete(account);
    }
  }
}
