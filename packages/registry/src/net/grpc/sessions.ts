/**
 * @live Connections of HTTP/2: taken over from a listener that has seen how they begin. Pings that come too often, clients
 * that have gone without a word, and the end are seen to here; what streams say is `StreamServer`'s.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Server, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Outgoing } from "../answers/outgoing.ts";
import { placeOf } from "../crowd.ts";
import type { Observe } from "../http/reply.ts";
import { bridge } from "./bridge.ts";

/** Who answers streams. */
export interface StreamServer {
  serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, line: Line): void;
  /** Ends what would go on for ever. */
  drain?(): void;
}

export interface SessionLimits {
  /** Streams open at once on one connection. */
  readonly streamsMax: number;
  readonly headerBytesMax: number;
  /** Pings of a client that come faster count against it, unless something was sent to it meanwhile. */
  readonly pingMsMin: number;
  /** A client that said nothing for so long is asked whether it is still there. */
  readonly keepAliveMs: number;
  /** And is cut off when it does not answer in this time. */
  readonly keepAliveTimeoutMs: number;
}

/** HTTP/2 on a listener, beside what it speaks anyway. */
export interface Http2Options {
  /** Labels the metrics. */
  readonly dialect: string;
  readonly streams: StreamServer;
  readonly limits?: Partial<SessionLimits>;
}

/** As etcd and gRPC's library for Go have them. */
export const SESSION_LIMITS: SessionLimits = {
  streamsMax: 20_000,
  headerBytesMax: 16 * 1024,
  pingMsMin: 5000,
  keepAliveMs: 7_200_000,
  keepAliveTimeoutMs: 20_000,
};

/** Without a stream, pings may come no more often than this. */
const IDLE_PING_MS_MIN = 7_200_000;
const STRIKES_MAX = 2;
/** Of a client that sends a lot: so much comes before it waits for word that it was read. */
const WINDOW_BYTES = 1024 * 1024;
/** Below this nobody counts what waits for a client. */
const UNREAD_BYTES = 1024 * 1024;
/** While more waits on a connection, no further answers are made for it. */
const FULL_BYTES = 4 * 1024 * 1024;
const SESSION_MIB_MAX = 256;
const SWEEPS_PER_TIMEOUT = 4;

/** A connection, as streams on it see it. What guards connections sees it as an answer that is under way. */
export class Line {
  readonly peer: string;
  readonly observe: Observe | undefined;
  readonly #socket: Socket;
  readonly #outgoing: Outgoing;
  #unread = 0;
  readonly #waiting = new Set<() => void>();
  #isNoted = false;
  streams = 0;
  /** Something was sent since the last ping. */
  hasSent = false;
  heardMs = performance.now();
  #pingedMs = 0;
  #strikes = 0;

  constructor(socket: Socket, outgoing: Outgoing, observe: Observe | undefined) {
    this.#socket = socket;
    this.peer = socket.remoteAddress ?? "";
    this.#outgoing = outgoing;
    this.observe = observe;
  }

  /** No stream waits for anything. */
  get sent(): boolean {
    return this.streams === 0;
  }

  count(): void {}

