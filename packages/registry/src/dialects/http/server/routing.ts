/** From a raw request to its route: who asks, which account, which parameters, the body; then the route's handler. */
import { type Account, type Outcome, ok, type Principal, type Role } from "../../../core/index.ts";
import type { Find } from "../../../net/http/handler.ts";
import { decodeSegment, parseQuery, type Query } from "../../../net/http/query.ts";
import type { Reply, Streaming } from "../../../net/http/reply.ts";
import type { Request } from "../../../net/http/request.ts";
import { answerRefused, answerUnauthorized, type Desk, type Exchange, fail } from "../desk.ts";
import { BODY_BYTES_MAX, decodeJson, isJsonType, type Json } from "../wire/json.ts";
import { findRepeated } from "../wire/query.ts";
import { type Body, refuseCoded } from "./media.ts";

interface Described {
  readonly method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE";
  /** Segments that begin with ":" are parameters; a last segment "*" takes the raw rest, slashes and all. */
  readonly pattern: string;
  readonly role: Role;
  readonly body: Body;
  /** Query parameters it knows; one that ends in "*" stands for all that begin so. */
  readonly query: readonly string[];
  readonly summary: string;
}

/** Who answers with this kind of reply. */
export type Handle<R extends Reply> = (exchange: Exchange<R>, json: Json, bytes: Buffer) => void | Promise<void>;

export interface RouteOf<R extends Reply, S extends boolean> extends Described {
  readonly streams: S;
  readonly handle: Handle<R>;
}

/** Only a route that says `streams` gets a reply that can. */
export type Route = RouteOf<Reply, false> | RouteOf<Streaming, true>;

/** One step of a path. */
class Junction {
  readonly literals = new Map<string, Junction>();
  parameter: Junction | undefined = undefined;
  /** Routes that end here, by method. */
  readonly routes = new Map<string, Route>();
  /** Routes that take the rest of the path. */
  readonly tails = new Map<string, Route>();
}

export function buildRoutes(routes: readonly Route[]): Junction {
  const root = new Junction();
  for (const route of routes) {
    let at = root;
    const segments = route.pattern.slice(1).split("/");
    const tail = segments.at(-1) === "*";
    for (const segment of tail ? segments.slice(0, -1) : segments) {
      if (segment.startsWith(":")) {
        at.parameter ??= new Junction();
        at = at.parameter;
      } else {
        const next = at.literals.get(segment) ?? new Junction();
        at.literals.set(segment, next);
        at = next;
      }
    }
    (tail ? at.tails : at.routes).set(route.method, route);
  }
  return root;
}

interface Match {
  readonly routes: ReadonlyMap<string, Route>;
  /** Still percent-encoded. */
  readonly params: string[];
  readonly tail: string;
}

/** Walks the raw path. A literal goes before a parameter. */
export function matchRoutes(root: Junction, path: string): Match | undefined {
  const params: string[] = [];
  let at = root;
  let from = 1;
  for (;;) {
    const slash = path.indexOf("/", from);
    const segment = slash < 0 ? path.slice(from) : path.slice(from, slash);
    const literal = at.literals.get(segment);
    if (literal !== undefined) at = literal;
    else if (at.parameter !== undefined && segment !== "") {
      params.push(segment);
      at = at.parameter;
    } else return undefined;
    if (slash < 0) return at.routes.size === 0 ? undefined : { routes: at.routes, params, tail: "" };
    from = slash + 1;
    if (at.tails.size > 0) return { routes: at.tails, params, tail: path.slice(from) };
  }
}

/** Finds who serves what is in the table. */
export function createFind(desk: Desk, routes: readonly Route[]): Find {
  const root = buildRoutes(routes);
  return (method, path) => {
    const match = matchRoutes(root, path);
    if (match === undefined) {
      const detail = `there is nothing at ${path.slice(0, 200)}; see /openapi.json`;
      return { streams: false, serve: (_request, reply) => reply.problem(404, "not-found", detail) };
    }
    const route = match.routes.get(method);
    if (route === undefined) return { streams: false, serve: (_request, reply) => refuseMethod(reply, method, match) };
    return route.streams
      ? { streams: true, serve: (request, reply) => admit(desk, route, match, request, reply) }
      : { streams: false, serve: (request, reply) => admit(desk, route, match, request, reply) };
  };
}

function refuseMethod(reply: Reply, method: string, { routes }: Match): void {
  const allowed = [...routes.keys()];
  if (allowed.includes("GET")) allowed.push("HEAD");
  const Allow = allowed.join(", ");
  reply.problem(405, "method-not-allowed", `${method} is not possible here; possible are ${Allow}`, { Allow });
}

const ANYONE: Principal = { account: null, role: "admin", name: "anyone" };

function authenticate(desk: Desk, request: Request): Outcome<Principal> {
  const token = request.token;
  // Nothing to look up: in open mode a request without a token may do everything.
  if (token === undefined && desk.access.open) return ok(ANYONE);
  return desk.access.authenticate(token);
}

