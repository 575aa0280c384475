/**
 * @live The short way for plain requests. A request that lies whole in one piece of input, says only what is unmistakable,
 * and asks for a route that streams nothing is read and answered here, at about half of node:http's cost. Everything
 * else (a part of a request, chunked bodies, Expect, Upgrade, odd headers, streams) is handed over to node:http, bytes
 * and all, and stays there: this side never has to refuse anything. See docs/decisions/0005-plain-requests.md.
 */
import type { Server, Socket } from "node:net";
import { pour } from "../../answers/outgoing.ts";
import type { Parted } from "../../answers/parts.ts";
import { type Place, placeOf } from "../../crowd.ts";
import type { ListenerState } from "../lines.ts";
import type { Piece } from "../reply.ts";
import { type Lines, meetsPreface, parsePlain } from "./parse.ts";
import { type Outlet, PlainReply } from "./reply.ts";
import { PlainRequest } from "./request.ts";

/** Heads longer than this are for node:http to refuse. */
const INPUT_BYTES_MAX = 16 * 1024;
/** While an answer is awaited, so much of what follows is kept; more stays in the kernel. */
const HELD_BYTES_MAX = 64 * 1024;
/** A client that does not take its answers gets no further ones. */
const UNREAD_BYTES_MAX = 256 * 1024;

/** Longer bodies are never copied. */
const JOINED_BYTES_MAX = 256 * 1024;

interface Joined {
  readonly head: string;
  whole: Buffer | undefined;
}

/** By body: the same Buffer is an answer that was encoded once and is sent again and again. */
const joined = new WeakMap<Buffer, Joined>();

/** Head and body as one piece, made when both come a second time: one piece costs the kernel less than two. */
function join(head: string, body: Buffer): Buffer | undefined {
  const known = joined.get(body);
  if (known === undefined || known.head !== head) {
    joined.set(body, { head, whole: undefined });
    return undefined;
  }
  known.whole ??= Buffer.concat([Buffer.from(head, "latin1"), body]);
  return known.whole;
}

/** What a connection needs of its listener. */
export interface PlainHost {
  readonly state: ListenerState;
  /** How many header lines a request may have. */
  readonly headersMax: number;
  /** From the connection to its first byte; it is answered as late after that. */
  readonly firstByteTimeoutMs: number;
  refuseLate(socket: Socket): void;
  /** Takes connections that begin with the preface of HTTP/2. */
  readonly http2?: ((socket: Socket) => void) | undefined;
  /** Starts the handler when the route is one for this side; false hands the request over. */
  dispatch(request: PlainRequest, makeReply: () => PlainReply): boolean;
}

/** Puts itself in front of node:http, whose own way a connection goes when it is handed over. */
export function startPlain(server: Server, host: PlainHost): void {
  const inner = server.listeners("connection") as ((this: unknown, socket: Socket) => void)[];
  server.removeAllListeners("connection");
  const handOver = (socket: Socket): void => {
    for (const listener of inner) listener.call(server, socket);
  };
  server.on("connection", (socket: Socket) => new PlainConnection(socket, host, handOver));
}

/** node:http marks the answer under way on its socket so; the connection guard looks at it. */
type MarkedSocket = Socket & { _httpMessage?: unknown };

class PlainConnection implements Outlet {
  readonly state: ListenerState;
  readonly #socket: MarkedSocket;
  readonly #host: PlainHost;
  readonly #place: Place | undefined;
  readonly #giveAway: (socket: Socket) => void;
  #current: PlainReply | null = null;
  #held: Buffer | null = null;
  /** Of the latest request. */
  #lines: Lines | undefined;
  #working = false;
  #bytesRead = 0;
  ended = false;
  readonly #onData = (chunk: Buffer): void => this.#take(chunk);
  readonly #onTimeout = (): void => this.#timedOut();
  readonly #onEnd = (): void => this.#end();
  readonly #onDrain = (): void => this.#resume();
  readonly #onError = (): void => this.destroy();
  readonly #onClose = (): void => this.#current?.leave();

