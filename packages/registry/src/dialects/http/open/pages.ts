/** @live Pages that need no token: health, metrics, the description of the API, the landing page. */
import { type Find, whole } from "../../../net/http/handler.ts";
import type { Request } from "../../../net/http/request.ts";
import { type Answer, answering, give, respond, toOptions } from "../../../net/routes/answer.ts";
import { allowOf } from "../../../net/routes/table.ts";
import { toJson, toReadyCluster } from "../answers.ts";
import type { Desk } from "../desk.ts";
import { toFailure, toMissing, toWrongMethod } from "../refusals.ts";
import { ROUTES } from "../server/routes.ts";
import { landingPage, landingText } from "./landing.ts";
import { findUi } from "./ui.ts";

const ALLOWED = allowOf(["GET"]);

type Page = (request: Request) => Answer | Promise<Answer>;

/** What only answers GET (and HEAD, which the listener hands on as GET). */
function onlyGet({ house }: Desk, page: Page): Find {
  return whole((request, reply) => {
    const { method, path } = request;
    respond(
      reply,
      () => {
        if (method === "OPTIONS") return toOptions(ALLOWED);
        return method === "GET" ? page(request) : toWrongMethod(method, ALLOWED);
      },
      (answer) => give(reply, answer),
      (error) => {
        house.log.error({ err: error, path }, "a page failed");
        return toFailure();
      },
    );
  });
}

const NOT_KEPT = { "Cache-Control": "no-store" };

/**
 * Whether requests should come here: not before the start is complete, not once the stop has begun, not while writes are
 * refused or this node is behind the others. How it stands with them is told, too.
 */
function readiness({ house, lasting }: Desk): Answer {
  const ready = house.status.ready() && !lasting.draining;
  const reason = house.status.refusing() ?? house.status.lagging();
  const nodes = toReadyCluster(house.status.cluster());
  if (ready && reason !== null) return toJson({ ready: false, reason, ...nodes }, 503, NOT_KEPT);
  return toJson({ ready, ...nodes }, ready ? 200 : 503, NOT_KEPT);
}

async function metrics({ house }: Desk): Promise<Answer> {
  const head = { "Content-Type": "text/plain; version=0.0.4; charset=utf-8", ...NOT_KEPT };
  return { status: 200, head, body: await house.status.metricsText() };
}

let description: Promise<string> | undefined;

async function describe({ house }: Desk): Promise<Answer> {
  description ??= makeDescription(house.status.version);
  return {
    status: 200,
    head: { "Content-Type": "application/json", "Cache-Control": "no-cache" },
    body: await description,
  };
}

/** The description's library is large, and few ask for it: it is loaded when the first one does. */
async function makeDescription(version: string): Promise<string> {
  const { toOpenApi } = await import("./openapi.ts");
  return `${JSON.stringify(toOpenApi(ROUTES, version), null, 2)}\n`;
}

/** Browsers name it; other programs take anything. */
function wantsPage(request: Request): boolean {
  return /\btext\/html\b/i.test(request.header("accept") ?? "");
}

function toPage(type: string, body: string): Answer {
  const head = { "Content-Type": `${type}; charset=utf-8`, "Cache-Control": "no-cache", Vary: "Accept" };
  return { status: 200, head, body };
}

export function openPages(desk: Desk): readonly (readonly [string, Find])[] {
  const { version } = desk.house.status;
  const text = toPage("text/plain", landingText(version));
  const landing = toPage("text/html", landingPage(version));
  const home = onlyGet(desk, (request) => {
    if (!wantsPage(request)) return text;
    return findUi("/", request) ?? landing;
  });
  const ui = onlyGet(desk, (request) => findUi(request.path, request) ?? toMissing(desk.house, request.path));
  return [
    ["/healthz", onlyGet(desk, () => toJson({ status: "ok" }, 200, NOT_KEPT))],
    ["/readyz", onlyGet(desk, () => readiness(desk))],
    ["/metrics", onlyGet(desk, () => metrics(desk))],
    ["/openapi.json", onlyGet(desk, () => describe(desk))],
    ["/ui", ui],
    ["/ui/", ui],
    [
      "/",
      (method, path, search) => (path === "/" ? home(method, path, search) : answering(toMissing(desk.house, path))),
    ],
  ];
}
