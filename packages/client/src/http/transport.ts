import { clientError, RollcallError } from "../error.ts";
import type { ProblemBody } from "../shapes.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

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
}

export interface OpenedStream {
  readonly response: Response;
  /** Must be called when the body is done with. */
  close(): void;
}

interface Sent extends OpenedStream {
  /** Ends the time limit. */
  readonly settle: () => void;
  /** What to throw for an error of the body. */
  readonly toThrown: (error: unknown) => unknown;
}

export interface Transport {
  readonly account: string;
  /** The client's own time limit of a request. */
  readonly timeoutMs: number;
  /** The JSON of the answer. */
  json<T>(call: Call): Promise<T>;
  /** The answer with its body still to be read. */
  open(call: Call): Promise<OpenedStream>;
}

export interface TransportOptions {
  readonly url: string;
  readonly account: string;
  readonly token: string | undefined;
  readonly fetch: typeof globalThis.fetch;
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
  const base = options.url.replace(/\/+$/, "");

  /** The answer's head; the time limit runs on until `settle`. */
  async function send(call: Call): Promise<Sent> {
    const controller = new AbortController();
    const onAbort = () => controller.abort(call.signal?.reason);
    if (call.signal?.aborted) onAbort();
    call.signal?.addEventListener("abort", onAbort, { once: true });
    const limitMs = (call.timeoutMs ?? options.timeoutMs) + (call.waitMs ?? 0);
    const late = () =>
      controller.abort(clientError("unreachable", `${base} did not answer within ${Math.round(limitMs)} ms`));
    const timer = setTimeout(late, limitMs);
    const settle = () => clearTimeout(timer);
    const toThrown = (error: unknown) => toReached(error, controller.signal, base);
    const close = () => {
      settle();
      call.signal?.removeEventListener("abort", onAbort);
      controller.abort();
    };
    try {
      const response = await options.fetch(
        base + call.path + queryText(call.query),
        init(options, call, controller.signal),
      );
      if (!response.ok) throw await toError(response, base);
      return { response, close, settle, toThrown };
    } catch (error) {
      const thrown = toThrown(error);
      close();
      throw thrown;
    }
  }

  async function open(call: Call): Promise<OpenedStream> {
    const { response, close, settle } = await send(call);
    settle();
    return { response, close };
  }

  async function json<T>(call: Call): Promise<T> {
    const { response, close, toThrown } = await send(call);
    try {
      return (await response.json()) as T;
    } catch (error) {
      if (error instanceof SyntaxError) throw clientError("bad-answer", `${base} did not answer with JSON`, error);
      throw toThrown(error);
    } finally {
      close();
    }
  }

  return { account: options.account, timeoutMs: options.timeoutMs, json, open };
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

async function toError(response: Response, base: string): Promise<RollcallError> {
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

/** Aborts, by the caller or by the time limit, stay what they are; what else fetch throws means "no answer". */
function toReached(error: unknown, signal: AbortSignal, base: string): unknown {
  if (error instanceof RollcallError) return error;
  if (signal.aborted) return signal.reason;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return clientError("unreachable", `${base} is out of reach: ${reasonOf(cause)}`, error);
}

function reasonOf(cause: unknown): string {
  const code = (cause as { code?: unknown } | null)?.code;
  if (code === "ECONNREFUSED") return "connection refused";
  if (code === "ENOTFOUND") return "its host name is unknown";
  const message = cause instanceof Error && cause.message !== "" ? cause.message : String(code ?? cause);
  // OpenSSL's codes for an answer that is not TLS.
  return /wrong version number|packet length too long/.test(message) ? "it speaks no TLS" : message;
}