  constructor(socket: Socket, host: PlainHost, handOver: (socket: Socket) => void) {
    this.#socket = socket;
    this.#host = host;
    this.#place = placeOf(socket);
    this.#giveAway = handOver;
    this.state = host.state;
    socket.setTimeout(host.firstByteTimeoutMs);
    socket.on("data", this.#onData);
    socket.on("timeout", this.#onTimeout);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#bytesRead += chunk.length;
    if (this.#held !== null) this.#held = Buffer.concat([this.#held, chunk]);
    else this.#held = chunk;
    if (this.#isWaiting()) {
      if (this.#held.length > HELD_BYTES_MAX) this.#socket.pause();
    } else this.#work();
  }

  #isWaiting(): boolean {
    return this.#current !== null || this.#working || this.#socket.writableLength > UNREAD_BYTES_MAX;
  }

  /** Answers what lies ready, one request after the other; RFC 9112 §9.3.2 wants the answers in order. */
  #work(): void {
    this.#working = true;
    while (this.#held !== null && this.#current === null && this.#socket.writableLength <= UNREAD_BYTES_MAX) {
      const input: Buffer = this.#held;
      if (this.#bytesRead === input.length && this.#host.http2 !== undefined) {
        const met = meetsPreface(input);
        if (met === "whole") this.#handOver(input, this.#host.http2);
        if (met !== "no") break;
      }
      this.#held = null;
      if (!this.#begin(input)) {
        this.#handOver(input, this.#giveAway);
        break;
      }
    }
    this.#working = false;
  }

  #begin(input: Buffer): boolean {
    const parsed = parsePlain(input.toString("latin1", 0, INPUT_BYTES_MAX), this.#lines);
    if (parsed === undefined || parsed.lines.headers > this.#host.headersMax) return false;
    this.#lines = parsed.lines;
    const end = parsed.headBytes + Math.max(0, parsed.lines.bodyBytes);
    if (end > input.length) return false;
    const request = new PlainRequest(this.#socket, parsed, input.subarray(parsed.headBytes, end));
    if (end < input.length) this.#held = input.subarray(end);
    const taken = this.#host.dispatch(request, () => {
      const reply = new PlainReply(this, request);
      this.#current = reply;
      this.#socket._httpMessage = reply;
      return reply;
    });
    if (!taken) this.#held = null;
    return taken;
  }

  /** Out with it, and on with the next request. */
  answered(head: string, body: Piece | undefined, bytes: number, keepAlive: boolean): void {
    const socket = this.#socket;
    this.#write(head, body, bytes);
    this.state.outgoing.settle(socket);
    this.#goOn(keepAlive);
  }

  pour(head: string, body: Parted, keepAlive: boolean): void {
    const socket = this.#socket;
    const chunked = body.bytes === undefined;
    socket.write(head, "latin1");
    const outlet = {
      socket,
      get gone() {
        return socket.destroyed;
      },
      write: (part: Buffer, taken: () => void): void => {
        if (!chunked) return void socket.write(part, taken);
        socket.cork();
        socket.write(`${part.length.toString(16)}\r\n`, "latin1");
        socket.write(part);
        socket.write("\r\n", "latin1", taken);
        socket.uncork();
      },
      end: (): void => {
        if (chunked) socket.write("0\r\n\r\n", "latin1");
        this.#goOn(keepAlive);
      },
      fail: (error: unknown): void => {
        this.state.brokenOff(error);
        socket.destroy();
      },
    };
    pour(body, outlet, this.state.outgoing);
  }

  #goOn(keepAlive: boolean): void {
    const socket = this.#socket;
    this.#current = null;
    socket._httpMessage = null;
    this.#place?.used(this.#bytesRead - (this.#held?.length ?? 0));
    if (!keepAlive || (this.ended && this.#held === null)) {
      this.#leave();
      socket.on("error", () => {});
      socket.end();
      return;
    }
    if (socket.timeout !== this.state.idleTimeoutMs) socket.setTimeout(this.state.idleTimeoutMs);
    this.#resume();
  }

  #write(head: string, body: Piece | undefined, bytes: number): void {
    const socket = this.#socket;
    if (body === undefined || bytes === 0) socket.write(head, "latin1");
    // ASCII text is the same in both encodings, so head and body go out as one piece.
    else if (typeof body === "string" && bytes === body.length) socket.write(head + body, "latin1");
    else if (typeof body === "string" || body.length > JOINED_BYTES_MAX) this.#writeBoth(head, body);
    else {
      const whole = join(head, body);
      if (whole === undefined) this.#writeBoth(head, body);
      else socket.write(whole);
    }
  }

  #writeBoth(head: string, body: Piece): void {
    const socket = this.#socket;
    socket.cork();
    socket.write(head, "latin1");
    socket.write(body);
    socket.uncork();
  }

  #resume(): void {
    if (this.#isWaiting()) return;
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#held !== null) this.#work();
  }

  #handOver(input: Buffer, giveAway: (socket: Socket) => void): void {
    this.#held = null;
    this.#leave();
    this.#socket.setTimeout(0);
    this.#socket.unshift(input);
    giveAway(this.#socket);
  }

  #leave(): void {
    const socket = this.#socket;
    socket.off("data", this.#onData);
    socket.off("timeout", this.#onTimeout);
    socket.off("drain", this.#onDrain);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onError);
    socket.off("close", this.#onClose);
  }

  /** The client says no more. What it asked is still answered, unless the answer may be long in coming. */
  #end(): void {
    this.ended = true;
    if (this.#current === null) this.#socket.end();
    else if (this.#current.waits) this.giveUp(this.#current);
  }

  giveUp(reply: PlainReply): void {
    if (reply !== this.#current) return;
    reply.leave();
    this.#socket.end();
  }

  /** Silence. A handler at work is no reason to cut; bytes that nobody takes are. */
  #timedOut(): void {
    const socket = this.#socket;
    if (this.#bytesRead === 0) {
      this.#leave();
      this.#host.refuseLate(socket);
      return;
    }
    if (this.#current !== null && socket.writableLength === 0) return;
    socket.destroy();
  }
}
