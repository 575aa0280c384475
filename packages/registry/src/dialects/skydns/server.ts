/** The front door: every request comes in here, is checked in the original's order, and is answered. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Account, fromBuffer } from "../../core/index.ts";
import { Head, send, takeBody } from "../../net/http/exchange.ts";
import type { House } from "../contract.ts";
import { admit } from "./access.ts";
import { Callbacks } from "./callbacks/delivery.ts";
import { addCallback } from "./callbacks/handlers.ts";
import type { Answer, Desk } from "./desk.ts";
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

const TEXT = new Head({ "Content-Type": "text/plain; charset=utf-8" });
/** Lines of text that clients' words may come back in are never taken for pages. */
const LINE = new Head({ "Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff" });
const NONE = new Head({});

/** A service is some 300 bytes. */
const BODY_BYTES_MAX = 64 * 1024;

/** A reader that takes nothing for so long is cut off. */
const STALL_MS_MAX = 30_000;

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

  /** Page, method, secret, body, in this order. */
  serve(request: IncomingMessage, response: ServerResponse, path: string, rawQuery: string): void {
    const target = parseTarget(request.method ?? "", path, rawQuery);
    if (target.kind === "missing") return sendWord(response, 404, "404 page not found");
    if (target.kind === "method") {
      send(response, 405, { Allow: target.allow }, undefined);
      return;
    }
    const { route } = target;
    const { access, settings } = this.#desk;
    const admission = admit(access, settings, request, request.method === "GET" ? "reader" : "writer");
    if (admission.kind === "unknown") return sendWord(response, 401, "Unauthorized");
    if (admission.kind === "refused") {
      const { status, text } = toWord(admission.refused);
      return sendWord(response, status, text);
    }
    const kind = KINDS.indexOf(route.kind);
    this.#served[kind] = (this.#served[kind] as number) + 1;
    takeBody(request, BODY_BYTES_MAX, (body) => {
      if (!body.ok) {
        if (body.refusal === "unavailable") response.destroy();
        else sendWord(response, 413, "http: request body too large");
        return;
      }
      const bytes = fromBuffer(body.value);
      const { remoteAddress = "" } = request.socket;
      this.#dispatch(route, admission.account, bytes, remoteAddress).then(
        (answer) => this.#answer(response, answer),
        (error: unknown) => {
          this.#house.log.error({ err: error, path }, "a skydns request failed");
          sendWord(response, 500, "Internal Server Error");
        },
      );
    });
  }

  async #dispatch(route: Route, account: Account, bytes: string, from: string): Promise<Answer> {
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
      case "list":
        return listServices(desk, account, route.query);
      case "regions":
        return countRegions(desk, account);
      case "environments":
        return countEnvironments(desk, account);
      case "callback":
        return addCallback(desk, { account, uuid: route.uuid, bytes, from });
    }
  }

  #answer(response: ServerResponse, answer: Answer): void {
    switch (answer.kind) {
      case "empty":
        return send(response, answer.status, NONE, undefined);
      case "word":
        return sendWord(response, answer.status, answer.text);
      case "text":
        return send(response, 200, TEXT, answer.text);
      case "pieces":
        sendPieces(response, answer.pieces);
    }
  }
}

function sendWord(response: ServerResponse, status: number, text: string): void {
  send(response, status, LINE, `${text}\n`);
}

/** As fast as the client reads; one piece goes out whole. */
function sendPieces(response: ServerResponse, pieces: Iterable<string>): void {
  const rest = pieces[Symbol.iterator]();
  const first = rest.next();
  let next = rest.next();
  if (next.done === true) return send(response, 200, TEXT, first.value);
  let stalled: NodeJS.Timeout | undefined;
  const go = (): void => {
    clearTimeout(stalled);
    while (next.done !== true && !response.destroyed) {
      const room = response.write(next.value);
      next = rest.next();
      if (room) continue;
      stalled = setTimeout(() => response.destroy(), STALL_MS_MAX);
      response.once("drain", go);
      return;
    }
    response.end();
  };
  response.once("close", () => clearTimeout(stalled));
  response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8" });
  response.write(first.value);
  go();
}
