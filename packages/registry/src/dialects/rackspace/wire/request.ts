/** The request line, the headers and the body of a request -> one message. */
import { type Outcome, ok } from "../../../core/index.ts";
import { trimOws } from "../../../net/http/ows.ts";
import { decodeSegment, parseQuery, type Query } from "../../../net/http/query.ts";
import type { Body } from "./bodies.ts";
import { bad, badRequest, type Faulty } from "./faults.ts";

/** The size at which a body is refused. */
export const BODY_BYTES_REFUSED = 5000;

export interface Target {
  /** What is asked for, in the words of the table in `routes.ts`: `GET services/:id`. */
  readonly route: string;
  /** The id in the path, decoded and not yet checked; "" when there is none. */
  readonly id: string;
  /** As written in the path; null when the path names none. */
  readonly tenant: string | null;
  readonly query: Query;
}

/** The route by which clients log in. All others are served with a tenant. */
export const LOGIN = "POST /v2.0/tokens";

const RESOURCES: ReadonlySet<string> = new Set(["limits", "services", "configuration", "events", "sessions", "views"]);
const MALFORMED = bad(badRequest("URI malformed", "URI malformed"));

/** `path` and `rawQuery` as sent: percent-escapes and double slashes intact. */
export function parseTarget(method: string, path: string, rawQuery: string): Outcome<Target, Faulty> {
  const query = parseQuery(rawQuery);
  if (!query.ok) return MALFORMED;
  if (/^\/v2\.0\//i.test(path)) {
    const route = `${method} ${path.toLowerCase().replace(/\/$/, "")}`;
    return ok({ route, id: "", tenant: null, query: query.value });
  }
  const { tenant, tail } = splitTenant(path.slice("/v1.0".length));
  const decoded = decodeSegment(tail);
  if (!decoded.ok || (tenant !== null && !decodeSegment(tenant).ok)) return MALFORMED;
  const [pattern, id] = parseTail(method, tail);
  return ok({ route: `${method} ${pattern}`, id, tenant, query: query.value });
}

/** `/<tenant>/…`, or the resource at once when the tenant comes in a header. */
function splitTenant(rest: string): { tenant: string | null; tail: string } {
  const end = rest.indexOf("/", 1);
  const first = end < 0 ? rest.slice(1) : rest.slice(1, end);
  if (first === "" || RESOURCES.has(first.toLowerCase())) return { tenant: null, tail: rest };
  return { tenant: first, tail: end < 0 ? "" : rest.slice(end) };
}

type Tail = readonly [pattern: string, id: string];

const NO_PAGE: Tail = ["", ""];

function parseTail(method: string, tail: string): Tail {
  const resource = /^\/([a-z]+)/i.exec(tail)?.[1]?.toLowerCase() ?? "";
  if (resource === "configuration") return parseValueTail(method, tail.slice("/configuration".length));
  const [first, id, last, ...more] = tail
    .replace(/(?<=.)\/$/, "")
    .slice(1)
    .split("/");
  if (first?.toLowerCase() !== resource || id === "" || last === "" || more.length > 0) return NO_PAGE;
  if (id === undefined) return [resource, ""];
  if (resource === "views") return last === undefined ? [`views/${decode(id).toLowerCase()}`, ""] : NO_PAGE;
  return [`${resource}/:id${last === undefined ? "" : `/${last.toLowerCase()}`}`, decode(id)];
}

/**
 * `rest` is what follows "/configuration". The id of a namespaced key begins with a slash, so its URL has two of them
 * in a row; a namespace is listed with one in front and one behind. Hence no slash here may be tidied away.
 */
function parseValueTail(method: string, rest: string): Tail {
  if (rest === "" || rest === "/") return ["configuration", ""];
  if (!rest.startsWith("/")) return NO_PAGE;
  const id = decode(rest.slice(1));
  if (method !== "GET" || !id.endsWith("/")) return ["configuration/:id", id];
  return ["configuration/:namespace", id.startsWith("/") ? id : `/${id}`];
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
  const mediaType = trimOws(type);
  const refused = bad(unsupported(mediaType));
  if (mediaType.toLowerCase() !== "application/json") return refused;
  for (const parameter of parameters) {
    const match = /^[ \t]*charset[ \t]*=[ \t]*"?([^" \t]*)"?[ \t]*$/i.exec(parameter);
    if (match === null) continue;
    const name = (match[1] as string).toLowerCase();
    if (LATIN1.has(name)) return ok("latin1");
    return UTF8_NAMES.has(name) ? ok("utf8") : bad(unsupported(contentType));
  }
  return ok("utf8");
}

const LATIN1: ReadonlySet<string> = new Set(["iso-8859-1", "iso8859-1", "iso_8859-1", "latin1"]);
const UTF8_NAMES: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii", "ascii"]);

function unsupported(type: string) {
  const text = `Unsupported content type: ${type}`;
  return badRequest(text, text);
}
