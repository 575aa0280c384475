/** The request line, the headers and the body of a request -> one message. Pure and bounded. */
import { type Outcome, ok } from "../../../core/index.ts";
import { decodeSegment, parseQuery, type Query } from "../../../net/http/query.ts";
import type { Body } from "./bodies.ts";
import { bad, badRequest, type Faulty } from "./faults.ts";

/** The size at which a body is refused. */
export const BODY_BYTES_REFUSED = 5000;

/** What is asked for. Ids are decoded, not yet checked. */
export type Route =
  | { readonly kind: "login" }
  | { readonly kind: "limits" }
  | { readonly kind: "list-services" }
  | { readonly kind: "create-service" }
  | { readonly kind: "get-service"; readonly id: string }
  | { readonly kind: "update-service"; readonly id: string }
  | { readonly kind: "delete-service"; readonly id: string }
  | { readonly kind: "heartbeat-service"; readonly id: string }
  | { readonly kind: "list-values"; readonly namespace: string | null }
  | { readonly kind: "get-value"; readonly id: string }
  | { readonly kind: "set-value"; readonly id: string }
  | { readonly kind: "delete-value"; readonly id: string }
  | { readonly kind: "list-events" }
  | { readonly kind: "list-sessions" }
  | { readonly kind: "create-session" }
  | { readonly kind: "get-session"; readonly id: string }
  | { readonly kind: "update-session"; readonly id: string }
  | { readonly kind: "heartbeat-session"; readonly id: string }
  | { readonly kind: "overview" };

/** The routes that are served with a tenant. */
export type TenantRoute = Exclude<Route, { kind: "login" }>;

export interface Target {
  /** Null: there is no such page. */
  readonly route: Route | null;
  /** As written in the path; null when the path names none. */
  readonly tenant: string | null;
  readonly query: Query;
}

const RESOURCES: ReadonlySet<string> = new Set(["limits", "services", "configuration", "events", "sessions", "views"]);
const MALFORMED = bad(badRequest("URI malformed", "URI malformed"));

/** `path` and `rawQuery` as sent: percent-escapes and double slashes intact. */
export function parseTarget(method: string, path: string, rawQuery: string): Outcome<Target, Faulty> {
  const query = parseQuery(rawQuery);
  if (!query.ok) return MALFORMED;
  if (/^\/v2\.0\//i.test(path)) {
    const isLogin = method === "POST" && /^\/v2\.0\/tokens\/?$/i.test(path);
    return ok({ route: isLogin ? { kind: "login" } : null, tenant: null, query: query.value });
  }
  const { tenant, tail } = splitTenant(path.slice("/v1.0".length));
  const decoded = decodeSegment(tail);
  if (!decoded.ok || (tenant !== null && !decodeSegment(tenant).ok)) return MALFORMED;
  return ok({ route: toRoute(method, tail), tenant, query: query.value });
}

/** `/<tenant>/…`, or the resource at once when the tenant comes in a header. */
function splitTenant(rest: string): { tenant: string | null; tail: string } {
  const end = rest.indexOf("/", 1);
  const first = end < 0 ? rest.slice(1) : rest.slice(1, end);
  if (first === "" || RESOURCES.has(first.toLowerCase())) return { tenant: null, tail: rest };
  return { tenant: first, tail: end < 0 ? "" : rest.slice(end) };
}

function toRoute(method: string, tail: string): TenantRoute | null {
  const resource = /^\/([a-z]+)/i.exec(tail)?.[1]?.toLowerCase() ?? "";
  if (resource === "configuration") return toValueRoute(method, tail.slice("/configuration".length));
  const segments = tail.slice(1).split("/");
  if (segments.length > 1 && segments.at(-1) === "") segments.pop();
  if (segments.includes("") || segments.length > 3 || segments[0]?.toLowerCase() !== resource) return null;
  if (segments.length === 1) return toListRoute(method, resource);
  const id = decode(segments[1] as string);
  const last = segments[2]?.toLowerCase();
  if (last !== undefined && (last !== "heartbeat" || method !== "POST")) return null;
  switch (resource) {
    case "services":
      return last === undefined ? toServiceRoute(method, id) : { kind: "heartbeat-service", id };
    case "sessions":
      return last === undefined ? toSessionRoute(method, id) : { kind: "heartbeat-session", id };
    case "views":
      return last === undefined && id.toLowerCase() === "overview" && method === "GET" ? { kind: "overview" } : null;
    default:
      return null;
  }
}

