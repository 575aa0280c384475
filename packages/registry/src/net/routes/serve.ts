/**
 * From a request to its route's handler, and from what that returns to the answer. The order of the checks: path,
 * method, who asks, headers, names in the path, account, query, body.
 */
import type { Access, Account, Principal, Role } from "../../core/index.ts";
import { type Outcome, ok, type Refused, refuse } from "../../outcome.ts";
import type { Find } from "../http/handler.ts";
import { decodeSegment, parseQuery, type Query } from "../http/query.ts";
import type { Reply, Streaming } from "../http/reply.ts";
import type { Request } from "../http/request.ts";
import { type Answer, answering, give, respond, toOptions } from "./answer.ts";
import { type Audit, type Audited, Recorder, subjectOf } from "./audit.ts";
import { type Body, bytesMaxOf, findUnsupported, jsonIn, type Unsupported } from "./body.ts";
import { enter } from "./entry.ts";
import type { Json } from "./json.ts";
import { findMisuse, type Parameter } from "./parameters.ts";
import { allowIn, type Match, type Pattern, Table } from "./table.ts";

/** A request, let in and read whole. `D` is what the dialect's handlers share. */
export interface Call<D, R extends Reply = Reply> {
  readonly desk: D;
  readonly request: Request;
  readonly reply: R;
  readonly principal: Principal;
  readonly role: Role;
  /** Empty on routes that belong to no account. */
  readonly account: Account;
  /** The path's parameters but the account, percent-decoded. */
  readonly params: readonly string[];
  /** What follows the route in the raw path, where the pattern ends in "*". */
  readonly tail: string;
  readonly query: Query;
  /** Undefined where the route wants no JSON, or got none. */
  readonly json: Json;
  readonly bytes: Buffer;
}

/** What a handler returns; its refusals are answered in the protocol's words. */
export type Result = Answer | Refused;

/** A route without its handler. A first parameter `:account` names the account. */
export interface Described extends Pattern {
  readonly role: Role;
  /** The account that a route without one in its path belongs to. */
  readonly account?: Account;
  readonly body: Body;
  readonly query: readonly Parameter[];
  readonly summary: string;
  /** All acts are told, the refused ones too. */
  readonly audit?: Audited;
}

/** A handler that streams returns nothing when it has taken the reply. */
export type Handle<D, R extends Reply> = (
  call: Call<D, R>,
) => R extends Streaming ? Result | undefined | Promise<Result | undefined> : Result | Promise<Result>;

export type Route<D> =
  | (Described & { readonly streams: false; readonly handle: Handle<D, Reply> })
  | (Described & { readonly streams: true; readonly handle: Handle<D, Streaming> });

/** What every protocol has to say, in the words of one. */
export interface Manner {
  missing(path: string): Answer;
  method(method: string, allow: string): Answer;
  /** Nobody known asks. */
  unknown(refused: Refused): Answer;
  refused(refused: Refused): Answer;
  unsupported(unsupported: Unsupported): Answer;
  /** Logs what went wrong. */
  failed(error: unknown, request: Request): Answer;
  readonly audit?: Audit;
}

interface Shared<D> {
  readonly desk: D;
  readonly manner: Manner;
}

/** Finds who serves what is in the table. */
export function serveRoutes<D extends { readonly access: Access }>(
  desk: D,
  routes: readonly Route<D>[],
  manner: Manner,
): Find {
  const table = new Table(routes);
  const shared = { desk, manner };
  return (method, path) => {
    const match = table.match(path);
    if (match === undefined) return answering(manner.missing(path));
    if (method === "OPTIONS") return answering(toOptions(allowIn(match)));
    const route = match.routes.get(method);
    if (route === undefined) return answering(manner.method(method, allowIn(match)));
    return route.streams
      ? { streams: true, serve: (request, reply) => serve(shared, route, match, request, reply) }
      : { streams: false, serve: (request, reply) => serve(shared, route, match, request, reply) };
  };
}

type Served<D, R extends Reply> = Described & {
  handle(call: Call<D, R>): Result | undefined | Promise<Result | undefined>;
};

/** Finds out who asks. A token that is not known here may have been made at another node a moment ago. */
function serve<D extends { readonly access: Access }, R extends Reply>(
  shared: Shared<D>,
  route: Served<D, R>,
  match: Match<unknown>,
  request: Request,
  reply: R,
): void {
  const { access } = shared.desk;
  const { token } = request;
  const principal = token.ok ? access.authenticate(token.value) : token;
  if (principal.ok || !token.ok || token.value === undefined)
    return serveTo(shared, route, match, request, reply, principal);
  void access.catchUp().then(() => {
    serveTo(shared, route, match, request, reply, access.authenticate(token.value));
  });
}

