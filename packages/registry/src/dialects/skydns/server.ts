/** @live The front door: every request comes in here, is checked in the original's order, and is answered. */
import { fromBuffer } from "../../core/index.ts";
import type { Handler } from "../../net/http/handler.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import { answering, give, respond, toOptions } from "../../net/routes/answer.ts";
import { allowOf } from "../../net/routes/table.ts";
import type { House } from "../contract.ts";
import { admit } from "./access.ts";
import { Callbacks } from "./callbacks/delivery.ts";
import type { Desk, Result } from "./desk.ts";
import { toAnswer } from "./refusals.ts";
import { findPage, ROUTES, type Route } from "./routes.ts";
import type { Settings } from "./settings.ts";
import { line } from "./wire/answer.ts";

/** A service is some 300 bytes. */
const BODY_BYTES_MAX = 64 * 1024;

export class Server {
  readonly #house: House;
  readonly #desk: Desk;
  readonly #callbacks: Callbacks;
  readonly #served: Float64Array;

  constructor(house: House, settings: Settings) {
    const { registry, nodes, access, clock, calls, log, metrics } = house;
    this.#house = house;
    this.#desk = { registry, access, clock, settings, calls };
    this.#callbacks = new Callbacks({ registry, nodes, clock, calls, log, settings });
    const help = "Requests of the SkyDNS API that were let in.";
    const names = ROUTES.map(({ name }) => name);
    this.#served = metrics.tally("skydns", "requests", help, "request", names);
  }

  close(): Promise<void> {
    return this.#callbacks.close();
  }

  find(method: string, path: string): Handler {
    const page = findPage(path);
    if (method === "OPTIONS" && (page !== undefined || path === "/"))
      return answering(toOptions(allowOf(page?.routes.keys() ?? [])));
    if (page === undefined) return answering(line(404, "404 page not found"));
    const route = page.routes.get(method);
    if (route === undefined) return answering({ status: 405, head: { Allow: allowOf(page.routes.keys()) } });
    return { streams: false, serve: (request, reply) => this.#serve(route, page.uuid, request, reply) };
  }

  /** Secret, then body, in this order. */
  #serve(route: Route, uuid: string, request: Request, reply: Reply): void {
    const account = admit(this.#desk, request);
    if (account.ok || account.answer.status !== 401) return this.#serveTo(account, route, uuid, request, reply);
    // The token may have been made at another node a moment ago.
    void this.#desk.access.catchUp().then(() => {
      this.#serveTo(admit(this.#desk, request), route, uuid, request, reply);
    });
  }

  #serveTo(account: ReturnType<typeof admit>, route: Route, uuid: string, request: Request, reply: Reply): void {
    if (!account.ok) return give(reply, account.answer);
    const at = ROUTES.indexOf(route);
    this.#served[at] = (this.#served[at] as number) + 1;
    request.takeBody(BODY_BYTES_MAX, (body) => {
      // A client that went away hears nothing.
      if (!body.ok && body.refusal === "unavailable") return;
      if (!body.ok) return give(reply, line(413, "http: request body too large"));
      const call = { request, account: account.value, uuid, bytes: fromBuffer(body.value) };
      respond(
        reply,
        () => route.handle(this.#desk, call),
        (result) => give(reply, "refusal" in result ? toAnswer(result) : result),
        (error): Result => {
          this.#house.log.error({ err: error, path: request.path }, "a skydns request failed");
          return line(500, "Internal Server Error");
        },
      );
    });
  }
}
