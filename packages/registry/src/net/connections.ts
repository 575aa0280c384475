/** Guards a server's connections: how many there are, and what those are told that do not speak HTTP properly. */
import type { Server } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import { problemOf } from "./exchange.ts";
import { lingeringEnd } from "./linger.ts";
import type { ListenerLog } from "./listener.ts";
import type { Answer } from "./message.ts";

export interface ConnectionLimits {
  readonly connectionsMax: number;
  /** 0: no limit of its own. */
  readonly connectionsPerAddressMax: number;
}

/** Connections over the limit that may wait for their 503 to be read; more are cut without a word. */
const TURNED_AWAY_MAX = 256;

/** What node:http has under way on a socket. */
type HttpSocket = Socket & { _httpMessage?: Answer | null };

export function guardConnections(
  server: Server | SecureServer,
  limits: ConnectionLimits,
  log: ListenerLog,
  observe: (status: number) => void,
): { readonly connections: number; destroyAll(): void } {
  const sockets = new Set<Socket>();
  const perAddress = new Map<string, number>();
  let turnedAway = 0;

  const turnAway = (socket: Socket, why: string): void => {
    observe(503);
    if (turnedAway >= TURNED_AWAY_MAX || "encrypted" in server) {
      socket.destroy();
      return;
    }
    turnedAway++;
    socket.on("close", () => turnedAway--);
    socket.on("error", () => {});
    socket.write(rawAnswer(503, "Service Unavailable", "limit", why));
    lingeringEnd(socket);
  };

  const admit = (socket: Socket): boolean => {
    if (sockets.size >= limits.connectionsMax) {
      turnAway(socket, "too many connections");
      return false;
    }
    const perAddressMax = limits.connectionsPerAddressMax;
    if (perAddressMax > 0) {
      const address = socket.remoteAddress ?? "";
      const count = perAddress.get(address) ?? 0;
      if (count >= perAddressMax) {
        turnAway(socket, "too many connections from this address");
        return false;
      }
      perAddress.set(address, count + 1);
      socket.on("close", () => {
        const left = (perAddress.get(address) ?? 1) - 1;
        if (left > 0) perAddress.set(address, left);
        else perAddress.delete(address);
      });
    }
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    return true;
  };

  // The server's own listener comes after the limit.
  const inner = server.listeners("connection") as ((this: unknown, socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    if (admit(socket)) for (const listener of inner) listener.call(server, socket);
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    refuseClient(error, socket as HttpSocket, log, observe);
  });
  server.on("connect", (_request, socket) => {
    observe(405);
    endRaw(socket as Socket, rawAnswer(405, "Method Not Allowed", "method-not-allowed", "this is no proxy"));
  });
  server.on("timeout", (socket: Socket) => endTimedOut(socket as HttpSocket));
  return {
    get connections() {
      return sockets.size;
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * Silence for the idle time between requests, or for the stall time during one. An answer that is being worked on or
 * a quiet stream is no reason to cut; bytes that nobody takes are.
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
  const [status, reason, name, detail] = REFUSALS[error.code ?? ""] ?? BAD_REQUEST;
  log.debug({ code: error.code, status }, "request refused");
  const bytes = rawAnswer(status, reason, name, detail);
  const answer = socket._httpMessage;
  if (answer === null || answer === undefined) {
    observe(status);
    endRaw(socket, bytes);
  } else if (answer.req.complete) {
    // The bad bytes follow a good request: that one gets its answer first.
    answer.shouldKeepAlive = false;
    answer.once("finish", () => endRaw(socket, bytes));
    if (answer.headersSent) socket.on("error", () => {});
  } else if (!answer.headersSent) {
    // Its own body is bad; what the handler may say later finds the socket gone.
    answer.statusCode = status;
    endRaw(socket, bytes);
  } else socket.destroy();
}

function endRaw(socket: Socket, bytes: Buffer): void {
  if (socket.destroyed || !socket.writable) return;
  socket.on("error", () => {});
  socket.write(bytes);
  lingeringEnd(socket);
}

function rawAnswer(status: number, reason: string, name: string, detail: string): Buffer {
  const body = problemOf(status, name, detail);
  return Buffer.from(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