function serveTo<D extends { readonly access: Access }, R extends Reply>(
  { desk, manner }: Shared<D>,
  route: Served<D, R>,
  match: Match<unknown>,
  request: Request,
  reply: R,
  principal: Outcome<Principal>,
): void {
  const recorder = openRecorder(manner, route, match, request);
  const giveResult = (result: Result | undefined): void => {
    if (recorder !== undefined) record(recorder, result);
    if (result !== undefined) give(reply, "refusal" in result ? manner.refused(result) : result);
  };
  if (!request.token.ok) return giveResult(request.token);
  if (!principal.ok) {
    recorder?.end(principal.refusal, principal.detail);
    return give(reply, manner.unknown(principal));
  }
  request.who = principal.value.name;
  if (recorder !== undefined) recorder.principal = principal.value;
  const checked = check(desk.access, principal.value, route, match, request);
  if (!checked.ok) return giveResult(checked);
  const unsupported = findUnsupported(request, route.body);
  if (unsupported !== undefined) return give(reply, manner.unsupported(unsupported));
  request.takeBody(bytesMaxOf(route.body), (bytes) => {
    // A client that went away hears nothing.
    if (!bytes.ok) return bytes.refusal === "unavailable" ? undefined : giveResult(bytes);
    const json = jsonIn(bytes.value, route.body);
    if (!json.ok) return giveResult(json);
    const { account, params, query } = checked.value;
    if (recorder !== undefined && route.audit !== undefined) {
      recorder.account = isOwned(route) ? account : "";
      recorder.on = subjectOf({ pattern: route.pattern, fields: route.audit.fields }, params, json.value);
    }
    const call: Call<D, R> = {
      desk,
      request,
      reply,
      principal: principal.value,
      role: route.role,
      account,
      params,
      tail: match.tail,
      query,
      json: json.value,
      bytes: bytes.value,
    };
    respond(
      reply,
      () => route.handle(call),
      giveResult,
      (error) => manner.failed(error, request),
    );
  });
}

function openRecorder(
  { audit }: Manner,
  route: Described,
  match: Match<unknown>,
  request: Request,
): Recorder | undefined {
  if (route.audit === undefined || audit === undefined) return undefined;
  return new Recorder(audit, route.audit.deed, request, isOwned(route) ? (match.params[0] as string) : "");
}

function record(recorder: Recorder, result: Result | undefined): void {
  if (result === undefined) recorder.end("done");
  else if ("refusal" in result) recorder.end(result.refusal, result.detail);
  else recorder.end(result.status < 400 ? "done" : "failed", undefined, result.noted);
}

interface Checked {
  readonly account: Account;
  readonly params: readonly string[];
  readonly query: Query;
}

/** What can be told from the head of a request, once it is known who asks. */
function check(
  access: Access,
  principal: Principal,
  route: Described,
  match: Match<unknown>,
  request: Request,
): Outcome<Checked> {
  const { rawHeaders, search } = request;
  const twice = findTwice(rawHeaders);
  if (twice !== undefined) return refuse("invalid", `more than one ${twice} header`);
  const params = decodeParams(match.params);
  if (!params.ok) return params;
  const account = accountOf(access, principal, route, params.value);
  if (!account.ok) return account;
  request.account = account.value;
  const query = parseQuery(search);
  if (!query.ok) return query;
  const misuse = search === "" ? undefined : findMisuse(query.value, route.query);
  if (misuse !== undefined) return refuse("invalid", misuse);
  return ok({
    account: account.value,
    params: isOwned(route) ? params.value.slice(1) : params.value,
    query: query.value,
  });
}

/** Whether the path names the account. */
function isOwned({ pattern }: Pattern): boolean {
  return pattern.includes("/:account");
}

function accountOf(
  access: Access,
  principal: Principal,
  route: Described,
  params: readonly string[],
): Outcome<Account> {
  if (isOwned(route)) {
    const account = access.resolve(params[0] as string);
    return account.ok ? enter(access, principal, account.value, route.role) : account;
  }
  if (route.account === undefined) return ok("");
  const allowed = access.allow(principal, route.account, route.role);
  return allowed.ok ? ok(route.account) : allowed;
}

function decodeParams(raw: readonly string[]): Outcome<readonly string[]> {
  const params: string[] = [];
  for (const one of raw) {
    const segment = decodeSegment(one);
    if (!segment.ok) return { ...segment, detail: `${segment.detail} in the path` };
    params.push(segment.value);
  }
  return ok(params);
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
