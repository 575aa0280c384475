/** @live Makes routes: what all of one kind have in common. */
import { zip } from "../../../net/answers/gzip.ts";
import { Head } from "../../../net/http/head.ts";
import type { Reply, Streaming } from "../../../net/http/reply.ts";
import { takesGzip } from "../../../net/routes/accept.ts";
import type { Body } from "../../../net/routes/body.ts";
import { catchUp } from "../../../net/routes/catch-up.ts";
import { decodePosition } from "../../../net/routes/position.ts";
import type { Handle, Result, Route as RouteOf } from "../../../net/routes/serve.ts";
import type { Desk, Exchange } from "../desk.ts";
import { toPretty } from "../wire/pretty.ts";
import { latestOf } from "../wire/tags.ts";

const A = "/v2/:account";

export type Route = RouteOf<Desk>;
type Role = Route["role"];
type Method = Route["method"];

const PRETTY = "pretty";

/** The same handler, whose long answers are compressed for clients that take them so. */
function packed<R extends Reply, T extends Result | undefined>(
  handle: (call: Exchange<R>) => T | Promise<T>,
): (call: Exchange<R>) => T | Promise<T> {
  return (call) => {
    const result = handle(call);
    if (!takesGzip(call.request.header("accept-encoding"))) return result;
    return result instanceof Promise ? result.then(pack) : pack(result);
  };
}

const PACKED = { "Content-Encoding": "gzip", Vary: "Accept-Encoding" };

function pack<T extends Result | undefined>(result: T): T {
  if (result === undefined || "refusal" in result || result.body === undefined) return result;
  const body = zip(result.body);
  return body === undefined ? result : { ...result, head: new Head(PACKED, result.head), body };
}

/** The same handler, whose answers are on many lines when they are asked for so. */
function prettily<R extends Reply, T extends Result | undefined>(
  handle: (call: Exchange<R>) => T | Promise<T>,
): (call: Exchange<R>) => T | Promise<T> {
  return (call) => {
    const result = handle(call);
    if (!call.query.has(PRETTY)) return result;
    return result instanceof Promise ? result.then(makePretty) : makePretty(result);
  };
}

function makePretty<T extends Result | undefined>(result: T): T {
  if (result === undefined || "refusal" in result || result.body === undefined) return result;
  return { ...result, body: toPretty(result.body) };
}

const CURRENT = "current";
/** As long as changes wait for a store that does not answer. */
const BARRIER_MS_MAX = 10_000;

/** The same handler; what is asked for as it is `current` has everything that was acknowledged at any node before. */
function currently(handle: Handle<Desk, Reply>): Handle<Desk, Reply> {
  return (call) =>
    call.query.has(CURRENT)
      ? call.desk.registry
          .barrier(AbortSignal.timeout(BARRIER_MS_MAX))
          .then((reached) => (reached.ok ? handle(call) : reached))
      : handle(call);
}

/**
 * The same handler, once this node has what the client has seen at another one: `after`, and the tag of what is known,
 * name a revision. What is no position is left to the handler.
 */
function notBefore(handle: Handle<Desk, Reply>): Handle<Desk, Reply> {
  return (call) => {
    const late = catchUp(call.desk.registry, revisionSeen(call));
    return late === undefined ? handle(call) : late.then((refused) => refused ?? handle(call));
  };
}

function revisionSeen({ desk: { mark }, request, query }: Exchange): number {
  const known = request.header("if-none-match");
  const seen = known === undefined ? 0 : latestOf(known, mark);
  const after = request.search === "" ? undefined : query.get("after");
  return after === undefined ? seen : Math.max(seen, decodePosition(after, mark)?.revision ?? 0);
}

/** A route whose answers are whole. */
export function route(
  method: Method,
  pattern: string,
  role: Role,
  body: Body,
  query: readonly string[],
  handle: Handle<Desk, Reply>,
  summary: string,
): Route {
  const reads = method === "GET" && pattern.startsWith(A);
  const known = method === "GET" ? notBefore(handle) : handle;
  return {
    streams: false,
    method,
    pattern,
    role,
    body,
    query: [...query, ...(reads ? [CURRENT] : []), PRETTY],
    handle: packed(prettily(reads ? currently(known) : known)),
    summary,
  };
}

/** A route that streams, or may. */
export function streaming(
  method: Method,
  pattern: string,
  role: Role,
  body: Body,
  query: readonly string[],
  handle: Handle<Desk, Streaming>,
  summary: string,
): Route {
  return {
    streams: true,
    method,
    pattern,
    role,
    body,
    query: [...query, PRETTY],
    handle: packed(prettily(handle)),
    summary,
  };
}

/** With a line in the audit for each that is tried. */
export function audited(deed: string, fields: readonly string[], made: Route): Route {
  return { ...made, audit: { deed, fields } };
}
