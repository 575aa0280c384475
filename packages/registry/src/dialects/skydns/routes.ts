/** Which path is what. */
import { decodeSegment, parseQuery } from "../../net/http/query.ts";

/** What is asked for. UUIDs are decoded, not yet checked. */
export type Route =
  | { readonly kind: "add"; readonly uuid: string }
  | { readonly kind: "update"; readonly uuid: string }
  | { readonly kind: "get"; readonly uuid: string }
  | { readonly kind: "remove"; readonly uuid: string }
  | { readonly kind: "list"; readonly query: string }
  | { readonly kind: "regions" }
  | { readonly kind: "environments" }
  | { readonly kind: "callback"; readonly uuid: string };

/** `missing`: there is no such page. `method`: there is, but for these methods only. */
export type Target =
  | { readonly kind: "route"; readonly route: Route }
  | { readonly kind: "missing" }
  | { readonly kind: "method"; readonly allow: string };

const MISSING: Target = { kind: "missing" };

/** `path` and `rawQuery` as sent. Slashes at the end count, as in the original: `/skydns/regions` is no page. */
export function parseTarget(method: string, path: string, rawQuery: string): Target {
  const match = /^\/skydns\/([a-z]+)\/([^/]*)$/.exec(path);
  if (match === null) return MISSING;
  const decoded = decodeSegment(match[2] as string);
  // An escaped slash is a slash to the original's router: no page has so many parts.
  if (!decoded.ok || decoded.value.includes("/")) return MISSING;
  const uuid = decoded.value;
  switch (match[1]) {
    case "services":
      return uuid === "" ? only("GET", method, { kind: "list", query: queryIn(rawQuery) }) : toService(method, uuid);
    case "callbacks":
      return uuid === "" ? MISSING : only("PUT", method, { kind: "callback", uuid });
    case "regions":
    case "environments":
      return uuid === "" ? only("GET", method, { kind: match[1] }) : MISSING;
    default:
      return MISSING;
  }
}

function only(allow: string, method: string, route: Route): Target {
  return method === allow ? { kind: "route", route } : { kind: "method", allow };
}

const SERVICE_METHODS: Readonly<Record<string, "add" | "update" | "get" | "remove">> = {
  PUT: "add",
  PATCH: "update",
  GET: "get",
  DELETE: "remove",
};

function toService(method: string, uuid: string): Target {
  const kind = Object.hasOwn(SERVICE_METHODS, method) ? SERVICE_METHODS[method] : undefined;
  if (kind === undefined) return { kind: "method", allow: Object.keys(SERVICE_METHODS).join(", ") };
  return { kind: "route", route: { kind, uuid } };
}

/** Go leaves out what it cannot decode; no query is `*`. */
function queryIn(rawQuery: string): string {
  const query = parseQuery(rawQuery);
  return (query.ok && query.value.get("query")) || "*";
}
