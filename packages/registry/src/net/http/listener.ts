/** @live The HTTP listener: raw node:http with a limit on everything. Why no framework: docs/decisions/0003-raw-node-http.md. */
import { createServer, type Server } from "node:http";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Outgoing } from "../answers/outgoing.ts";
import type { CrowdLimits } from "../crowd.ts";
import { type Http2Options, openSessions, type Sessions } from "../grpc/sessions.ts";
import { explainListen } from "../hosts/taken.ts";
import type { ListenerLog, RequestLog } from "../log.ts";
import { type Certificates, openCertificates, type TlsOptions } from "../tls/certificates.ts";
import { ConnectionGuard, refuseLate } from "./connections.ts";
import type { Find, HttpListener } from "./handler.ts";
import type { ListenerState } from "./lines.ts";
import { lingerOnClose } from "./linger.ts";
import { Answer } from "./node/answer.ts";
import { examine, Incoming } from "./node/incoming.ts";
import type { Pages } from "./pages/cors.ts";
import { refuseForeignPage } from "./pages/local.ts";
import { type PlainHost, startPlain } from "./plain/connection.ts";
import type { PlainReply } from "./plain/reply.ts";
import type { PlainRequest } from "./plain/request.ts";
import type { Observe, Reply } from "./reply.ts";
import type { Request } from "./request.ts";

export interface HttpLimits extends CrowdLimits {
  /** Request line and headers together; 431 above. */
  readonly headerBytesMax: number;
  readonly headersMax: number;
  /** From the connection or the first byte of a request to the end of its headers; 408 after. */
  readonly headersTimeoutMs: number;
  /** To the end of its body; 408 after. */
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** A client that reads nothing of its answer for so long is cut off. */
  readonly stallTimeoutMs: number;
  /** How long `close` waits for requests under way. */
  readonly closeTimeoutMs: number;
}

export const HTTP_LIMITS: HttpLimits = {
  headerBytesMax: 16 * 1024,
  headersMax: 100,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 75_000,
  stallTimeoutMs: 60_000,
  closeTimeoutMs: 10_000,
  connectionsMax: 20_000,
  connectionsPerAddressMax: 0,
};

export interface HttpListenerOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly log: ListenerLog;
  readonly limits?: Partial<HttpLimits>;
  readonly tls?: TlsOptions;
  /** Until this is first true, requests are answered 503: not all mounts are there yet. */
  readonly ready?: () => boolean;
  /** While true, requests of foreign web pages are refused: see local.ts. */
  readonly localOnly?: () => boolean;
  /** Gets a line for each request that it picks. */
  readonly requests?: RequestLog;
  /** Web pages that browsers may let read answers: see cors.ts. */
  readonly pages?: Pages;
  /** Gives the counter of one dialect; called once per mount, so that no request looks anything up. */
  readonly observer?: (dialect: string) => Observe;
  /** What waits for clients, of all listeners that share it; one of its own unless given. */
  readonly outgoing?: Outgoing;
  readonly http2?: Http2Options;
}

export interface OpenHttpListener extends HttpListener {
  /** Calls the `onDrain` listeners, closes idle connections, answers what follows with "Connection: close". */
  drain(): void;
  /** Drains, stops listening, waits for what is under way up to a bound, then cuts. */
  close(): Promise<void>;
  /** Reads the certificate again. False when it cannot be used, and the old one stays; true without TLS. */
  renewCertificate(): Promise<boolean>;
  /** Connections open now. */
  readonly connections: number;
}

const QUIET_MS = 250;
const ALL_METHODS = "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS";

interface Mount {
  readonly prefix: string;
  readonly exact: boolean;
  readonly dialect: string;
  readonly find: Find;
  readonly observe: Observe | undefined;
}

/** Listens. Rejects with a sentence for people when the address cannot be had or a certificate cannot be read. */
export async function openHttpListener(options: HttpListenerOptions): Promise<OpenHttpListener> {
  const limits = over(HTTP_LIMITS, options.limits);
  const server = await makeServer(options, limits);
  const listener = new RawListener(server, options, limits);
  try {
    await listener.listen();
  } catch (error) {
    server.certificates?.close();
    throw error;
  }
  return listener;
}

/** Limits that were given in place of the defaults; those left undefined stay. */
function over(defaults: HttpLimits, given: Partial<HttpLimits> = {}): HttpLimits {
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(set) };
}

interface MadeServer {
  readonly http: Server | SecureServer;
  readonly certificates: Certificates | undefined;
}

async function makeServer(options: HttpListenerOptions, limits: HttpLimits): Promise<MadeServer> {
  const common = {
    IncomingMessage: Incoming,
    ServerResponse: Answer,
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, Math.ceil(limits.headersTimeoutMs / 4)),
    // `examine` looks itself, so that the answer is ours.
    requireHostHeader: false,
    noDelay: true,
  };
  if (options.tls === undefined) return { http: untyped(createServer(common)), certificates: undefined };
  const certificates = await openCertificates(options.tls, options.log);
  const http = createSecureServer({
    ...common,
    ...certificates.serverOptions,
    ...(options.http2 && { ALPNProtocols: ["h2", "http/1.1"] }),
    handshakeTimeout: limits.headersTimeoutMs,
  });
  certificates.follow(http);
  return { http: untyped(http), certificates };
}