  /** So many bytes are on their way to the client. */
  wrote(bytes: number): void {
    this.hasSent = true;
    this.#unread += bytes;
    if (this.#unread <= UNREAD_BYTES) return;
    this.#isNoted = true;
    this.#outgoing.note(this.#socket, this.#unread);
  }

  get isFull(): boolean {
    return this.#unread > FULL_BYTES;
  }

  /** Calls once the client has taken enough, after those who asked before. Returns its cancel. */
  whenRoom(go: () => void): () => void {
    this.#waiting.add(go);
    return () => this.#waiting.delete(go);
  }

  taken(bytes: number): void {
    this.#unread -= bytes;
    for (const go of this.#waiting) {
      if (this.isFull) break;
      this.#waiting.delete(go);
      go();
    }
    if (!this.#isNoted) return;
    this.#isNoted = this.#unread > UNREAD_BYTES;
    this.#outgoing.note(this.#socket, 0);
    if (this.#isNoted) this.#outgoing.note(this.#socket, this.#unread);
  }

  began(): void {
    this.streams += 1;
    this.heardMs = performance.now();
  }

  ended(): void {
    this.streams -= 1;
    placeOf(this.#socket)?.used();
  }

  /** False when there have been too many: gRPC's rules, https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md */
  mayPing(pingMsMin: number): boolean {
    const nowMs = performance.now();
    const sinceMs = nowMs - this.#pingedMs;
    this.#pingedMs = nowMs;
    this.heardMs = nowMs;
    if (this.hasSent) {
      this.hasSent = false;
      this.#strikes = 0;
      return true;
    }
    if (sinceMs < (this.streams > 0 ? pingMsMin : IDLE_PING_MS_MIN)) this.#strikes += 1;
    return this.#strikes <= STRIKES_MAX;
  }
}

type Marked = Socket & { _httpMessage?: unknown };

export function isGrpc(headers: IncomingHttpHeaders): boolean {
  return headers["content-type"]?.startsWith("application/grpc") === true;
}

/** Connections of this server that speak HTTP/2: with TLS those that agreed on it, else those that are handed to `take`. */
export function openSessions(
  server: Server,
  options: Http2Options,
  outgoing: Outgoing,
  observe: Observe | undefined,
): Sessions {
  const isSecure = "setSecureContext" in server;
  const { streams } = options;
  // Without TLS the original answers by HTTP/2 nothing but gRPC.
  const all: StreamServer = {
    serve: (stream, headers, line) =>
      isSecure && !isGrpc(headers) ? bridge(server, stream, headers, line) : streams.serve(stream, headers, line),
    drain: () => streams.drain?.(),
  };
  const sessions = new Sessions({ ...options, streams: all }, outgoing, observe);
  const inner = server.listeners("secureConnection") as ((this: unknown, socket: Socket) => void)[];
  server.removeAllListeners("secureConnection");
  server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") return sessions.take(socket);
    for (const listener of inner) listener.call(server, socket);
  });
  return sessions;
}

/** All connections of one listener that speak HTTP/2. */
export class Sessions {
  readonly #server: Http2Server;
  readonly #streams: StreamServer;
  readonly #lines = new Map<ServerHttp2Session, Line>();
  readonly #limits: SessionLimits;
  readonly #sweeping: NodeJS.Timeout;
  /** The connection that is being taken. */
  #taking: Line | undefined;
  readonly #lineOf: (socket: Socket) => Line;
  #isDraining = false;

  constructor({ streams, limits }: Http2Options, outgoing: Outgoing, observe: Observe | undefined) {
    this.#streams = streams;
    this.#limits = { ...SESSION_LIMITS, ...limits };
    const { streamsMax, headerBytesMax, keepAliveTimeoutMs } = this.#limits;
    this.#lineOf = (socket) => new Line(socket, outgoing, observe);
    this.#server = createServer({
      maxSessionMemory: SESSION_MIB_MAX,
      settings: {
        enablePush: false,
        maxConcurrentStreams: streamsMax,
        maxHeaderListSize: headerBytesMax,
        initialWindowSize: WINDOW_BYTES,
      },
    });
    this.#server.on("session", (session) => this.#begin(session));
    this.#server.on("stream", (stream, headers) => {
      // Also of one that was taken back as it began. The close that follows tells all we need.
      stream.on("error", () => {});
      const line = this.#lines.get(stream.session as ServerHttp2Session);
      if (line !== undefined) streams.serve(stream, headers, line);
      else stream.destroy();
    });
    // Told of what clients do wrong: their connection ends, and nothing else.
    this.#server.on("sessionError", () => {});
    this.#server.on("error", () => {});
    this.#sweeping = setInterval(() => this.#sweep(), keepAliveTimeoutMs / SWEEPS_PER_TIMEOUT).unref();
  }

  /** Takes a connection over of which nothing is read, or what was read is put back. */
  take(socket: Socket): void {
    const line = this.#lineOf(socket);
    (socket as Marked)._httpMessage = line;
    this.#taking = line;
    // What was put back waits for the session.
    socket.pause();
    this.#server.emit("connection", socket);
    this.#taking = undefined;
  }

  #begin(session: ServerHttp2Session): void {
    const line = this.#taking;
    if (line === undefined) return session.destroy();
    this.#lines.set(session, line);
    session.setLocalWindowSize(WINDOW_BYTES);
    session.on("close", () => this.#lines.delete(session));
    session.on("error", () => {});
    // As HTTP/1.1 has it the other side may go on; a client of HTTP/2 that ends its own hears nothing any more.
    session.socket.once("end", () => session.destroy());
    session.on("ping", () => {
      if (!line.mayPing(this.#limits.pingMsMin)) cut(session);
    });
    if (this.#isDraining) session.close();
  }

  /** Asks who is silent whether it is still there. */
  #sweep(): void {
    const nowMs = performance.now();
    const { keepAliveMs, keepAliveTimeoutMs } = this.#limits;
    for (const [session, line] of this.#lines) {
      if (nowMs - line.heardMs < keepAliveMs || session.destroyed) continue;
      line.heardMs = nowMs;
      const late = setTimeout(() => session.destroy(), keepAliveTimeoutMs).unref();
      session.ping(() => clearTimeout(late));
    }
  }

  /** Clients are told to go elsewhere with what they ask next. */
  drain(): void {
    this.#isDraining = true;
    for (const session of this.#lines.keys()) session.close();
    this.#streams.drain?.();
  }

  close(): void {
    clearInterval(this.#sweeping);
    for (const session of this.#lines.keys()) session.destroy();
  }
}

function cut(session: ServerHttp2Session): void {
  session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from("too_many_pings"));
  // What lies before it in the connection is sent first.
  setImmediate(() => session.destroy());
}
