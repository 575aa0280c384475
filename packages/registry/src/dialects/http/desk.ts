/** What the dialect remembers between requests, and one request on its way to its answer. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Access, Account, Clock, Principal, Refused, Registry, Role } from "../../core/index.ts";
import { Head, headerOf, type Query, send, sendProblem, tokenOf } from "../../net/http/exchange.ts";
import type { House } from "../contract.ts";
import { AnswerCache } from "./catalog/cache.ts";
import { Consumers } from "./follow/consumers.ts";
import type { Surroundings } from "./wire/commits.ts";
import { encodeTag, matchesTag } from "./wire/json.ts";
import { RETRY_AFTER, STATUS_OF } from "./wire/reserved.ts";

/** Something that lasts: a stream or a waiting poll. */
export interface Lasting {
  /** The registry is about to stop, or its client may stay no longer: say goodbye with the position, and end. */
  bye(revoked?: Refused): void;
}

/** All that the dialect keeps. One for each listener. */
export class Desk {
  readonly house: House;
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly answers = new AnswerCache();
  readonly consumers: Consumers;
  readonly around: Surroundings;
  draining = false;
  readonly #lasting = new Map<Lasting, Exchange>();

  constructor(house: House) {
    this.house = house;
    this.registry = house.registry;
    this.access = house.access;
    this.clock = house.clock;
    this.consumers = new Consumers(house.registry, house.clock);
    this.around = {
      ttlMs: (account, lease) => this.registry.read((view) => view.lease(account, lease)?.ttlMs ?? null),
    };
    house.access.onChange(() => this.#endRevoked());
  }

  /** Returns its cancel. */
  enter(lasting: Lasting, exchange: Exchange): () => void {
    this.#lasting.set(lasting, exchange);
    this.house.metrics.watchers("http", 1);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      this.#lasting.delete(lasting);
      this.house.metrics.watchers("http", -1);
    };
  }

  drain(): void {
    if (this.draining) return;
    this.draining = true;
    for (const lasting of [...this.#lasting.keys()]) lasting.bye();
  }

  /** Why this client, once let in, would not be let in any more. */
  findRevoked({ request, principal, account, role }: Exchange): Refused | undefined {
    const now = this.access.authenticate(tokenOf(request));
    if (!now.ok) return now;
    // A route of no account has looked at the principal itself.
    const allowed = this.access.allow(now.value, account === "" ? (principal.account ?? "") : account, role);
    return allowed.ok ? undefined : allowed;
  }

  #endRevoked(): void {
    for (const [lasting, exchange] of [...this.#lasting]) {
      const revoked = this.findRevoked(exchange);
      if (revoked !== undefined) lasting.bye(revoked);
    }
  }
}

/** One request, let in: who asks for what. */
export interface Exchange {
  readonly desk: Desk;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly principal: Principal;
  /** What the route needs. */
  readonly role: Role;
  /** Empty on routes that belong to no account. */
  readonly account: Account;
  /** The path's parameters, percent-decoded. */
  readonly params: readonly string[];
  /** What follows the route in the raw path; empty unless the route says so. */
  readonly tail: string;
  readonly query: Query;
  /** The raw query string; empty tells the common case apart for free. */
  readonly search: string;
}

const JSON_HEADERS: OutgoingHttpHeaders = { "Content-Type": "application/json" };
export const JSON_HEAD = new Head(JSON_HEADERS);

export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers?: OutgoingHttpHeaders,
): void {
  send(response, status, headers === undefined ? JSON_HEAD : { ...JSON_HEADERS, ...headers }, JSON.stringify(body));
}

/** RFC 9110 §15.5.2: 401 names the scheme. */
export function answerUnauthorized(response: ServerResponse, { detail }: Refused): void {
  sendProblem(response, 401, "unauthorized", detail, { "WWW-Authenticate": 'Bearer realm="rollcall"' });
}

export function answerRefused(response: ServerResponse, { refusal, detail }: Refused): void {
  const retry = RETRY_AFTER[refusal];
  sendProblem(response, STATUS_OF[refusal], refusal, detail, retry === undefined ? {} : { "Retry-After": retry });
}

/** RFC 9110 §13.1.2: whether the client has this revision already; 304 is then answered. */
export function answerUnchanged({ request, response }: Exchange, revision: number): boolean {
  const known = headerOf(request, "if-none-match");
  if (known === undefined || !matchesTag(known, encodeTag(revision))) return false;
  send(response, 304, { ETag: encodeTag(revision), "Cache-Control": "no-cache" }, undefined);
  return true;
}

/** A JSON answer of the state at a revision, or 304. */
export function answerState(exchange: Exchange, revision: number, body: () => unknown): void {
  if (answerUnchanged(exchange, revision)) return;
  answerJson(exchange.response, 200, body(), { ETag: encodeTag(revision), "Cache-Control": "no-cache" });
}

/** A bug, or a store that cannot be read: refusals are values. */
export function fail({ desk, request, response }: Exchange, error: unknown): void {
  desk.house.log.error({ err: error, method: request.method, path: request.url }, "a handler failed");
  if (response.headersSent) response.destroy();
  else sendProblem(response, 500, "internal", "the registry failed to answer this; its log says more");
}

/** For what a handler leaves running when it returns. */
export function answerLater(exchange: Exchange, work: Promise<void>): void {
  work.catch((error: unknown) => fail(exchange, error));
}