const SINGLE: ReadonlySet<string> = new Set(["if-match", "if-none-match", "content-type", "last-event-id"]);
const SINGLE_LENGTHS: ReadonlySet<number> = new Set([8, 12, 13]);

/** A condition told twice could be read one way here and another way by a proxy: it is refused. */
function findTwice(raw: readonly string[]): string | undefined {
  let seen: string[] | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (!SINGLE_LENGTHS.has(name.length)) continue;
    const lower = name.toLowerCase();
    if (!SINGLE.has(lower)) continue;
    if (seen?.includes(lower) === true) return name;
    seen ??= [];
    seen.push(lower);
  }
  return undefined;
}

function admit<R extends Reply>(
  desk: Desk,
  route: RouteOf<R, boolean>,
  match: Match,
  request: Request,
  reply: R,
): void {
  if (refuseCoded(request, reply, route.body)) return;
  const { search } = request;
  const principal = authenticate(desk, request);
  if (!principal.ok) return answerUnauthorized(reply, principal);
  const repeated = findTwice(request.rawHeaders);
  if (repeated !== undefined) return reply.problem(400, "invalid", `more than one ${repeated} header`);
  const params = decodeParams(match.params);
  if (!params.ok) return answerRefused(reply, params);
  const account = admitAccount(desk, principal.value, route, params.value);
  if (!account.ok) return answerRefused(reply, account);
  const query = parseQuery(search);
  if (!query.ok) return answerRefused(reply, query);
  const wrong = search === "" ? undefined : findWrong(query.value, route.query);
  if (wrong !== undefined) return reply.problem(400, "invalid", wrong);
  const exchange: Exchange<R> = {
    desk,
    request,
    reply,
    principal: principal.value,
    role: route.role,
    account: account.value,
    params: isOwned(route) ? params.value.slice(1) : params.value,
    tail: match.tail,
    query: query.value,
    search,
  };
  readThenHandle(exchange, route);
}

/** Whether the first parameter is an account. */
function isOwned(route: Described): boolean {
  return route.pattern.includes("/:account");
}

function decodeParams(raw: string[]): Outcome<string[]> {
  for (let i = 0; i < raw.length; i++) {
    const segment = decodeSegment(raw[i] as string);
    if (!segment.ok) return { ...segment, detail: `${segment.detail} in the path` };
    raw[i] = segment.value;
  }
  return ok(raw);
}

function admitAccount(desk: Desk, principal: Principal, route: Described, params: readonly string[]): Outcome<Account> {
  if (!isOwned(route)) return ok("");
  const account = desk.access.resolve(params[0] as string);
  if (!account.ok) return account;
  if (principal !== ANYONE) {
    const allowed = desk.access.allow(principal, account.value, route.role);
    if (!allowed.ok) return allowed;
  }
  const admitted = desk.access.admit(account.value);
  return admitted.ok ? account : admitted;
}

/** A parameter that the route does not know, or one that has one value and was given several. */
function findWrong(query: Query, known: readonly string[]): string | undefined {
  for (const name of query.names()) {
    if (known.includes(name)) continue;
    if (known.some((pattern) => pattern.endsWith("*") && name.startsWith(pattern.slice(0, -1)))) continue;
    const all = known.length === 0 ? "none is known here" : `known are ${known.join(", ")}`;
    return `unknown query parameter ${JSON.stringify(name.slice(0, 100))}; ${all}`;
  }
  const repeated = findRepeated(query, known);
  return repeated === undefined ? undefined : `query parameter ${repeated} is there more than once`;
}

const IGNORED_BODY_BYTES_MAX = 64 * 1024;

function bodyBytesMax({ body }: Described): number {
  if (body.kind === "none") return IGNORED_BODY_BYTES_MAX;
  return body.bytesMax ?? BODY_BYTES_MAX;
}

function readThenHandle<R extends Reply>(exchange: Exchange<R>, route: RouteOf<R, boolean>): void {
  const { request, reply } = exchange;
  const { body } = route;
  if (body.kind === "json" && !isJsonType(request.header("content-type"))) {
    reply.problem(415, "unsupported-type", "the body must be JSON: Content-Type: application/json", {
      "Accept-Post": "application/json",
    });
    return;
  }
  request.takeBody(bodyBytesMax(route), (bytes) => {
    if (!bytes.ok) {
      // A client that went away hears nothing.
      if (bytes.refusal !== "unavailable") answerRefused(reply, bytes);
      return;
    }
    let json: Json;
    if (body.kind === "json" && !(body.optional === true && bytes.value.length === 0)) {
      const decoded = decodeJson(bytes.value);
      if (!decoded.ok) return answerRefused(reply, decoded);
      json = decoded.value;
    }
    run(exchange, route, json, bytes.value);
  });
}

function run<R extends Reply>(exchange: Exchange<R>, route: RouteOf<R, boolean>, json: Json, bytes: Buffer): void {
  try {
    const running = route.handle(exchange, json, bytes);
    if (running !== undefined) running.catch((error: unknown) => fail(exchange, error));
  } catch (error) {
    fail(exchange, error);
  }
}
