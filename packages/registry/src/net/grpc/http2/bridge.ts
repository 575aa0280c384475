/**
 * @live Requests that come by HTTP/2 and are no gRPC, as with TLS a browser or curl sends them: each goes to the HTTP/1.1
 * side of the same port over a pipe within the process, so that limits, routes and answers are the same.
 */
import { request as ask, type IncomingMessage } from "node:http";
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Server } from "node:net";
import { Duplex } from "node:stream";

/** One side of a pipe; what is written comes out at the other. */
class Side extends Duplex {
  other: Side | undefined;
  readonly remoteAddress: string;
  #resume: (() => void) | undefined;
  #isOver = false;

  constructor(remoteAddress: string) {
    super({ allowHalfOpen: true });
    this.remoteAddress = remoteAddress;
  }

  override _read(): void {
    const resume = this.#resume;
    this.#resume = undefined;
    resume?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const { other } = this;
    if (other === undefined || other.destroyed || other.push(chunk)) done();
    else other.#resume = done;
  }

  override _final(done: () => void): void {
    this.other?.hangUp();
    done();
  }

  /** The other side reads what was written before. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.other?.hangUp();
    done(error);
  }

  /** Nothing more comes from the other side. */
  hangUp(): void {
    if (!this.#isOver) this.push(null);
    this.#isOver = true;
  }

  /** As sockets have them; the listener sees to times by its own. */
  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

function pipe(remoteAddress: string): readonly [Side, Side] {
  const [one, other] = [new Side(remoteAddress), new Side(remoteAddress)];
  one.other = other;
  other.other = one;
  return [one, other];
}

/** Of a connection, and so of no meaning in HTTP/2: RFC 9113 §8.2.2. */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
  "te",
]);

function without(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith(":") && !OF_CONNECTION.has(name));
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

/** The connection that it came by. */
interface Seat {
  readonly peer: string;
  began(): void;
  ended(): void;
}

/** Has the server answer what came on the stream. */
export function bridge(server: Server, stream: ServerHttp2Stream, headers: IncomingHttpHeaders, line: Seat): void {
  const [ours, theirs] = pipe(line.peer);
  line.began();
  stream.on("close", () => {
    line.ended();
    ours.destroy();
  });
  stream.on("error", () => ours.destroy());
  // TLS lies behind it.
  server.emit("secureConnection", theirs);
  const asked = ask({
    createConnection: () => ours as never,
    method: headers[":method"],
    path: headers[":path"],
    headers: { host: headers[":authority"] ?? "", ...without(headers), connection: "close" },
  });
  const failed = (): void => void (stream.destroyed || stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  asked.on("error", failed);
  asked.on("response", (answer: IncomingMessage) => {
    if (stream.destroyed || stream.closed) return;
    stream.respond({ ":status": answer.statusCode, ...without(answer.headers) });
    answer.on("error", failed);
    answer.pipe(stream);
    // Whoever was answered early need not send the rest.
    answer.on("end", () => {
      stream.unpipe(asked);
      stream.resume();
      setImmediate(() => void (stream.closed || stream.close(constants.NGHTTP2_NO_ERROR)));
    });
  });
  stream.pipe(asked);
}
