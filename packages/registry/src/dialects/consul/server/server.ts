/** @live The front door: every request comes in here, is told apart, let in, handled and answered. */
import { randomUUID } from "node:crypto";
import { ALONE, type Grouping } from "../../../core/index.ts";
import type { Handler } from "../../../net/http/handler.ts";
import { decodeSegment, parseQuery } from "../../../net/http/query.ts";
import type { Reply } from "../../../net/http/reply.ts";
import type { Request } from "../../../net/http/request.ts";
import { takesGzip } from "../../../net/routes/accept.ts";
import { type Answer, answering, give, respond, toOptions } from "../../../net/routes/answer.ts";
import { awaitAll } from "../../../net/routes/catch-up.ts";
import { allowIn, allowOf, type Match, Table } from "../../../net/routes/table.ts";
import type { House } from "../../contract.ts";
import { Aliases } from "../agent/aliases.ts";
import { RecentEvents } from "../agent/events/recent.ts";
import { Lapses } from "../agent/lapses.ts";
import { NodeProbes } from "../agent/probed.ts";
import { toUi } from "../agent/ui.ts";
import { BY_TROUBLE } from "../catalog/checks.ts";
import { BY_LOWER_NAME } from "../catalog/listing.ts";
import { BY_NODE } from "../catalog/place.ts";
import type { Agent, Call, Desk } from "../desk.ts";
import { Sweeping } from "../kv/sweeping.ts";
import { toAnswer } from "../refusals.ts";
import { admit } from "../requests/access.ts";
import { readFilter } from "../requests/filter/read.ts";
import { compress } from "../requests/gzip.ts";
import { OpenQueries } from "../requests/lasting.ts";
import { readOptions } from "../requests/options.ts";
import { cleanedOf } from "../requests/path.ts";
import { Losses } from "../sessions/losses.ts";
import type { Settings } from "../settings.ts";
import { notAllowed, redirect, text, toPretty } from "../wire/answer.ts";
import { ROUTES, type Route } from "./routes.ts";

const TABLE = new Table(ROUTES);
/** Those that look for what stands on a node, or for names in another case. */
const LOOKING = /^\/v1\/(?:catalog|health|session|query|txn|agent\/(?:service|check|health))/;
const IN_STATE = /^\/v1\/health\/state\//;
const NO_GROUPINGS: readonly Grouping[] = [];
const GROUPINGS: readonly Grouping[] = [BY_NODE, BY_LOWER_NAME];
const WITH_TROUBLE: readonly Grouping[] = [...GROUPINGS, BY_TROUBLE];

/** What is known of a route before it is asked for. */
interface Known {
  readonly at: number;
  /** It shows the catalog or keys; others tell of this server. */
  readonly shows: boolean;
  /** What it looks things up by. */
  readonly groupings: readonly Grouping[];
}

const KNOWN: ReadonlyMap<Route, Known> = new Map(
  ROUTES.map((route, at) => {
    const { need, pattern } = route;
    const looks = LOOKING.test(pattern);
    const groupings = IN_STATE.test(pattern) ? WITH_TROUBLE : looks ? GROUPINGS : NO_GROUPINGS;
    return [route, { at, shows: need === "reader" && (looks || pattern.startsWith("/v1/kv/")), groupings }];
  }),
);
const NAMES = ROUTES.map(({ method, pattern }) => `${method} ${pattern}`);
/** Some clients send a body where none is wanted. Unread, it would cost them their connection. */
const BODY_BYTES_MAX = 64 * 1024;
const KV_LIMIT = "https://developer.hashicorp.com/docs/agent/config/config-files#kv_max_value_size";

export class Server {
  readonly #house: House;
  readonly #desk: Desk;
  readonly #open: OpenQueries;
  readonly #events: RecentEvents;
  readonly #sweeping: Sweeping;
  /** What goes on beside requests. */
  readonly #workers: readonly { close(): void }[];
  readonly #served: Float64Array;

