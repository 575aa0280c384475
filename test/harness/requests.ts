/** Requests of tests: over node:http with the path as written, over a bare socket, and event streams. */
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request as requestHttp } from "node:http";
import { type RequestOptions, request as requestHttps } from "node:https";
import { connect } from "node:net";
import type { Scope } from "./scope.ts";

export interface RequestSpec {
  readonly method?: string;
  /** Bytes, text, or anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: OutgoingHttpHeaders;
  readonly timeoutMs?: number;
  /** For https: `ca`, `cert`, `key`, `rejectUnauthorized`; for both: `agent`. */
  readonly connection?: RequestOptions;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly bytes: Buffer;
  readonly text: string;
  /** The body parsed; throws with the body in the message when it is not JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  json<T = any>(): T;
}

/** One request on a connection of its own. The path goes out exactly as written: no normalising of dots or escapes. */
export function request(url: string, spec: RequestSpec = {}): Promise<Answer> {
  const { options, secure, body } = prepare(url, spec);
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? requestHttps : requestHttp)(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const bytes = Buffer.concat(chunks);
        const text = bytes.toString("utf8");
        const { statusCode = 0, headers, rawHeaders } = response;
        resolve({ status: statusCode, headers, rawHeaders, bytes, text, json: () => parseJson(text, statusCode) });
      });
    });
    const timeoutMs = spec.timeoutMs ?? 60_000;
    outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer from ${url} in ${timeoutMs} ms`)));
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function prepare(url: string, spec: RequestSpec) {
  const match = /^(https?):\/\/(\[[^\]]+\]|[^/:?#]+):(\d+)(.*)$/s.exec(url);
  if (match === null) throw new Error(`not an absolute URL with a port: ${url}`);
  const [, scheme, host = "", port, path = ""] = match;
  const headers: OutgoingHttpHeaders = { ...spec.headers };
  const body = encodeBody(spec.body, headers);
  const options: RequestOptions = {
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    path: path === "" ? "/" : path,
    method: spec.method ?? (body === undefined ? "GET" : "POST"),
    headers,
    agent: false,
    ...spec.connection,
  };
  return { options, secure: scheme === "https", body };
}

function encodeBody(body: unknown, headers: OutgoingHttpHeaders): Buffer | undefined {
  if (body === undefined) return undefined;
  const given = Object.keys(headers).map((name) => name.toLowerCase());
  let bytes: Buffer;
  if (body instanceof Uint8Array) bytes = Buffer.from(body);
  else if (typeof body === "string") bytes = Buffer.from(body, "utf8");
  else {
    bytes = Buffer.from(JSON.stringify(body), "utf8");
    if (!given.includes("content-type")) headers["content-type"] = "application/json";
  }
  if (!given.includes("content-length") && !given.includes("transfer-encoding"))
    headers["content-length"] = bytes.length;
  return bytes;
}

function parseJson<T>(text: string, status: number): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new Error(`not JSON (status ${status}): ${text.slice(0, 500)}`);
  }
}

/**
 * Sends these bytes over TCP and answers all that came back, as latin1, when the other side closes or nothing has come
 * for `idleMs` after something did. Fails after `timeoutMs` without a byte unless `silent` is awaited by the caller.
 */
export function rawRequest(
  port: number,
  bytes: string | Uint8Array,
  options: {
    readonly host?: string;
    readonly timeoutMs?: number;
    readonly idleMs?: number;
    readonly end?: boolean;
  } = {},
): Promise<{ readonly text: string; readonly closed: boolean }> {
  const { host = "127.0.0.1", timeoutMs = 10_000, idleMs = 300, end = false } = options;
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    const chunks: Buffer[] = [];
    const finish = (closed: boolean) => {
      clearTimeout(deadline);
      clearTimeout(idle);
      socket.destroy();
      resolve({ text: Buffer.concat(chunks).toString("latin1"), closed });
    };
    let idle: NodeJS.Timeout | undefined;
    const deadline = setTimeout(() => finish(false), timeoutMs);
    socket.on("connect", () => {
      const payload = typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes;
      if (end) socket.end(payload);
      else socket.write(payload);
    });
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      clearTimeout(idle);
      idle = setTimeout(() => finish(false), idleMs);
    });
    socket.on("close", () => finish(true));
    // A reset after an early refusal is an end like any other; being unable to connect is not.
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNRESET" || error.code === "EPIPE") finish(true);
      else {
        clearTimeout(deadline);
        reject(error);
      }
    });
  });
}

export interface StreamEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
  /** When it came, by performance.now(). */
  readonly atMs: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests assert on the values they read.
  json<T = any>(): T;
}

/** An open event stream. */
export interface Stream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** All events so far. */
  readonly events: readonly StreamEvent[];
  /** True once the server ended the stream or the connection was lost. */
  readonly ended: boolean;
  /** The first event, early or late, that the test accepts. */
  find(accept: (event: StreamEvent) => boolean, timeoutMs?: number): Promise<StreamEvent>;
  close(): void;
}

/** Opens an event stream (Server-Sent Events) and keeps its events; closed after the test. */
export function openStream(scope: Scope, url: string, spec: RequestSpec = {}): Promise<Stream> {
  const headers = { accept: "text/event-stream", ...spec.headers };
  const { options, secure, body } = prepare(url, { ...spec, headers });
  return new Promise((resolve, reject) => {
    const outgoing = (secure ? requestHttps : requestHttp)(options, (response) => {
      const stream = new EventStream(response.statusCode ?? 0, response.headers, () => outgoing.destroy());
      response.setEncoding("utf8");
      response.on("data", (text: string) => stream.take(text));
      response.on("close", () => stream.end());
      response.on("error", () => stream.end());
      resolve(stream);
    });
    scope.after(() => {
      outgoing.destroy();
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

/** The revision in a position: what stands before its mark. */
export function revisionIn(position: string): number {
  return Number.parseInt(position, 10);
}

class EventStream implements Stream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly events: StreamEvent[] = [];
  ended = false;
  readonly #abort: () => void;
  readonly #waiting = new Set<() => void>();
  #rest = "";

  constructor(status: number, headers: IncomingHttpHeaders, abort: () => void) {
    this.status = status;
    this.headers = headers;
    this.#abort = abort;
  }

  take(text: string): void {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    for (const block of blocks) this.#takeBlock(block);
    for (const wake of this.#waiting) wake();
  }

  end(): void {
    this.ended = true;
    for (const wake of this.#waiting) wake();
  }

  close(): void {
    this.#abort();
  }

  async find(accept: (event: StreamEvent) => boolean, timeoutMs = 60_000): Promise<StreamEvent> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const found = this.events.find(accept);
      if (found !== undefined) return found;
      const leftMs = deadlineMs - performance.now();
      if (this.ended || leftMs <= 0)
        throw new Error(
          `no such event ${this.ended ? "before the stream ended" : `in ${timeoutMs} ms`}: ${accept}; saw ${JSON.stringify(this.events.slice(-5))}`,
        );
      await this.#change(leftMs);
    }
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, timeoutMs);
      this.#waiting.add(wake);
    });
  }

  #takeBlock(block: string): void {
    let event = "message";
    let id = "";
    const data: string[] = [];
    for (const line of block.split("\n")) {
      const colon = line.indexOf(":");
      if (colon <= 0) continue;
      const value = line.slice(colon + 1).replace(/^ /, "");
      const field = line.slice(0, colon);
      if (field === "event") event = value;
      else if (field === "id") id = value;
      else if (field === "data") data.push(value);
    }
    if (data.length === 0 && event === "message") return;
    const text = data.join("\n");
    this.events.push({ event, id, data: text, atMs: performance.now(), json: () => JSON.parse(text) });
  }
}
