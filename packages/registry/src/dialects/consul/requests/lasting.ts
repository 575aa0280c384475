/**
 * @live The queries that wait, however many, by one timer: each lies in the slot of the tick in which its time is up.
 */
import type { Access, Clock, Refused } from "../../../core/index.ts";
import { type Visit, Visits } from "../../../net/routes/visits.ts";
import type { Metrics } from "../../contract.ts";
import type { Call, Lasting } from "../desk.ts";
import { identify } from "./access.ts";

/** So exact are the times that clients wait. */
const TICK_MS = 50;

interface Guest {
  readonly call: Call;
  readonly slot: number;
}

export class OpenQueries implements Lasting {
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #visits: Visits<Guest>;
  readonly #slots = new Map<number, Set<Visit>>();
  #timer: NodeJS.Timeout | undefined;
  /** Slots up to here are over. */
  #past = 0;

  constructor(access: Access, clock: Clock, metrics: Metrics) {
    this.#access = access;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#visits = new Visits(access, ({ call }) => this.#findRevoked(call));
  }

  get draining(): boolean {
    return this.#visits.draining;
  }

  enter(visit: Visit, call: Call, waitMs: number): () => void {
    if (this.#timer === undefined) {
      this.#past = this.#now();
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
    }
    // At least the next one: what is over has been gone through.
    const slot = Math.max(this.#past + 1, Math.ceil((this.#clock.monotonic() + waitMs) / TICK_MS));
    this.#visits.enter(visit, { call, slot });
    const others = this.#slots.get(slot);
    if (others === undefined) this.#slots.set(slot, new Set([visit]));
    else others.add(visit);
    this.#metrics.watchers("consul", 1);
    return () => this.#leave(visit);
  }

  #leave(visit: Visit): void {
    const guest = this.#visits.leave(visit);
    if (guest === undefined) return;
    const others = this.#slots.get(guest.slot);
    others?.delete(visit);
    if (others?.size === 0) this.#slots.delete(guest.slot);
    this.#metrics.watchers("consul", -1);
    if (this.#visits.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #now(): number {
    return Math.floor(this.#clock.monotonic() / TICK_MS);
  }

  #tick(): void {
    for (const now = this.#now(); this.#past < now; ) {
      this.#past++;
      for (const visit of this.#slots.get(this.#past) ?? []) visit.bye();
    }
  }

  drain(): void {
    this.#visits.drain();
  }

  close(): void {
    this.#visits.close();
    clearInterval(this.#timer);
  }

  #findRevoked({ token, account, role }: Call): Refused | undefined {
    const now = identify(this.#access, token);
    if (!now.ok) return now;
    const allowed = this.#access.allow(now.value, account, role);
    return allowed.ok ? undefined : allowed;
  }
}
