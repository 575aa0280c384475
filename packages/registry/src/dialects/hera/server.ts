/** @live The front door: every request comes in here, is let in and is answered; and other nodes are asked for news. */
import { type Account, type Outcome, ok } from "../../core/index.ts";
import type { Handler } from "../../net/http/handler.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import { type Answer, answering, give, respond, toOptions } from "../../net/routes/answer.ts";
import { enter } from "../../net/routes/entry.ts";
import { allowOf } from "../../net/routes/table.ts";
import type { House } from "../contract.ts";
import { Beats } from "./beats.ts";
import type { Desk, Result } from "./desk.ts";
import { Gossip } from "./gossip/gossip.ts";
import { Merger } from "./gossip/merge.ts";
import { Peer, POLLS } from "./gossip/peer.ts";
import { toAnswer } from "./refusals.ts";
import { findPage, type Page, ROUTES, type Route } from "./routes.ts";
import type { Settings } from "./settings.ts";
import { line } from "./wire/answer.ts";
import { BLOB_LENGTH_MAX } from "./wire/blob.ts";

/** An entry may come with blanks. */
const BODY_BYTES_MAX = 2 * BLOB_LENGTH_MAX;
const NAMES = [...new Set(ROUTES.map(({ name }) => name))];

export class Server {
  readonly #house: House;
  readonly #desk: Desk;
  readonly #served: Float64Array;
  #peers: readonly Peer[] = [];

  constructor(house: House, settings: Settings) {
    const { registry, nodes, access, clock, metrics, status } = house;
    const { account, livenessMs, others } = settings;
    const own = status.name;
    const beats = new Beats(registry, nodes, clock);
    const gossip = new Gossip({ registry, clock, beats, own, others: others.keys(), account, livenessMs });
    this.#house = house;
    this.#desk = { registry, access, settings, beats, gossip, own };
    this.#served = metrics.tally("hera", "requests", "Requests of hera's API that were let in.", "request", NAMES);
  }

  /** Begins to ask the other nodes. */
  join(): void {
    const { registry, log, metrics } = this.#house;
    const { settings, gossip, beats, own } = this.#desk;
    const { account, livenessMs, others } = settings;
    if (others.size === 0) return;
    gossip.start();
    const merger = new Merger({ registry, gossip, beats, log, account, own, livenessMs });
    const polls = metrics.tally("hera", "polls", "Times that other nodes were asked for news.", "outcome", POLLS);
    this.#peers = [...others.keys()].map(
      (name) =>
        new Peer({
          name,
          settings,
          ledger: gossip.ledger,
          log,
          take: (told) => merger.take(told),
          count: (polled) => count(polls, POLLS.indexOf(polled)),
        }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.close()));
    this.#desk.gossip.close();
    this.#desk.beats.close();
  }

  find(method: string, path: string): Handler {
    const page = findPage(path);
    if (method === "OPTIONS" && (page !== undefined || path === "/"))
      return answering(toOptions(allowOf(page?.routes.keys() ?? [])));
    if (page === undefined) return answering(line(404, "nothing is served under this path"));
    const route = page.routes.get(method);
    if (route === undefined) return answering({ status: 405, head: { Allow: allowOf(page.routes.keys()) } });
    return { streams: false, serve: (request, reply) => this.#serve(route, page, request, reply) };
  }

  #serve(route: Route, { service, id }: Page, request: Request, reply: Reply): void {
    const entered = this.#admit(route, service, id, request);
    if (!entered.ok) return give(reply, entered.answer);
    count(this.#served, NAMES.indexOf(route.name));
    request.takeBody(BODY_BYTES_MAX, (body) => {
      // A client that went away hears nothing.
      if (!body.ok) return body.refusal === "unavailable" ? undefined : give(reply, toAnswer(body));
      const call = { request, account: entered.value, service, id, body: body.value };
      respond(
        reply,
        () => route.handle(this.#desk, call),
        (result) => give(reply, "refusal" in result ? toAnswer(result) : result),
        (error): Result => {
          this.#house.log.error({ err: error, path: request.path }, "a request of hera's API failed");
          return line(500, "Internal Server Error");
        },
      );
    });
  }

  /** A token is one of the registry, and says whose entries they are. Heartbeats are never refused for their number. */
  #admit(
    { method }: Route,
    service: string,
    id: string,
    request: Request,
  ): Outcome<Account, { readonly answer: Answer }> {
    const { access, registry, settings } = this.#desk;
    const { token } = request;
    if (!token.ok) return { ok: false, answer: toAnswer(token) };
    const principal = access.authenticate(token.value);
    if (!principal.ok) return { ok: false, answer: line(401, principal.detail) };
    const account = principal.value.account ?? settings.account;
    request.account = account;
    request.who = principal.value.name;
    const isBeat =
      (method === "PUT" || method === "POST") &&
      registry.read((view) => view.instance(account, service, id)) !== undefined;
    const entered = enter(access, principal.value, account, method === "GET" ? "reader" : "writer", isBeat);
    return entered.ok ? ok(entered.value) : { ok: false, answer: toAnswer(entered) };
  }
}

function count(tally: Float64Array, at: number): void {
  tally[at] = (tally[at] as number) + 1;
}