  constructor(house: House, settings: Settings, agent: Agent) {
    const { registry, nodes, access, clock, log, metrics, status, looked } = house;
    this.#house = house;
    this.#open = new OpenQueries(access, clock, metrics);
    this.#events = new RecentEvents(nodes);
    this.#sweeping = new Sweeping(house);
    const uuid = (): string => randomUUID();
    const notes = new RegExp(`^(?:${house.notes.join("|")})\\.`, "i");
    const [lasting, events] = [this.#open, this.#events];
    const shared = { registry, nodes, access, clock, log, status, looked };
    this.#desk = { ...shared, settings, agent, lasting, events, notes, uuid };
    const probes = new NodeProbes({ ...this.#desk, checks: house.checks });
    this.#workers = [new Lapses(this.#desk), new Losses(this.#desk), new Aliases(this.#desk), probes];
    const help = "Requests of Consul's clients that were let in.";
    this.#served = metrics.tally("consul", "requests", help, "route", NAMES);
  }

  drain(): void {
    this.#open.drain();
  }

  close(): void {
    this.#open.close();
    this.#events.close();
    this.#sweeping.close();
    for (const worker of this.#workers) worker.close();
  }

  find(method: string, path: string, search: string): Handler {
    const clean = cleanedOf(path);
    if (!clean.ok) return answering(text(400, `Invalid URL path: ${clean.detail}`));
    if (clean.value !== undefined) return answering(redirect(clean.value + (search === "" ? "" : `?${search}`)));
    if (path === "/" || path.startsWith("/ui/")) return this.#ui(method);
    const match = TABLE.match(path);
    // As Go's router does where there is only something below.
    if (match === undefined && (TABLE.match(`${path}/`) !== undefined || path === "/ui"))
      return answering(redirect(`${path}/${search === "" ? "" : `?${search}`}`));
    if (match === undefined) return answering(text(404, "Invalid URL path: not a recognized HTTP API endpoint"));
    if (method === "OPTIONS") return answering(toOptions(allowIn(match)));
    const route = match.routes.get(method);
    if (route === undefined) return answering(notAllowed(method, allowIn(match)));
    return { streams: false, serve: (request, reply) => this.#serve(route, match, request, reply) };
  }

  #ui(method: string): Handler {
    if (method === "OPTIONS") return answering(toOptions(allowOf(["GET"])));
    if (method !== "GET") return answering(notAllowed(method, allowOf(["GET"])));
    const endpoints = this.#house.status.endpoints();
    return { streams: false, serve: (request, reply) => give(reply, toUi(endpoints, request.header("host"))) };
  }

  /** Query, credentials, options, body, in this order. */
  #serve(route: Route, match: Match<Route>, request: Request, reply: Reply): void {
    const query = parseQuery(request.search);
    if (!query.ok) return give(reply, toAnswer(query));
    const admitted = admit(this.#desk, request, query.value, route.need, route.isBeat === true);
    if (!admitted.ok) return give(reply, admitted.answer);
    const options = readOptions(query.value, this.#desk.agent.datacenter);
    if (!options.ok) return give(reply, options.answer);
    const { at } = KNOWN.get(route) as Known;
    this.#served[at] = (this.#served[at] as number) + 1;
    const filter = route.filters && readFilter(query.value.get("filter"), route.filters);
    if (filter?.ok === false) return give(reply, toAnswer(filter));
    const { principal, account, token } = admitted.value;
    const call = (body: Buffer): Call => ({
      request,
      reply,
      params: paramsOf(route, match),
      query: query.value,
      options: options.value,
      principal,
      account,
      token,
      role: route.need,
      body,
      filter: filter?.value,
    });
    if (request.method === "GET") return this.#carryOut(route, call(NO_BODY));
    const bytesMax = route.bodyBytesMax ?? BODY_BYTES_MAX;
    request.takeBody(bytesMax, (body) => {
      if (body.ok) this.#carryOut(route, call(body.value));
      // A client that went away hears nothing.
      else if (body.refusal === "too-large") give(reply, tooLarge(request, bytesMax));
    });
  }

  #carryOut(route: Route, call: Call): void {
    const { request, reply, options } = call;
    const isZipped = takesGzip(request.header("accept-encoding"));
    const dress = (answer: Answer): Answer | Promise<Answer> => {
      const shown = options.pretty ? toPretty(answer) : answer;
      return isZipped ? compress(shown) : shown;
    };
    respond(
      reply,
      () => {
        const answer = this.#handle(route, call);
        if (!isZipped && !options.pretty) return answer;
        return answer instanceof Promise ? answer.then(dress) : dress(answer);
      },
      (answer) => give(reply, answer),
      (error): Answer => {
        this.#house.log.error({ err: error, method: request.method, path: request.path }, "a consul request failed");
        return text(500, "Internal Server Error");
      },
    );
  }

  #handle(route: Route, call: Call): Answer | Promise<Answer> {
    const { registry, nodes } = this.#desk;
    // At the original the leader answers unless its client takes what is stale.
    const { shows, groupings: all } = KNOWN.get(route) as Known;
    const isCurrent = nodes === ALONE || !shows || call.options.consistency === "stale";
    const groupings = all.length === 0 ? all : all.filter((by) => registry.group(by) !== undefined);
    return isCurrent && groupings.length === 0
      ? route.handle(this.#desk, call)
      : this.#handleLater(route, call, isCurrent, groupings);
  }

  async #handleLater(route: Route, call: Call, isCurrent: boolean, groupings: readonly Grouping[]): Promise<Answer> {
    const { registry } = this.#desk;
    await Promise.all(groupings.map((by) => registry.group(by)));
    const reached = isCurrent ? undefined : await awaitAll(registry);
    return reached?.ok === false ? toAnswer(reached) : route.handle(this.#desk, call);
  }
}

const NO_BODY = Buffer.alloc(0);

/** The path was decoded as a whole before, so each of its parts can be. */
function paramsOf({ pattern }: Route, { params, tail }: Match<Route>): readonly string[] {
  return (pattern.endsWith("*") ? [...params, tail] : params).map((raw) => {
    const decoded = decodeSegment(raw);
    return decoded.ok ? decoded.value : raw;
  });
}

function tooLarge({ bodyBytes }: Request, bytesMax: number): Answer {
  const size = bodyBytes < 0 ? "" : `(${bodyBytes} bytes)`;
  return text(413, `Request body${size} too large, max size: ${bytesMax} bytes. See ${KV_LIMIT}.`);
}
