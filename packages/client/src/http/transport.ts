/** Requests to the nodes of a registry: to one, and to the next when that gives no answer and asking twice does no harm. */
import { clientError, PROBLEMS, RollcallError } from "../error.ts";
import type { ProblemBody } from "../shapes.ts";
import { type Address, Addresses } from "./addresses.ts";
import { causeOf, wasNeverSent } from "./failure.ts";
import type { Answer, Fetch } from "./fetch.ts";
import { Nearest } from "./nearest.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** What a request does: nothing; the same once and twice; or more each time. */
type Effect = "none" | "same" | "more";

/** One HTTP request of the API. */
export interface Call {
  readonly method?: string;
  /** Already percent-encoded: see `pathOf`. */
  readonly path: string;
  readonly query?: Query | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly bytes?: string | Uint8Array | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The client's own time limit when left out; for a stream it covers the head only. */
  readonly timeoutMs?: number | undefined;
  /** How long the registry waits for a change before it answers: comes on top of the time limit. */
  readonly waitMs?: number | undefined;
  /** By the method when left out: GET none, PUT and DELETE the same, POST more. */
  readonly effect?: Effect | undefined;
}

export interface OpenedStream {
  readonly response: Answer;
  /** Must be called when the body is done with. */
  close(): void;
  /** The node has ended it, or is gone: the next one is opened at another. */
  lost(): void;
}

interface Sent {
  readonly response: Answer;
  close(): void;
  /** Ends the time limit. */
  readonly settle: () => void;
  /** What to throw for an error of the body. */
  readonly toThrown: (error: unknown) => unknown;
}

export interface Transport {
  readonly account: string;
  /** The client's own time limit of a request. */
  readonly timeoutMs: number;
  readonly addresses: Pick<Addresses, "urls" | "current" | "hasOther">;
  /** The JSON of the answer. */
  json<T>(call: Call): Promise<T>;
  /** The answer with its body still to be read. */
  open(call: Call): Promise<OpenedStream>;
}

export interface TransportOptions {
  /** One at least. */
  readonly urls: readonly string[];
  /** Begin with the nearest, or any of those that are as near; else in the order given. */
  readonly spread: boolean;
  readonly account: string;
  readonly token: string | undefined;
  readonly fetch: Fetch;
  readonly timeoutMs: number;
}

/** `["services", "a b"]` -> `/services/a%20b`. */
export function pathOf(...segments: readonly string[]): string {
  // URL parsers drop dot segments, also percent-encoded ones: the request would go elsewhere.
  for (const segment of segments)
    if (segment === "" || segment === "." || segment === "..")
      throw clientError("invalid", `"${segment}" cannot be part of a path`);
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join("");
}

/** The path of a configuration key: slashes stay readable where a URL parser leaves them alone. */
export function keyPath(key: string): string {
  const whole = pathOf(key);
  return key.split("/").some((part) => part === "." || part === "..") ? whole : whole.replaceAll("%2F", "/");
}

export function createTransport(options: TransportOptions): Transport {
  const addresses = new Addresses(options.urls, options.spread);
  const isChoice = options.spread && addresses.urls.length > 1;
  const nodes = { options, addresses, nearest: isChoice ? new Nearest(addresses, options.fetch) : undefined };

  function open(call: Call): Promise<OpenedStream> {
    return ask(nodes, call, ({ response, close, settle }, address) => {
      settle();
      return { response, close, lost: () => addresses.failed(address, false) };
    });
  }

  function json<T>(call: Call): Promise<T> {
    return ask(nodes, call, async ({ response, close, toThrown }, { base }) => {
      try {
        return (await response.json()) as T;
      } catch (error) {
        if (error instanceof SyntaxError) throw clientError("bad-answer", `${base} did not answer with JSON`, error);
        throw toThrown(error);
      } finally {
        close();
      }
    });
  }

  return { account: options.account, timeoutMs: options.timeoutMs, addresses, json, open };
}

interface Nodes {
  readonly options: TransportOptions;
  readonly addresses: Addresses;
  /** Where there is a choice. */
  readonly nearest: Nearest | undefined;
}

/** The head of one node's answer; the time limit runs on until `settle`. */
async function send(
  { options, addresses }: Omit<Nodes, "nearest">,
  address: Address,
  call: Call,
  limitMs: number,
): Promise<Sent> {
  const { base } = address;
  const controller = new AbortController();
  const onAbort = () => controller.abort(call.signal?.reason);
  if (call.signal?.aborted) onAbort();
  call.signal?.addEventListener("abort", onAbort, { once: true });
  const isChange = effectOf(call) !== "none";
  const cut = (why: string) => controller.abort(toUnreached(`${base} ${why}`, isChange));
  const timer = setTimeout(() => cut(`did not answer within ${Math.round(limitMs)} ms`), limitMs);
  // What waits there waits in vain when others find that the node is gone.
  const forget = isLong(call) ? addresses.opened(address, () => cut("is gone")) : () => {};
  const settle = () => clearTimeout(timer);
  const toThrown = (error: unknown) => toReached(error, controller.signal, base, isChange);
  const close = () => {
    settle();
    forget();
    call.signal?.removeEventListener("abort", onAbort);
    controller.abort();
  };
  try {
    const url = base + call.path + queryText(call.query);
    const response = await options.fetch(url, init(options, call, controller.signal));
    if (!response.ok) throw await toError(response, base);
    return { response, close, settle, toThrown };
  } catch (error) {
    const thrown = toThrown(error);
    close();
    throw thrown;
  }
}

