/** The front door: every request comes in here, is checked in the original's order, and is answered. */
import { type Account, fromBuffer } from "../../core/index.ts";
import type { Handler } from "../../net/http/handler.ts";
import { Head } from "../../net/http/head.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import type { House } from "../contract.ts";
import { admit } from "./access.ts";
import { Callbacks } from "./callbacks/delivery.ts";
import { addCallback } from "./callbacks/handlers.ts";
import type { Answer, Desk, ListAnswer } from "./desk.ts";
import { toWord } from "./refusals.ts";
import { parseTarget, type Route } from "./routes.ts";
import {
  addService,
  countEnvironments,
  countRegions,
  getService,
  listServices,
  removeService,
  updateService,
} from "./services.ts";
import type { Settings } from "./settings.ts";

const TEXT_TYPE = { "Content-Type": "text/plain; charset=utf-8" };
const TEXT = new Head(TEXT_TYPE);
/** Lines of text that clients' words may come back in are never taken for pages. */
const LINE = new Head({ "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" });
const NONE = new Head({});

/** A service is some 300 bytes. */
const BODY_BYTES_MAX = 64 * 1024;

const KINDS: readonly Route["kind"][] = [
  "add",
  "update",
  "get",
  "remove",
  "list",
  "regions",
  "environments",
  "callback",
];

export class Server {
  readonly #house: House;
  readonly #desk: Desk;
  readonly #callbacks: Callbacks;
  readonly #served: Float64Array;

  constructor(house: House, settings: Settings) {
    const { registry, access, clock, log, metrics } = house;
    this.#house = house;
    this.#desk = { registry, access, clock, settings };
    this.#callbacks = new Callbacks({ registry, clock, log, settings });
    this.#served = metrics.tally(
      "skydns",
      "requests",
      "Requests of the SkyDNS API that were let in.",
      "request",
      KINDS,
    );
  }

  close(): Promise<void> {
    return this.#callbacks.close();
  }

  /** Lists may be long, and stream. */
  find(method: string, path: string, rawQuery: string): Handler {
    const target = parseTarget(method, path, rawQuery);
    if (target.kind === "missing")
      return { streams: false, serve: (_request, reply) => sendWord(reply, 404, "404 page not found") };
    if (target.kind === "method")
      return { streams: false, serve: (_request, reply) => reply.send(405, { Allow: target.allow }) };
    const { route } = target;
    if (route.kind === "list")
      return {
        streams: true,
        serve: (request, reply) => {
          const list = (account: Account): ListAnswer => listServices(this.#desk, account, route.query);
          this.#serve(request, reply, route.kind, list, (answer) =>
            answer.kind === "pieces" ? reply.pieces(200, TEXT_TYPE, answer.pieces) : sendAnswer(reply, answer),
          );
        },
      };
    return {
      streams: false,
      serve: (request, reply) => {
        const handle = (account: Account, bytes: string) =>
          this.#dispatch(route, account, bytes, request.remoteAddress);
        this.#serve(request, reply, route.kind, handle, (answer) => sendAnswer(reply, answer));
      },
    };
  }

  /** Secret, then body, in this order. */
  #serve<A>(
    request: Request,
    reply: Reply,
    kind: Route["kind"],
    handle: (account: Account, bytes: string) => A | Promise<A>,
    answer: (answer: A) => void | Promise<void>,
  ): void {
    const { access, settings } = this.#desk;
    const admission = admit(access, settings, request, request.method === "GET" ? "reader" : "writer");
    if (admission.kind === "unknown") return sendWord(reply, 401, "Unauthorized");
    if (admission.kind === "refused") {
      const { status, text } = toWord(admission.refused);
      return sendWord(reply, status, text);
    }
    const at = KINDS.indexOf(kind);
    this.#served[at] = (this.#served[at] as number) + 1;
    request.takeBody(BODY_BYTES_MAX, (body) => {
      if (!body.ok) {
        if (body.refusal === "unavailable") reply.abort();
        else sendWord(reply, 413, "http: request body too large");
        return;
      }
      const run = async (): Promise<void> => answer(await handle(admission.account, fromBuffer(body.value)));
      run().catch((error: unknown) => {
        this.#house.log.error({ err: error, path: request.path }, "a skydns request failed");
        sendWord(reply, 500, "Internal Server Error");
      });
    });
  }

  async #dispatch(
    route: Exclude<Route, { kind: "list" }>,
    account: Account,
    bytes: string,
    from: string,
  ): Promise<Answer> {
    const desk = this.#desk;
    switch (route.kind) {
      case "add":
        return addService(desk, account, route.uuid, bytes);
      case "update":
        return updateService(desk, account, route.uuid, bytes);
      case "get":
        return getService(desk, account, route.uuid);
      case "remove":
        return removeService(desk, account, route.uuid);
      case "regions":
        return countRegions(desk, account);
      case "environments":
        return countEnvironments(desk, account);
      case "callback":
        return addCallback(desk, { account, uuid: route.uuid, bytes, from });
    }
  }
}

function sendAnswer(reply: Reply, answer: Answer): void {
  switch (answer.kind) {
    case "empty":
      return reply.send(answer.status, NONE);
    case "word":
      return sendWord(reply, answer.status, answer.text);
    case "text":
      return reply.send(200, TEXT, answer.text);
  }
}

function sendWord(reply: Reply, status: number, text: string): void {
  reply.send(status, LINE, `${text}\n`);
}
