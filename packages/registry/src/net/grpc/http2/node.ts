/** @live Connections and streams that node:http2 carries: those with TLS, where browsers and curl ask for more than gRPC. */
import {
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { type Status, trailersOf } from "../status.ts";
import { type Duct, HEAD, type Receiver } from "./duct.ts";
import { type Line, type SessionLimits, SWEEPS_PER_TIMEOUT, WINDOW_BYTES } from "./line.ts";

const SESSION_MIB_MAX = 256;
const WITH_TRAILERS = { waitForTrailers: true };

export class NodeDuct implements Duct {
  readonly #stream: ServerHttp2Stream;
  #status: Status | undefined;
  #isEnded = false;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
  }

  get isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.closed;
  }

  listen(receiver: Receiver): void {
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => receiver.take(chunk));
    stream.on("end", () => {
      this.#isEnded = true;
      receiver.half();
    });
    stream.on("close", () => receiver.closed());
    // Whatever code the client gives, none of what waits for it can be sent any more.
    stream.on("aborted", () => stream.destroy());
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  begin(encoding: string | undefined): void {
    const stream = this.#stream;
    stream.respond(encoding === undefined ? HEAD : { ...HEAD, "grpc-encoding": encoding }, WITH_TRAILERS);
    stream.once("wantTrailers", () => {
      if (this.isOpen && this.#status !== undefined) stream.sendTrailers(trailersOf(this.#status));
      this.#stop();
    });
  }

  write(piece: Buffer, taken: () => void): void {
    if (!this.#stream.destroyed) this.#stream.write(piece, taken);
  }

  end(status: Status, piece?: Buffer): void {
    this.#status = status;
    this.#stream.end(piece);
  }

  only(fields: Readonly<Record<string, string>>): void {
    if (!this.isOpen) return;
    this.#stream.respond(fields, { endStream: true });
    this.#stream.resume();
    this.#stop();
  }

  /** All is said: a client that would go on is stopped. */
  #stop(): void {
    const stream = this.#stream;
    if (this.#isEnded) return;
    setImmediate(() => {
      if (!this.#isEnded && !stream.closed) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }
}

/** Answers a stream. */
type Serve = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, line: Line) => void;

export class NodeSessions {
  readonly #server: Http2Server;
  readonly #lines = new Map<ServerHttp2Session, Line>();
  readonly #limits: SessionLimits;
  readonly #sweeping: NodeJS.Timeout;
  /** The connection that is being taken. */
  #taking: Line | undefined;
  #isDraining = false;

  constructor(serve: Serve, limits: SessionLimits) {
    this.#limits = limits;
    const { streamsMax, headerBytesMax, keepAliveTimeoutMs } = limits;
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
      if (line !== undefined) serve(stream, headers, line);
      else stream.destroy();
    });
    // Told of what clients do wrong: their connection ends, and nothing else.
    this.#server.on("sessionError", () => {});
    this.#server.on("error", () => {});
    this.#sweeping = setInterval(() => this.#sweep(), keepAliveTimeoutMs / SWEEPS_PER_TIMEOUT).unref();
  }

  /** Takes a connection over of which nothing is read, or what was read is put back. */
  take(socket: Socket, line: Line): void {
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
