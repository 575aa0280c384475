/** Handlers that need no token: health, metrics, the description of the API, the landing page. */
import { type Find, whole } from "../../../net/http/handler.ts";
import type { Reply } from "../../../net/http/reply.ts";
import { answerJson, type Desk } from "../desk.ts";
import { ROUTES } from "../routes.ts";
import { landingPage } from "./landing.ts";

/** Wraps what only answers GET (and HEAD, which the listener hands on as GET). */
function onlyGet(answer: (reply: Reply) => void): Find {
  return whole((request, reply) => {
    if (request.method === "GET") return answer(reply);
    const Allow = "GET, HEAD";
    reply.problem(405, "method-not-allowed", `${request.method} is not possible here; possible are ${Allow}`, {
      Allow,
    });
  });
}

/** The process is alive and answers. */
function health(reply: Reply): void {
  answerJson(reply, 200, { status: "ok" }, { "Cache-Control": "no-store" });
}

/** Whether requests should come here: not before the start is complete, and not once the stop has begun. */
function readiness({ house, draining }: Desk, reply: Reply): void {
  const ready = house.status.ready() && !draining;
  answerJson(reply, ready ? 200 : 503, { ready }, { "Cache-Control": "no-store" });
}

function metrics({ house }: Desk, reply: Reply): void {
  const headers = { "Content-Type": "text/plain; version=0.0.4; charset=utf-8", "Cache-Control": "no-store" };
  house.status.metricsText().then(
    (text) => reply.send(200, headers, text),
    (error: unknown) => {
      house.log.error({ err: error }, "metrics failed");
      reply.problem(500, "internal", "the registry failed to answer this; its log says more");
    },
  );
}

let description: Promise<string> | undefined;

/** The description's library is large, and few ask for it: it is loaded when the first one does. */
async function makeDescription(version: string): Promise<string> {
  const { toOpenApi } = await import("./openapi.ts");
  return JSON.stringify(toOpenApi(ROUTES, version));
}

function sendDescription({ house }: Desk, reply: Reply): void {
  description ??= makeDescription(house.status.version);
  description.then(
    (text) => reply.send(200, { "Content-Type": "application/json", "Cache-Control": "no-cache" }, text),
    (error: unknown) => {
      house.log.error({ err: error }, "the description failed");
      reply.problem(500, "internal", "the registry failed to answer this; its log says more");
    },
  );
}

export function openRoutes(desk: Desk): readonly (readonly [string, Find])[] {
  const { version } = desk.house.status;
  const html = landingPage(version);
  const page = (reply: Reply): void =>
    reply.send(200, { "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-cache" }, html);
  const home = onlyGet(page);
  const nothing = whole(({ path }, reply) =>
    reply.problem(404, "not-found", `there is nothing at ${path.slice(0, 200)}; see /openapi.json`),
  );
  return [
    ["/healthz", onlyGet(health)],
    ["/readyz", onlyGet((reply) => readiness(desk, reply))],
    ["/metrics", onlyGet((reply) => metrics(desk, reply))],
    ["/openapi.json", onlyGet((reply) => sendDescription(desk, reply))],
    ["/", (method, path, search) => (path === "/" ? home : nothing)(method, path, search)],
  ];
}
