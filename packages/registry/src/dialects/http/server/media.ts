/** Refuses bodies in a coding or a character set that the API does not read. */
import type { IncomingMessage } from "node:http";
import { bodyBytesOf, headerOf, sendProblem } from "../../../net/http/exchange.ts";
import type { HttpHandler } from "../../../net/http/handler.ts";
import { isJsonType } from "../wire/json.ts";
import { buildRoutes, matchRoutes, type Route } from "./routing.ts";

/** The handler, for requests whose body is sent as it is, and in UTF-8 where it is JSON. */
export function refuseCoded(handler: HttpHandler, routes: readonly Route[]): HttpHandler {
  const root = buildRoutes(routes);
  return (request, response, path, search) => {
    if (request.method === "GET" || bodyBytesOf(request) === 0) return handler(request, response, path, search);
    const coding = findCoding(request);
    if (coding !== undefined) {
      const detail = `the body must be sent without Content-Encoding, not as ${coding.slice(0, 100)}`;
      // RFC 9110 §12.5.3: a 415 for a coding names those that are read.
      return sendProblem(response, 415, "unsupported-type", detail, { "Accept-Encoding": "identity" });
    }
    const charset = charsetOf(headerOf(request, "content-type"));
    if (charset !== undefined && charset !== "utf-8") {
      const route = matchRoutes(root, path)?.routes.get(request.method ?? "");
      // Where bytes are stored their type is nobody's business.
      if (route?.body.kind === "json") {
        const detail = `the body must be JSON in UTF-8, not in ${charset.slice(0, 100)}`;
        return sendProblem(response, 415, "unsupported-type", detail, { "Accept-Post": "application/json" });
      }
    }
    handler(request, response, path, search);
  };
}

const CONTENT_ENCODING = "content-encoding";

function findCoding({ rawHeaders: raw }: IncomingMessage): string | undefined {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length !== CONTENT_ENCODING.length || name.toLowerCase() !== CONTENT_ENCODING) continue;
    const value = (raw[i + 1] as string).trim();
    if (value !== "" && value.toLowerCase() !== "identity") return value;
  }
  return undefined;
}

/** RFC 9110 §8.3.1: the character set that a JSON type names, in lower case; quoted or not. */
function charsetOf(contentType: string | undefined): string | undefined {
  if (contentType?.includes(";") !== true || !isJsonType(contentType)) return undefined;
  const match = /;[ \t]*charset=(?:"([^"]*)"|([^;\s]*))/i.exec(contentType);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
