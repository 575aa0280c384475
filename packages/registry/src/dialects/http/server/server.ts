/** @live The front door: every request of the API comes in here, by the table of routes. */
import type { Find } from "../../../net/http/handler.ts";
import { type Manner, serveRoutes } from "../../../net/routes/serve.ts";
import type { Desk } from "../desk.ts";
import { toFailure, toMissing, toProblem, toRefusal, toUnauthorized, toWrongMethod } from "../refusals.ts";
import { ROUTES } from "./routes.ts";

export function createServer(desk: Desk): Find {
  const manner: Manner = {
    missing: (path) => toMissing(desk.house, path),
    method: toWrongMethod,
    unknown: toUnauthorized,
    refused: toRefusal,
    unsupported: ({ detail, headers }) => toProblem(415, "unsupported-type", detail, headers),
    failed(error, { method, path }) {
      desk.house.log.error({ err: error, method, path }, "a handler failed");
      return toFailure();
    },
    audit: (act) => desk.house.audit(act),
  };
  return serveRoutes(desk, ROUTES, manner);
}