function toListRoute(method: string, resource: string): TenantRoute | null {
  switch (`${method} ${resource}`) {
    case "GET limits":
      return { kind: "limits" };
    case "GET services":
      return { kind: "list-services" };
    case "POST services":
      return { kind: "create-service" };
    case "GET events":
      return { kind: "list-events" };
    case "GET sessions":
      return { kind: "list-sessions" };
    case "POST sessions":
      return { kind: "create-session" };
    default:
      return null;
  }
}

function toServiceRoute(method: string, id: string): TenantRoute | null {
  if (method === "GET") return { kind: "get-service", id };
  if (method === "PUT") return { kind: "update-service", id };
  return method === "DELETE" ? { kind: "delete-service", id } : null;
}

/** Sessions cannot be deleted. */
function toSessionRoute(method: string, id: string): TenantRoute | null {
  if (method === "GET") return { kind: "get-session", id };
  return method === "PUT" ? { kind: "update-session", id } : null;
}

/**
 * `rest` is what follows "/configuration". The id of a namespaced key begins with a slash, so its URL has two of them
 * in a row; a namespace is listed with one in front and one behind. Hence no slash here may be tidied away.
 */
function toValueRoute(method: string, rest: string): TenantRoute | null {
  if (rest === "" || rest === "/") return method === "GET" ? { kind: "list-values", namespace: null } : null;
  if (!rest.startsWith("/")) return null;
  const id = decode(rest.slice(1));
  switch (method) {
    case "GET":
      if (!id.endsWith("/")) return { kind: "get-value", id };
      return { kind: "list-values", namespace: id.startsWith("/") ? id : `/${id}` };
    case "PUT":
      return { kind: "set-value", id };
    case "DELETE":
      return { kind: "delete-value", id };
    default:
      return null;
  }
}

/** The whole tail was decoded once before: this cannot fail. */
function decode(raw: string): string {
  const decoded = decodeSegment(raw);
  return decoded.ok ? decoded.value : "";
}

/** The body as an object: JSON in UTF-8, or in ISO-8859-1 when the Content-Type says so. No body is `{}`. */
export function parseBody(contentType: string | undefined, bytes: Buffer): Outcome<Body, Faulty> {
  const charset = toCharset(contentType);
  if (!charset.ok) return charset;
  if (bytes.length === 0) return ok({});
  let value: unknown;
  try {
    const text = charset.value === "latin1" ? bytes.toString("latin1") : UTF8.decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    return bad(unparsable(error instanceof SyntaxError ? error.message : "not valid UTF-8"));
  }
  if (value === null) return bad(badRequest("Empty Request Body", "Empty Request Body"));
  if (typeof value !== "object" || Array.isArray(value)) return bad(unparsable("not an object"));
  return ok(value as Body);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true });

function unparsable(reason: string) {
  const text = `Failed to parse request body: ${reason}`;
  return badRequest(text, text);
}

/** A missing Content-Type means JSON. */
function toCharset(contentType: string | undefined): Outcome<"utf8" | "latin1", Faulty> {
  if (contentType === undefined || contentType === "") return ok("utf8");
  const [type = "", ...parameters] = contentType.split(";");
  const mediaType = type.trim();
  const refused = bad(unsupported(mediaType));
  if (mediaType.toLowerCase() !== "application/json") return refused;
  for (const parameter of parameters) {
    const match = /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/i.exec(parameter);
    if (match === null) continue;
    const name = (match[1] as string).toLowerCase();
    if (LATIN1.has(name)) return ok("latin1");
    return UTF8_NAMES.has(name) ? ok("utf8") : bad(unsupported(contentType.trim()));
  }
  return ok("utf8");
}

const LATIN1: ReadonlySet<string> = new Set(["iso-8859-1", "iso8859-1", "iso_8859-1", "latin1"]);
const UTF8_NAMES: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii", "ascii"]);

function unsupported(type: string) {
  const text = `Unsupported content type: ${type}`;
  return badRequest(text, text);
}
