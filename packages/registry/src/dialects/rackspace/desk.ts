/** What handlers share: the parts that they work with, a call, and how it is answered. */
import type { Access, Account, AccountView, Clock, LeaseId, Registry, View } from "../../core/index.ts";
import type { Headers } from "../../net/http/head.ts";
import type { Query } from "../../net/http/query.ts";
import type { Tenants } from "../contract.ts";
import type { Births } from "./accounts/births.ts";
import type { Rates } from "./accounts/rates.ts";
import type { LastBeat, Tokens } from "./accounts/tokens.ts";
import type { Quotas } from "./settings.ts";
import type { Body } from "./wire/bodies.ts";
import type { Fault } from "./wire/faults.ts";
import { type Here, type Page, type PageRequest, toListBody } from "./wire/page.ts";
import type { Maker } from "./wire/uuid.ts";

/** What all handlers work with. */
export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly tenants: Tenants;
  readonly clock: Clock;
  readonly tokens: Tokens;
  readonly rates: Rates;
  readonly births: Births;
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
  | { readonly status: number; readonly headers?: Headers; readonly body?: object };

/** 204 with the address of what was changed: clients take the id from it. */
export function changedAt(call: Call, path: string): Answer {
  return { status: 204, headers: { Location: `${call.base}${path}` } };
}

/** A page of what had to be copied ends when its bytes pass this. */
export const PAGE_BYTES_MAX = 2 * 1024 * 1024;

/** What a list is of, and how it is shown. */
export interface Listing<T> {
  /** The things in order, beginning at the first id that is not below `from`. */
  each(account: AccountView, from: string): Iterable<T>;
  /** Looks up what belongs to one, and makes its body when it is written. */
  show(item: T, view: View): (lastBeat: LastBeat) => object;
  /** The bytes that one holds till then; 0 when left out. */
  copied?(item: T): number;
  /** The lease whose heartbeats are shown of one. */
  leaseOf?(item: T): LeaseId | null;
}

/** One page, all of one revision. */
export function answerPage<T extends { readonly id: string }>(
  desk: Desk,
  call: Call,
  request: PageRequest,
  { each, show, copied, leaseOf }: Listing<T>,
): Answer | Promise<Answer> {
  const leases: LeaseId[] = [];
  const values: ((lastBeat: LastBeat) => object)[] = [];
  const next = desk.registry.read((view): string | null => {
    const account = view.account(call.account);
    let bytes = 0;
    for (const item of account === undefined ? [] : each(account, request.marker ?? "")) {
      if (values.length === request.limit || bytes > PAGE_BYTES_MAX) return item.id;
      bytes += copied?.(item) ?? 0;
      const lease = leaseOf?.(item) ?? null;
      if (lease !== null) leases.push(lease);
      values.push(show(item, view));
    }
    return null;
  });
  const toAnswer = (lastBeat: LastBeat): Answer => {
    const page: Page = { values: values.map((make) => () => make(lastBeat)), next };
    return { status: 200, body: toListBody(page, request, call.here) };
  };
  const lastBeat = desk.tokens.lastBeats(call.account, leases);
  return lastBeat instanceof Promise ? lastBeat.then(toAnswer) : toAnswer(lastBeat);
}
