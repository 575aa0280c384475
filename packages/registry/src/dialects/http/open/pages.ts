/** Handlers that need no token: health, metrics, the description of the API, the landing page. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { send, sendProblem } from "../../../net/http/exchange.ts";
import type { HttpHandler } from "../../../net/http/handler.ts";
import { answerJson, type Desk } from "../desk.ts";
import { ROUTES } from "../routes.ts";
import { landingPage } from "./landing.ts";

/** Wraps what only answers GET (and HEAD, which the listener hands on as GET). */
function onlyGet(answer: (response: ServerResponse) => void): HttpHandler {
  return (request: IncomingMessage, response) => {
    if (request.method === "GET") return answer(response);
    const Allow = "GET, HEAD";
    sendProblem(response, 405, "method-not-allowed", `${request.method} is not possible here; possible are ${Allow}`, {
      Allow,
    });
  };
}

/** The process is alive and answers. */
function health(response: ServerResponse): void {
  answerJson(response, 200, { status: "ok" }, { "Cache-Control": "no-store" });
}

/** Whether requests should come here: not before the start is complete, and not once the stop has begun. */
function readiness({ house, draining }: Desk, response: ServerResponse): void {
  const ready = house.status.ready() && !draining;
  answerJson(response, ready ? 200 : 503, { ready }, { "Cache-Control": "no-store" });
}

function metrics({ house }: Desk, response: ServerResponse): void {
  const headers = { "Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store" };
  house.status.metricsText().then(
    (text) => send(response, 200, headers, text),
    (error: unknown) => {
      house.log.error({ err: error }, "metrics failed");
      sendProblem(response, 500, "internal", "the registry failed to answer this; its log says more");
    },
  );
}

let description: Promise<string> | undefined;

/** The description's library is large, and few ask for it: it is loaded when the first one does. */
async function makeDescription(version: string): Promise<string> {
  const { toOpenApi } = await import("./openapi.ts");
  return JSON.stringify(toOpenApi(ROUTES, version));
}

function sendDescription({ house }: Desk, response: ServerResponse): void {
  description ??= makeDescription(house.status.version);
  description.then(
    (text) => send(response, 200, { "Content-Type": "application/json", "Cache-Control": "no-cache" }, text),
    (error: unknown) => {
      house.log.error({ err: error }, "the description failed");
      sendProblem(response, 500, "internal", "the registry failed to answer this; its log says more");
    },
  );
}

export function openRoutes(desk: Desk): readonly (readonly [string, HttpHandler])[] {
  const { version } = desk.house.status;
  const html = landingPage(version);
  const page = (response: ServerResponse): void =>
    send(response, 200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache" }, html);
  return [
    ["/healthz", onlyGet(health)],
    ["/readyz", onlyGet((response) => readiness(desk, response))],
    ["/metrics", onlyGet((response) => metrics(desk, response))],
    ["/openapi.json", onlyGet((response) => sendDescription(desk, response))],
    [
      "/",
      (request, response, path, query) => {
        if (path === "/") return onlyGet(page)(request, response, path, query);
        sendProblem(response, 404, "not-found", `there is nothing at ${path.slice(0, 200)}; see /openapi.json`);
      },
    ],
  ];
}
