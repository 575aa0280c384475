/** What the dialect remembers between requests, and one request on its way to its answer. */
import type { Access, Account, Clock, Principal, Refused, Registry, Role } from "../../core/index.ts";
import type { Headers } from "../../net/http/head.ts";
import { Head } from "../../net/http/head.ts";
import type { Query } from "../../net/http/query.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
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
    const now = this.access.authenticate(request.token);
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
export interface Exchange<R extends Reply = Reply> {
  readonly desk: Desk;
  readonly request: Request;
  readonly reply: R;
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

const JSON_HEADERS: Headers = { "Content-Type": "application/json" };
export const JSON_HEAD = new Head(JSON_HEADERS);

export function answerJson(reply: Reply, status: number, body: unknown, headers?: Headers): void {
  reply.send(status, headers === undefined ? JSON_HEAD : { ...JSON_HEADERS, ...headers }, JSON.stringify(body));
}

/** RFC 9110 §15.5.2: 401 names the scheme. */
export function answerUnauthorized(reply: Reply, { detail }: Refused): void {
  reply.problem(401, "unauthorized", detail, { "WWW-Authenticate": 'Bearer realm="rollcall"' });
}

export function answerRefused(reply: Reply, { refusal, detail }: Refused): void {
  const retry = RETRY_AFTER[refusal];
  reply.problem(STATUS_OF[refusal], refusal, detail, retry === undefined ? {} : { "Retry-After": retry });
}

/** RFC 9110 §13.1.2: whether the client has this revision already; 304 is then answered. */
export function answerUnchanged({ request, reply }: Exchange, revision: number): boolean {
  const known = request.header("if-none-match");
  if (known === undefined || !matchesTag(known, encodeTag(revision))) return false;
  reply.send(304, { ETag: encodeTag(revision), "Cache-Control": "no-cache" });
  return true;
}

/** A JSON answer of the state at a revision, or 304. */
export function answerState(exchange: Exchange, revision: number, body: () => unknown): void {
  if (answerUnchanged(exchange, revision)) return;
  answerJson(exchange.reply, 200, body(), { ETag: encodeTag(revision), "Cache-Control": "no-cache" });
}

/** A bug, or a store that cannot be read: refusals are values. */
export function fail({ desk, request, reply }: Exchange, error: unknown): void {
  desk.house.log.error({ err: error, method: request.method, path: request.path }, "a handler failed");
  if (reply.sent) reply.abort();
  else reply.problem(500, "internal", "the registry failed to answer this; its log says more");
}

/** For what a handler leaves running when it returns. */
export function answerLater(exchange: Exchange, work: Promise<void>): void {
  work.catch((error: unknown) => fail(exchange, error));
}
