/** @live The front door of the HTTP API: every request comes in here, is let in, and is answered. */
import { type Account, type Outcome, ok } from "../../core/index.ts";
import type { Handler } from "../../net/http/handler.ts";
import { parseQuery } from "../../net/http/query.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import { type Answer, answering, give, respond, toOptions } from "../../net/routes/answer.ts";
import { enter } from "../../net/routes/entry.ts";
import { allowOf } from "../../net/routes/table.ts";
import type { House } from "../contract.ts";
import type { Desk, Mistake, Result } from "./desk.ts";
import { toMistake } from "./refusals.ts";
import { findRoutes, ROUTES, type Route } from "./routes.ts";
import { isTrusted, plainAddress } from "./settings.ts";
import { mistaken, wrapped } from "./wire/answer.ts";

/** Nothing is read of a body; clients send one all the same. */
const BODY_BYTES_MAX = 64 * 1024;
const NAMES = [...new Set(ROUTES.map(({ name }) => name))];

export class Server {
  readonly #house: House;
  readonly #desk: Desk;
  readonly #served: Float64Array;

  constructor(house: House, desk: Desk) {
    this.#house = house;
    this.#desk = desk;
    const help = "Requests of nsqlookupd's HTTP API that were let in.";
    this.#served = house.metrics.tally("nsqlookupd", "requests", help, "request", NAMES);
  }

  find(method: string, path: string): Handler {
    const routes = findRoutes(path);
    if (routes === undefined) return answering(mistaken(404, "NOT_FOUND"));
    if (method === "OPTIONS") return answering(toOptions(allowOf(routes.keys())));
    const route = routes.get(method);
    if (route === undefined) return answering(mistaken(405, "METHOD_NOT_ALLOWED"));
    return { streams: false, serve: (request, reply) => this.#serve(route, request, reply) };
  }

  #serve(route: Route, request: Request, reply: Reply): void {
    const giveResult = (result: Result): void => give(reply, toAnswer(route, result));
    const entered = this.#admit(route, request);
    if (!entered.ok) return giveResult(entered.mistake);
    const at = NAMES.indexOf(route.name);
    this.#served[at] = (this.#served[at] as number) + 1;
    const query = parseQuery(request.search);
    if (!query.ok) return giveResult(query);
    const call = { account: entered.value, query: query.value };
    if (route.name === "lookup") this.#house.looked(call.account, call.query.get("topic") ?? "", request.remoteAddress);
    request.takeBody(BODY_BYTES_MAX, (body) => {
      // A client that went away hears nothing.
      if (!body.ok) return body.refusal === "unavailable" ? undefined : giveResult(body);
      respond(
        reply,
        () => route.handle(this.#desk, call),
        giveResult,
        (error): Result => {
          this.#house.log.error({ err: error, path: request.path }, "a request of nsqlookupd failed");
          return { status: 500, message: "INTERNAL_ERROR" };
        },
      );
    });
  }

  /** A token says whose topics are meant. Without one it is who is trusted, as over TCP; `/ping` is for everybody. */
  #admit(route: Route, request: Request): Outcome<Account, { readonly mistake: Mistake }> {
    const { access, settings } = this.#desk;
    const { token } = request;
    if (!token.ok) return { ok: false, mistake: toMistake(token) };
    const isFree =
      route.name === "ping" || (token.value === undefined && isTrusted(settings, plainAddress(request.remoteAddress)));
    if (isFree) return ok(settings.account);
    const principal = access.authenticate(token.value);
    if (!principal.ok) return { ok: false, mistake: { status: 401, message: "UNAUTHORIZED" } };
    const account = principal.value.account ?? settings.account;
    request.account = account;
    request.who = principal.value.name;
    const isRead = route.method === "GET" && !route.isOld;
    const entered = enter(access, principal.value, account, isRead ? "reader" : "writer");
    return entered.ok ? ok(entered.value) : { ok: false, mistake: toMistake(entered) };
  }
}

function toAnswer(route: Route, result: Result): Answer {
  const { isOld } = route;
  const mistake = "refusal" in result ? toMistake(result) : "message" in result ? result : undefined;
  if (mistake === undefined) return isOld ? wrapped(200, "OK") : (result as Answer);
  // 0.3 answers 500 to all that is wrong but what is not there.
  if (isOld) return wrapped(mistake.status === 404 ? 404 : 500, mistake.message);
  return mistaken(mistake.status, mistake.message);
}
