/** What every handler works with: the house's parts, the limits, a call and its answer. */
import type { OutgoingHttpHeaders } from "node:http";
import type { Access, Account, Clock, LeaseId, Outcome, Registry } from "../../core/index.ts";
import type { Query } from "../../net/http/exchange.ts";
import type { Tenants } from "../contract.ts";
import type { Session } from "./accounts/births.ts";
import type { LastBeat } from "./services/instances.ts";
import type { Body } from "./wire/bodies.ts";
import type { Fault } from "./wire/faults.ts";
import type { Here } from "./wire/page.ts";
import type { Maker } from "./wire/uuid.ts";

/** How many of each thing an account may have, and requests in 24 hours. */
export interface Quotas {
  readonly servicesMax: number;
  readonly valuesMax: number;
  readonly sessionsMax: number;
  readonly requestsPerDayMax: number;
}

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly tenants: Tenants;
  readonly clock: Clock;
  readonly session: Session;
  readonly quotas: Quotas;
  /** Makes the ids of events: the same for all of a store's life. */
  readonly maker: Maker;
}

/** A request of a tenant, past all checks that are the same for every route. */
export interface Call {
  readonly account: Account;
  readonly query: Query;
  readonly body: Body;
  readonly here: Here;
  /** `http://host/v1.0/<tenant as the client writes it>`. */
  readonly base: string;
  /** Requests counted in this window, this one included. */
  readonly used: number;
  /** True once the client is gone. */
  readonly isGone: () => boolean;
}

/** A fault, or a status with an optional body. */
export type Answer =
  | { readonly fault: Fault }
  | { readonly status: number; readonly headers?: OutgoingHttpHeaders; readonly body?: object };

/** How far the time of a beat as the registry tells it may lie off: its lease time moves in ticks. */
const PULSE_ERROR_MS = 500;

/** The exact time of the last heartbeat that came in here; another dialect's when that is clearly later. */
export function lastBeatIn({ registry, session }: Desk, account: Account): LastBeat {
  return (lease: LeaseId) => {
    const beatMs = registry.pulse(account, lease)?.lastBeatMs ?? 0;
    const usedMs = session.tokens.usedAtMs(account, lease);
    return usedMs > 0 && beatMs < usedMs + PULSE_ERROR_MS ? usedMs : beatMs;
  };
}

/** 204 with the address of what was changed: clients take the id from it. */
export function changedAt(call: Call, path: string): Answer {
  return { status: 204, headers: { Location: `${call.base}${path}` } };
}

/** At most so many times is a change decided again because another one came in between. */
const RETRIES_MAX = 1000;

/** Tries until it is decided. `attempt` answers null when what it saw has changed meanwhile. */
export async function untilDecided<T>(attempt: () => Promise<Outcome<T> | null>): Promise<Outcome<T>> {
  for (let i = 0; i < RETRIES_MAX; i++) {
    const outcome = await attempt();
    if (outcome !== null) return outcome;
  }
  return { ok: false, refusal: "conflict", detail: "the object changed too often" };
}
