/** @live Who looked which service up over which protocol, by the address that asked: noted in memory, within bounds. */
import type { Account, Clock } from "../core/index.ts";

/** A day: clients with caches of their own ask rarely. */
const KEPT_MS = 24 * 3600 * 1000;
const ACCOUNT_MAX = 10_000;
const ALL_MAX = 50_000;
const NAME_LENGTH_MAX = 255;
/** Asked again sooner it is the same look. */
const AGAIN_MS = 1000;
/** IPv4 as sockets of IPv6 tell it. */
const MAPPED = "::ffff:";

export interface Lookup {
  readonly service: string;
  readonly dialect: string;
  readonly address: string;
  readonly sinceMs: number;
  readonly seenMs: number;
}

type Noted = Lookup & { seenMs: number };

export class Lookups {
  readonly #clock: Clock;
  /** By account; who was seen last is last. */
  readonly #noted = new Map<Account, Map<string, Noted>>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Costs a look into a map when it is known. With too many, the one of the account that was not seen for longest goes. */
  note(account: Account, dialect: string, service: string, from: string): void {
    const address = from.startsWith(MAPPED) ? from.slice(MAPPED.length) : from;
    if (service === "" || address === "" || Math.max(service.length, address.length) > NAME_LENGTH_MAX) return;
    const circle = this.#noted.get(account) ?? new Map<string, Noted>();
    const id = `${service}\0${dialect}\0${address}`;
    const nowMs = this.#clock.now();
    const known = circle.get(id);
    if (known !== undefined) {
      if (nowMs - known.seenMs < AGAIN_MS) return;
      known.seenMs = nowMs;
      circle.delete(id);
      circle.set(id, known);
      return;
    }
    if (circle.size >= ACCOUNT_MAX || this.#count >= ALL_MAX) {
      const [oldest] = circle.keys();
      if (oldest === undefined) return;
      circle.delete(oldest);
      this.#count--;
    }
    circle.set(id, { service, dialect, address, sinceMs: nowMs, seenMs: nowMs });
    this.#noted.set(account, circle);
    this.#count++;
  }

  list(account: Account): readonly Lookup[] {
    const circle = this.#noted.get(account);
    if (circle === undefined) return [];
    const seenMsMin = this.#clock.now() - KEPT_MS;
    for (const [id, { seenMs }] of circle) {
      if (seenMs >= seenMsMin) break;
      circle.delete(id);
      this.#count--;
    }
    if (circle.size === 0) this.#noted.delete(account);
    return [...circle.values()];
  }
}