/** The same server; its type forgets which classes its messages are of. */
function untyped(server: unknown): Server | SecureServer {
  return server as Server | SecureServer;
}

class RawListener implements OpenHttpListener {
  readonly host: string;
  port = 0;
  readonly secure: boolean;
  readonly #server: MadeServer;
  readonly #options: HttpListenerOptions;
  readonly #limits: HttpLimits;
  readonly #state: ListenerState;
  readonly #guard: ConnectionGuard;
  readonly #sessions: Sessions | undefined;
  #mounts: Mount[] = [];
  readonly #observeNone: Observe | undefined;
  readonly #onDrain = new Set<() => void>();
  #closed: Promise<void> | undefined = undefined;
  #failures = 0;
  #ready: boolean;

  constructor(server: MadeServer, options: HttpListenerOptions, limits: HttpLimits) {
    // One more than allowed, so that too many can be told from just enough: node drops the rest.
    server.http.maxHeadersCount = limits.headersMax + 1;
    server.http.timeout = limits.stallTimeoutMs;
    this.host = options.host;
    this.secure = options.tls !== undefined;
    this.#server = server;
    this.#options = options;
    this.#limits = limits;
    this.#state = {
      draining: false,
      idleTimeoutMs: limits.idleTimeoutMs,
      outgoing: options.outgoing ?? new Outgoing(),
      brokenOff: (error) => options.log.error({ err: error }, "an answer broke off"),
    };
    this.#ready = options.ready === undefined;
    this.#observeNone = options.observer?.("none");
    const { http2, observer } = options;
    this.#sessions = http2 && openSessions(server.http, http2, this.#state.outgoing, observer?.(http2.dialect));
    if (!this.secure) startPlain(server.http, this.#plainHost());
    this.#guard = new ConnectionGuard(server.http, limits, options.log, (status) => this.#observeNone?.(status, 0));
    const http = server.http;
    http.on("request", (request, response) => this.#dispatch(request as Incoming, response as Answer));
    http.on("checkContinue", (request, response) => {
      (request as Incoming).expectsContinue = true;
      this.#dispatch(request as Incoming, response as Answer);
    });
    http.on("checkExpectation", (request, response) => {
      (request as Incoming).expectsContinue = true;
      (response as Answer).problem(417, "invalid", "the only expectation understood is 100-continue");
    });
  }

  get connections(): number {
    return this.#guard.connections;
  }

  listen(): Promise<void> {
    const { host, port } = this.#options;
    const http = this.#server.http;
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => reject(explainListen(error, host, port));
      http.once("error", failed);
      http.listen({ host, port, backlog: 4096 }, () => {
        http.off("error", failed);
        http.on("error", (error) => this.#options.log.error({ err: error }, "listener failed"));
        this.port = (http.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  mount(prefix: string, dialect: string, find: Find): void {
    if (this.#mounts.some((mount) => mount.prefix === prefix)) throw new Error(`${prefix} is mounted already`);
    const observe = this.#options.observer?.(dialect);
    const mount = { prefix, exact: !prefix.endsWith("/"), dialect, find, observe };
    // Longest first: the first that fits is the right one. There are few, so a walk beats a table.
    this.#mounts = [...this.#mounts, mount].sort((a, b) => b.prefix.length - a.prefix.length);
  }

  onDrain(end: () => void): () => void {
    if (this.#state.draining) {
      end();
      return () => {};
    }
    this.#onDrain.add(end);
    return () => this.#onDrain.delete(end);
  }

  #plainHost(): PlainHost {
    return {
      state: this.#state,
      headersMax: this.#limits.headersMax,
      firstByteTimeoutMs: this.#limits.headersTimeoutMs,
      refuseLate,
      http2: this.#sessions && ((socket) => this.#sessions?.take(socket)),
      dispatch: (request, answer) => this.#dispatchPlain(request, answer),
    };
  }

  /** False when the request is one for node:http. */
  #dispatchPlain(request: PlainRequest, makeReply: () => PlainReply): boolean {
    const mount = this.#isReady() ? this.#mountAt(request.path) : undefined;
    if (mount === undefined) return false;
    let reply: PlainReply | undefined;
    try {
      const handler = mount.find(request.method, request.path, request.search);
      if (handler.streams) return false;
      reply = makeReply();
      reply.startedMs = performance.now();
      reply.observe = mount.observe;
      if (this.#options.requests?.picks()) reply.note = this.#noteOf(request, mount.dialect);
      handler.serve(request, reply);
    } catch (error) {
      this.#failed(error, request, reply ?? makeReply());
    }
    return true;
  }

  /** What the log of requests says of this one, once its end is known. */
  #noteOf(request: Request, dialect: string): Observe {
    const { method, path, remoteAddress: from } = request;
    return (outcome, seconds) => {
      const { account = "", who = "" } = request;
      const line = { dialect, account, who, from, asked: `${method} ${path}`, outcome, ms: 1000 * seconds };
      this.#options.requests?.write(line);
    };
  }

  #isReady(): boolean {
    if (!this.#ready) this.#ready = this.#options.ready?.() === true;
    return this.#ready;
  }

  #mountAt(path: string): Mount | undefined {
    for (const mount of this.#mounts)
      if (mount.exact ? path === mount.prefix : path.startsWith(mount.prefix)) return mount;
    return undefined;
  }

  #dispatch(request: Incoming, response: Answer): void {
    request.answer = response;
    response.state = this.#state;
    response.startedMs = performance.now();
    response.observe = this.#observeNone;
    const wrong = examine(request);
    if (wrong !== undefined) {
      this.#refuse(response, 400, "invalid", wrong);
      return;
    }
    if (request.rawHeaders.length > 2 * this.#limits.headersMax) {
      this.#refuse(response, 431, "headers-too-large", `more than ${this.#limits.headersMax} headers`);
      return;
    }
    const { localOnly, pages } = this.#options;
    const page = pages?.find(request);
    response.extra = page?.lines ?? "";
    const isGuarded = page?.named !== true && localOnly?.() === true;
    const foreign = isGuarded ? refuseForeignPage(request.rawHeaders) : undefined;
    if (foreign !== undefined) {
      this.#refuse(response, 403, "forbidden", foreign);
      return;
    }
    if (page?.preflight === true) return response.send(204, {});
    if (!this.#isReady()) {
      // A 404 in this moment would make clients give up what is still there.
      response.problem(503, "unavailable", "the registry is starting", { "Retry-After": "1" });
      return;
    }
    if (request.method === "HEAD") {
      // RFC 9110 §9.3.2: the same as GET without the body, which node:http leaves out by itself.
      request.headOnly = true;
      request.method = "GET";
    }
    const url = pathOf(request.url as string);
    const mark = url.indexOf("?");
    request.path = mark < 0 ? url : url.slice(0, mark);
    request.search = mark < 0 ? "" : url.slice(mark + 1);
    if (url === "*" && request.method === "OPTIONS") return response.send(200, { Allow: ALL_METHODS });
    const mount = this.#mountAt(request.path);
    if (mount === undefined) {
      response.problem(404, "not-found", "nothing is served under this path");
      return;
    }
    response.observe = mount.observe;
    if (this.#options.requests?.picks()) response.noteAtEnd(this.#noteOf(request, mount.dialect));
    try {
      mount.find(request.method, request.path, request.search).serve(request, response);
    } catch (error) {
      this.#failed(error, request, response);
    }
  }

  #refuse(response: Answer, status: number, name: string, detail: string): void {
    response.shouldKeepAlive = false;
    // Where this request ends is not known.
    lingerOnClose(response.req.socket);
    response.problem(status, name, detail);
  }

  #failed(error: unknown, { method, path }: Request, reply: Reply): void {
    const id = `${process.pid.toString(36)}-${(++this.#failures).toString(36)}-${Date.now().toString(36)}`;
    this.#options.log.error({ err: error, request: id, method, path }, "handler failed");
    if (reply.sent) reply.abort();
    else reply.problem(500, "internal", `something went wrong; the log has it as request ${id}`);
  }

  drain(): void {
    if (this.#state.draining) return;
    this.#state.draining = true;
    for (const end of [...this.#onDrain]) {
      try {
        end();
      } catch (error) {
        this.#options.log.error({ err: error }, "drain failed");
      }
    }
    this.#onDrain.clear();
    this.#sessions?.drain();
    this.#server.http.closeIdleConnections();
  }

  async renewCertificate(): Promise<boolean> {
    return (await this.#server.certificates?.renew()) ?? true;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.drain();
    const http = this.#server.http;
    const ended = new Promise<void>((resolve) => http.close(() => resolve()));
    const cut = setTimeout(() => this.#guard.destroyAll(), this.#limits.closeTimeoutMs);
    // node:http takes a connection that has said nothing yet for a busy one.
    const quiet = setInterval(() => this.#guard.destroyQuiet(), QUIET_MS);
    await ended;
    clearTimeout(cut);
    clearInterval(quiet);
    this.#sessions?.close();
    this.#server.certificates?.close();
  }
}

/** RFC 9112 §3.2: a request target may be a whole URL, as proxies send it. */
function pathOf(target: string): string {
  if (target.charCodeAt(0) === 0x2f) return target;
  const rest = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*(.*)$/i.exec(target)?.[1];
  if (rest === undefined) return target;
  return rest.startsWith("/") ? rest : `/${rest}`;
}
