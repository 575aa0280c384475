/**
 * @live The queries that wait, however many, by one timer: each lies in the slot of the tick in which its time is up.
 */
import type { Access, Clock, Refused } from "../../../core/index.ts";
import type { Metrics } from "../../contract.ts";
import type { Call, Lasting, Visit } from "../desk.ts";
import { identify } from "./access.ts";

/** So exact are the times that clients wait. */
const TICK_MS = 50;

interface Guest {
  readonly call: Call;
  readonly slot: number;
}

export class OpenQueries implements Lasting {
  draining = false;
  readonly #access: Access;
  readonly #clock: Clock;
  readonly #metrics: Metrics;
  readonly #open = new Map<Visit, Guest>();
  readonly #slots = new Map<number, Set<Visit>>();
  readonly #forget: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** Slots up to here are over. */
  #past = 0;

  constructor(access: Access, clock: Clock, metrics: Metrics) {
    this.#access = access;
    this.#clock = clock;
    this.#metrics = metrics;
    this.#forget = access.onChange(() => this.#endRevoked());
  }

  enter(visit: Visit, call: Call, waitMs: number): () => void {
    if (this.#timer === undefined) {
      this.#past = this.#now();
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
    }
    // At least the next one: what is over has been gone through.
    const slot = Math.max(this.#past + 1, Math.ceil((this.#clock.monotonic() + waitMs) / TICK_MS));
    this.#open.set(visit, { call, slot });
    const others = this.#slots.get(slot);
    if (others === undefined) this.#slots.set(slot, new Set([visit]));
    else others.add(visit);
    this.#metrics.watchers("consul", 1);
    return () => this.#leave(visit);
  }

  #leave(visit: Visit): void {
    const guest = this.#open.get(visit);
    if (guest === undefined) return;
    this.#open.delete(visit);
    const others = this.#slots.get(guest.slot);
    others?.delete(visit);
    if (others?.size === 0) this.#slots.delete(guest.slot);
    this.#metrics.watchers("consul", -1);
    if (this.#open.size > 0) return;
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
    this.draining = true;
    for (const visit of [...this.#open.keys()]) visit.bye();
  }

  close(): void {
    this.drain();
    this.#forget();
    clearInterval(this.#timer);
  }

  #endRevoked(): void {
    for (const [visit, { call }] of [...this.#open]) {
      const revoked = this.#findRevoked(call);
      if (revoked !== undefined) visit.bye(revoked);
    }
  }

  #findRevoked({ token, account, role }: Call): Refused | undefined {
    const now = identify(this.#access, token);
    if (!now.ok) return now;
    const allowed = this.#access.allow(now.value, account, role);
    return allowed.ok ? undefined : allowed;
  }
}
