/** @live Guards a server's connections: limits their number, and answers clients that do not speak proper HTTP. */
import type { Server } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { Crowd, type CrowdLimits, type Occupation, placeOf } from "../crowd.ts";
import type { Line } from "../grpc/http2/line.ts";
import { type ListenerLog, SeldomLog } from "../log.ts";
import { looksLikeTls } from "../tls/first-bytes.ts";
import { sortOut, tellFailures } from "../tls/handshakes.ts";
import { lingeringEnd } from "./linger.ts";
import { Answer, answeredEarly } from "./node/answer.ts";
import type { PlainReply } from "./plain/reply.ts";
import { PROBLEM_TYPE, problemOf } from "./problem.ts";

/** Connections over the limit that may wait for their 503 to be read; more are cut without a word. */
const TURNED_AWAY_MAX = 256;

/**
 * node:http marks the answer under way on its socket so; the short way and HTTP/2 do the same. TLS keeps the bare socket.
 */
type HttpSocket = Socket & { _httpMessage?: Answer | PlainReply | Line | null; _parent?: Socket };

export interface GuardLimits extends CrowdLimits {
  /** From the connection to the first byte of a handshake. */
  readonly headersTimeoutMs: number;
}

/** Watches over all connections of one server. To be made before the server listens. */
export class ConnectionGuard {
  readonly #crowd: Crowd;
  readonly #secure: boolean;
  readonly #observe: (status: number) => void;
  // With TLS each connection has two sockets: the bare one is counted, HTTP is spoken on the other.
  readonly #speaking = new Set<HttpSocket>();
  readonly #secured = new WeakMap<Socket, HttpSocket>();
  #turnedAway = 0;

  constructor(server: Server | SecureServer, limits: GuardLimits, log: ListenerLog, observe: (status: number) => void) {
    this.#crowd = new Crowd(limits, (socket) => this.#evict(socket));
    this.#secure = "setSecureContext" in server;
    this.#observe = observe;
    // The server's own listener comes after the limit.
    const inner = server.listeners("connection") as ((this: unknown, socket: Socket) => void)[];
    server.removeAllListeners("connection");
    const seldom = new SeldomLog(log);
    server.on("connection", (socket: Socket) => {
      if (!this.#admit(socket)) return;
      const goOn = (): void => {
        for (const listener of inner) listener.call(server, socket);
      };
      if (this.#secure)
        return sortOut(socket, limits.headersTimeoutMs, goOn, () => refusePlain(socket, seldom, observe));
      this.#follow(socket);
      goOn();
    });
    if ("setSecureContext" in server) {
      server.on("secureConnection", (socket: HttpSocket) => this.#followSecured(socket));
      tellFailures(server, seldom);
    }
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      tellOfTls(error, socket, seldom);
      refuseClient(error, socket as HttpSocket, log, observe);
    });
    server.on("connect", (_request, socket) => {
      observe(405);
      endRaw(socket as Socket, rawAnswer(405, "Method Not Allowed", "method-not-allowed", "this is no proxy"));
    });
    server.on("timeout", (socket: Socket) => endTimedOut(socket as HttpSocket));
  }

  get connections(): number {
    return this.#crowd.size;
  }

  /** Ends connections on which no request is being answered. */
  destroyQuiet(): void {
    for (const socket of this.#speaking) if (!socket._httpMessage) socket.destroy();
  }

  destroyAll(): void {
    for (const socket of this.#crowd.sockets) socket.destroy();
  }

  #admit(socket: HttpSocket): boolean {
    const entered = this.#crowd.enter(socket, () => occupationOf(this.#secured.get(socket) ?? socket));
    if (!entered.ok) this.#turnAway(socket, entered.detail);
    return entered.ok;
  }

  /** One that has said nothing yet may be about to. */
  #evict(socket: Socket): void {
    if (socket.bytesRead === 0) this.#turnAway(socket, "too many connections");
    else socket.destroy();
  }

  #turnAway(socket: Socket, why: string): void {
    this.#observe(503);
    socket.on("error", () => {});
    // An answer would need a handshake first; that is work a flood must not get.
    if (this.#secure || this.#turnedAway >= TURNED_AWAY_MAX) {
      socket.destroy();
      return;
    }
    this.#turnedAway++;
    socket.on("close", () => this.#turnedAway--);
    socket.write(rawAnswer(503, "Service Unavailable", "limit", why, "Retry-After: 1\r\n"));
    lingeringEnd(socket);
  }

  #followSecured(socket: HttpSocket): void {
    const bare = socket._parent;
    const place = bare && placeOf(bare);
    if (place !== undefined) {
      place.share(socket);
      this.#secured.set(place.socket, socket);
    }
    this.#follow(socket);
  }

