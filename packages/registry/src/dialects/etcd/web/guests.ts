/** @live Those who wait for events: they leave when the registry stops, or when they may not see them any more. */
import type { Access, Account, Refused } from "../../../core/index.ts";
import { type Visit, Visits } from "../../../net/routes/visits.ts";
import type { Metrics } from "../../contract.ts";
import type { WebCall } from "./call.ts";

export interface Guest {
  readonly call: WebCall;
  readonly account: Account;
}

export class Guests {
  readonly #visits: Visits<Guest>;
  readonly #metrics: Metrics;

  constructor(access: Access, metrics: Metrics) {
    this.#metrics = metrics;
    this.#visits = new Visits(access, (guest) => findRevoked(access, guest));
  }

  get draining(): boolean {
    return this.#visits.draining;
  }

  enter(visit: Visit, guest: Guest): void {
    this.#visits.enter(visit, guest);
    this.#metrics.watchers("etcd", 1);
  }

  leave(visit: Visit): void {
    if (this.#visits.leave(visit) !== undefined) this.#metrics.watchers("etcd", -1);
  }

  drain(): void {
    this.#visits.drain();
  }

  close(): void {
    this.#visits.close();
  }
}

function findRevoked(access: Access, { call, account }: Guest): Refused | undefined {
  if (access.open) return undefined;
  const principal = access.authenticate(call.metadata("token"));
  if (!principal.ok) return principal;
  const allowed = access.allow(principal.value, account, "reader");
  return allowed.ok ? undefined : allowed;
}