/** Asks one node after the other, each once, until one answers. */
async function ask<T>(
  { options, addresses, nearest }: Nodes,
  call: Call,
  take: (sent: Sent, address: Address) => T | Promise<T>,
): Promise<T> {
  const endMs = performance.now() + (call.timeoutMs ?? options.timeoutMs);
  const effect = effectOf(call);
  const choice = nearest?.due();
  if (choice !== undefined) await choice;
  const round = addresses.round();
  const failures: RollcallError[] = [];
  for (const [nth, address] of round.entries()) {
    const leftMs = endMs - performance.now();
    if (nth > 0 && leftMs <= 0) break;
    // One that is silent leaves half of the time to the others.
    const shareMs = nth === round.length - 1 || effect === "more" ? leftMs : leftMs / 2;
    const limitMs = Math.max(0, shareMs) + (call.waitMs ?? 0);
    try {
      const taken = await take(await send({ options, addresses }, address, call, limitMs), address);
      addresses.answered(address);
      return taken;
    } catch (error) {
      const fate = call.signal?.aborted ? "answered" : fateOf(error);
      if (fate === "answered") {
        // No is an answer, too.
        if (error instanceof RollcallError && error.status > 0) addresses.answered(address);
        throw toTruth(error, call, failures);
      }
      const failure = error as RollcallError;
      addresses.failed(address, failure.code === "unreachable");
      failures.push(failure);
      if (fate === "unsure" && effect === "more") break;
    }
  }
  throw toFailure(failures);
}

function effectOf({ method = "GET", effect }: Call): Effect {
  return effect ?? (method === "GET" ? "none" : method === "POST" ? "more" : "same");
}

/** Streams, and polls that wait. */
function isLong({ headers, waitMs }: Call): boolean {
  return waitMs !== undefined || headers?.accept === "text/event-stream";
}

/** What is known of a request: it was answered, it was certainly not done, or nobody knows. */
function fateOf(error: unknown): "answered" | "undone" | "unsure" {
  if (!(error instanceof RollcallError)) return "answered";
  if (error.code === "unreachable") return error.unsure ? "unsure" : "undone";
  if (error.status === 503) return "undone";
  return error.status === 502 || error.status === 504 ? "unsure" : "answered";
}

/** An answer of one node after others gave none: they may have done what this one finds done. */
function toTruth(error: unknown, call: Call, failures: readonly RollcallError[]): unknown {
  if (!(error instanceof RollcallError) || effectOf(call) === "none" || !failures.some(({ unsure }) => unsure))
    return error;
  const { type, status, detail, message: title } = error;
  if (status === 412) return clientError("unknown", `it may be done by an earlier try of the same: ${detail}`, error);
  return new RollcallError({ type, title, status, detail }, { cause: error, unsure: true });
}

/** Of all the nodes that were asked, one at least. */
function toFailure(failures: readonly RollcallError[]): RollcallError {
  const told = failures.find(({ code }) => code !== "unreachable") ?? (failures[0] as RollcallError);
  const unsure = failures.some((one) => one.unsure);
  if (failures.length === 1 || (told.code !== "unreachable" && told.unsure === unsure)) return told;
  const { type, status, message: title, code } = told;
  const all = failures.map(({ detail }) => detail).join("; ");
  const detail = code === "unreachable" ? `no node answers: ${all}` : told.detail;
  return new RollcallError({ type, title, status, detail }, { cause: told, unsure });
}

function init(options: TransportOptions, call: Call, signal: AbortSignal): RequestInit {
  const headers: Record<string, string> = { accept: "application/json", ...call.headers };
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  const request: RequestInit = { method: call.method ?? "GET", headers, signal };
  if (call.json !== undefined) {
    headers["content-type"] = "application/json";
    request.body = JSON.stringify(call.json);
  } else if (call.bytes !== undefined) {
    headers["content-type"] ??= "application/octet-stream";
    request.body = call.bytes as BodyInit;
  }
  return request;
}

function queryText(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    if (typeof value === "object") for (const one of value) parameters.append(name, one);
    else parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

async function toError(response: Answer, base: string): Promise<RollcallError> {
  const text = await response.text().catch(() => "");
  try {
    const problem = JSON.parse(text) as Partial<ProblemBody> | null;
    if (typeof problem?.type === "string")
      return new RollcallError({
        type: problem.type,
        title: problem.title ?? response.statusText,
        status: response.status,
        detail: problem.detail ?? "",
      });
  } catch {
    // Not JSON: something between us and the registry answered.
  }
  const detail = `${base} answered ${response.status} ${response.statusText}`.trim();
  return new RollcallError({ type: "about:blank", title: response.statusText, status: response.status, detail });
}

function toUnreached(detail: string, unsure: boolean, cause?: unknown): RollcallError {
  const problem = { type: `${PROBLEMS}unreachable`, title: "unreachable", status: 0, detail };
  return new RollcallError(problem, { unsure, ...(cause !== undefined && { cause }) });
}

/** Aborts, by the caller or by the time limit, stay what they are; what else fetch throws means "no answer". */
function toReached(error: unknown, signal: AbortSignal, base: string, isChange: boolean): unknown {
  if (error instanceof RollcallError) return error;
  if (signal.aborted) return signal.reason;
  return toUnreached(`${base} is out of reach: ${reasonOf(causeOf(error))}`, isChange && !wasNeverSent(error), error);
}

function reasonOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  if (code === "ECONNREFUSED") return "connection refused";
  if (code === "ENOTFOUND") return "its host name is unknown";
  const message = cause instanceof Error && cause.message !== "" ? cause.message : String(code ?? cause);
  // OpenSSL's codes for an answer that is not TLS.
  return /wrong version number|packet length too long/.test(message) ? "it speaks no TLS" : message;
}