  #follow(socket: HttpSocket): void {
    this.#speaking.add(socket);
    socket.on("close", () => {
      this.#speaking.delete(socket);
      // It went away before its answer; what the handler still says is counted no more.
      socket._httpMessage?.count(499);
    });
  }
}

function occupationOf({ _httpMessage: answer, writableLength }: HttpSocket): Occupation {
  if (!answer) return writableLength > 0 ? "halfway" : "idle";
  if (!(answer instanceof Answer)) return answer.sent ? "halfway" : "working";
  return answer.writableEnded || answer.isPoured || !answer.req.complete ? "halfway" : "working";
}

/**
 * Called after silence: the idle time between requests, or the stall time during one. Work on an answer and a quiet
 * stream are no reason to cut the connection; bytes that the client does not take are.
 */
function endTimedOut(socket: HttpSocket): void {
  const answer = socket._httpMessage;
  if (answer === null || answer === undefined || socket.writableLength > 0) socket.destroy();
}

const REFUSALS: Readonly<Record<string, readonly [status: number, reason: string, name: string, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "headers-too-large", "the headers are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Content Too Large", "too-large", "the chunk extensions are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "timeout", "the request did not arrive in time"],
};
const BAD_REQUEST = [400, "Bad Request", "invalid", "this is not a well-formed HTTP/1.1 request"] as const;

function refuseClient(
  error: NodeJS.ErrnoException,
  socket: HttpSocket,
  log: ListenerLog,
  observe: (status: number) => void,
): void {
  // A reset, or a handshake that failed: nobody is there to read an answer.
  if (socket.destroyed || !socket.writable || error.code === "ECONNRESET" || error.code === "EPIPE") {
    socket.destroy();
    return;
  }
  const answer = socket._httpMessage instanceof Answer ? socket._httpMessage : undefined;
  // Its answer goes out in this moment and ends the connection.
  if (answer?.held === true) return;
  // This request had its answer.
  if (answer === undefined && answeredEarly.has(socket)) return lingeringEnd(socket);
  const [status, reason, name, detail] = REFUSALS[error.code ?? ""] ?? BAD_REQUEST;
  log.debug({ code: error.code, status }, "request refused");
  const bytes = rawAnswer(status, reason, name, detail);
  if (answer === undefined) {
    observe(status);
    endRaw(socket, bytes);
  } else if (answer.req.complete) {
    // The bad bytes follow a good request: that one gets its answer first.
    answer.once("finish", () => endRaw(socket, bytes));
  } else if (!answer.headersSent) {
    // Its own body is bad; what the handler may say later finds the socket gone.
    answer.count(status);
    endRaw(socket, bytes);
  } else socket.destroy();
}

function refusePlain(socket: Socket, log: SeldomLog, observe: (status: number) => void): void {
  observe(400);
  log.warn(socket.remoteAddress, "a client spoke plain HTTP on a port with TLS: its URL should begin with https");
  const detail = "this port speaks TLS, and this is plain HTTP: use https://";
  endRaw(socket, rawAnswer(400, "Bad Request", "invalid", detail));
}

function tellOfTls(
  { rawPacket }: NodeJS.ErrnoException & { rawPacket?: Buffer },
  socket: Duplex,
  log: SeldomLog,
): void {
  if (rawPacket === undefined || !looksLikeTls(rawPacket)) return;
  const address = (socket as Socket).remoteAddress;
  log.warn(
    address,
    "a client spoke TLS on a port with plain HTTP: its URL should begin with http, or TLS be configured",
  );
}

/** Answers 408 on a connection that said nothing in time, and ends it. */
export function refuseLate(socket: Socket): void {
  endRaw(socket, rawAnswer(...(REFUSALS.ERR_HTTP_REQUEST_TIMEOUT as typeof BAD_REQUEST)));
}

function endRaw(socket: Socket, bytes: Buffer): void {
  if (socket.destroyed || !socket.writable) return;
  socket.on("error", () => {});
  socket.write(bytes);
  lingeringEnd(socket);
}

function rawAnswer(status: number, reason: string, name: string, detail: string, lines = ""): Buffer {
  const body = problemOf(status, name, detail);
  return Buffer.from(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n${lines}\r\n${body}`,
  );
}
