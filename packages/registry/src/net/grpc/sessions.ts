/**
 * @live Connections of HTTP/2: taken over from a listener that has seen how they begin. Without TLS they carry gRPC and
 * nothing else, by a way of our own; with TLS node:http2 has them. What streams say is `StreamServer`'s.
 */
import type { Server, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Outgoing } from "../answers/outgoing.ts";
import type { Observe } from "../http/reply.ts";
import { bridge } from "./http2/bridge.ts";
import { Connection } from "./http2/connection.ts";
import { isGrpc, type StreamServer } from "./http2/duct.ts";
import { Line, SESSION_LIMITS, type SessionLimits, SWEEPS_PER_TIMEOUT } from "./http2/line.ts";
import { NodeDuct, NodeSessions } from "./http2/node.ts";

/** HTTP/2 on a listener, beside what it speaks anyway. */
export interface Http2Options {
  /** Labels the metrics. */
  readonly dialect: string;
  readonly streams: StreamServer;
  readonly limits?: Partial<SessionLimits>;
}

/** All connections of one listener that speak HTTP/2. */
export interface Sessions {
  /** Takes a connection over of which nothing is read, or what was read is put back. */
  take(socket: Socket): void;
  /** Clients are told to go elsewhere with what they ask next. */
  drain(): void;
  close(): void;
}

/** The connections of this server: with TLS those that agreed on HTTP/2, else those that are handed to `take`. */
export function openSessions(
  server: Server,
  { streams, limits }: Http2Options,
  outgoing: Outgoing,
  observe: Observe | undefined,
): Sessions {
  const all = { ...SESSION_LIMITS, ...limits };
  const lineOf = (socket: Socket): Line => {
    const line = new Line(socket, outgoing, observe);
    (socket as Marked)._httpMessage = line;
    return line;
  };
  return "setSecureContext" in server
    ? openSecure(server, streams, all, lineOf)
    : new OwnSessions(streams, all, lineOf);
}

/** What guards connections looks there. */
type Marked = Socket & { _httpMessage?: unknown };

function openSecure(
  server: Server,
  streams: StreamServer,
  limits: SessionLimits,
  lineOf: (socket: Socket) => Line,
): Sessions {
  const sessions = new NodeSessions((stream, headers, line) => {
    // Without TLS the original answers by HTTP/2 nothing but gRPC.
    if (isGrpc(headers)) streams.serve(new NodeDuct(stream), headers, line);
    else bridge(server, stream, headers, line);
  }, limits);
  const inner = server.listeners("secureConnection") as ((this: unknown, socket: Socket) => void)[];
  server.removeAllListeners("secureConnection");
  const take = (socket: Socket): void => sessions.take(socket, lineOf(socket));
  server.on("secureConnection", (socket: TLSSocket) => {
    if (socket.alpnProtocol === "h2") return take(socket);
    for (const listener of inner) listener.call(server, socket);
  });
  const drain = (): void => {
    sessions.drain();
    streams.drain?.();
  };
  return { take, drain, close: () => sessions.close() };
}

class OwnSessions implements Sessions {
  readonly #streams: StreamServer;
  readonly #limits: SessionLimits;
  readonly #lineOf: (socket: Socket) => Line;
  readonly #open = new Set<Connection>();
  readonly #sweeping: NodeJS.Timeout;
  #isDraining = false;

  constructor(streams: StreamServer, limits: SessionLimits, lineOf: (socket: Socket) => Line) {
    this.#streams = streams;
    this.#limits = limits;
    this.#lineOf = lineOf;
    this.#sweeping = setInterval(() => this.#sweep(), limits.keepAliveTimeoutMs / SWEEPS_PER_TIMEOUT).unref();
  }

  take(socket: Socket): void {
    const connection = new Connection({
      socket,
      line: this.#lineOf(socket),
      limits: this.#limits,
      streams: this.#streams,
      closed: () => void this.#open.delete(connection),
    });
    this.#open.add(connection);
    if (this.#isDraining) connection.drain();
  }

  /** Asks who is silent whether it is still there. */
  #sweep(): void {
    const nowMs = performance.now();
    const { keepAliveMs, keepAliveTimeoutMs } = this.#limits;
    for (const connection of this.#open) {
      if (nowMs - connection.line.heardMs < keepAliveMs) continue;
      connection.line.heardMs = nowMs;
      connection.ask(keepAliveTimeoutMs);
    }
  }

  drain(): void {
    this.#isDraining = true;
    for (const connection of this.#open) connection.drain();
    this.#streams.drain?.();
  }

  close(): void {
    clearInterval(this.#sweeping);
    for (const connection of this.#open) connection.destroy();
  }
}
