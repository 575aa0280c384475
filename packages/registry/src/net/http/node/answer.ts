/**
 * @live An answer that goes out through node:http: its own, but for the head, which is put together here, because node:http
 * checks and searches each header anew on each answer. See docs/decisions/0003.
 */
import { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Outgoing, pour } from "../../answers/outgoing.ts";
import { type Body, isToBeMade, openBody, type Parted } from "../../answers/parts.ts";
import { inTurn } from "../../answers/turns.ts";
import { placeOf } from "../../crowd.ts";
import { type Head, type Headers, linesOf } from "../head.ts";
import { isBare, type ListenerState, lastLines, statusLine } from "../lines.ts";
import { lingerOnClose } from "../linger.ts";
import { NO_ROOM, PROBLEM_TYPE, problemOf } from "../problem.ts";
import type { Observe, Piece, Pieces, PiecesOptions, Stream, Streaming, StreamOptions } from "../reply.ts";
import { EventStream } from "./events.ts";
import type { Incoming } from "./incoming.ts";

const LIVE: ListenerState = { draining: false, idleTimeoutMs: 5000, outgoing: new Outgoing(), brokenOff() {} };
const STALL_MS_MAX = 30_000;

/** Connections whose last answer went out before its request's body was there: no further answer may follow. */
export const answeredEarly = new WeakSet<Socket>();

/** Bodies up to this size are copied behind the head. */
const JOINED_BYTES_MAX = 4096;

const EVENTS: Headers = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // nginx would otherwise hold events back.
  "X-Accel-Buffering": "no",
};

export class Answer extends ServerResponse<Incoming> implements Streaming {
  // What node:http keeps of the head once it is made.
  declare _header: string | null;
  declare readonly _headerSent: boolean;
  declare _last: boolean;
  declare readonly _hasBody: boolean;
  state: ListenerState = LIVE;
  observe: Observe | undefined = undefined;
  startedMs = 0;
  /** Lines of the head beside those of the answer itself. */
  extra = "";
  /** A whole answer that goes out when the input at hand has been parsed. */
  held = false;
  /** The answer is given; its parts go out as the client takes them. */
  isPoured = false;

  /** For the log of requests: called when the answer, or a stream, is over. */
  noteAtEnd(note: Observe): void {
    this.once("close", () =>
      note(this.headersSent ? this.statusCode : 499, (performance.now() - this.startedMs) / 1000),
    );
  }

  get sent(): boolean {
    return this.held || this.headersSent;
  }

  get gone(): boolean {
    return this.destroyed;
  }

  send(status: number, headers: Head | Headers, given?: Body): void {
    if (this.sent || this.destroyed) return;
    const lines = linesOf(headers);
    const body = isBare(status) ? undefined : given;
    this.statusCode = status;
    const isLater = isToBeMade(body);
    // The rest of the request's body may lie in the piece of input that is being parsed; then the connection can stay.
    if (!isLater && !this.#lacksBody()) return this.#open(lines, body);
    this.held = true;
    (isLater ? inTurn : setImmediate)(() => {
      this.held = false;
      if (!this.destroyed) this.#tryOpen(lines, body);
    });
  }

  #tryOpen(lines: string, body: Body | undefined): void {
    try {
      this.#open(lines, body);
    } catch (error) {
      this.state.brokenOff(error);
      this.destroy();
    }
  }

  #open(lines: string, body: Body | undefined): void {
    const opened = openBody(body);
    if (opened.kind === "whole") this.#sendWhole(lines, opened.body);
    else if (this.state.outgoing.hasRoom(this.req.remoteAddress, opened)) this.#pour(lines, opened);
    else {
      opened.parts.return?.();
      this.statusCode = NO_ROOM.status;
      this.#sendWhole(linesOf(NO_ROOM.head), NO_ROOM.body);
    }
  }

  #pour(lines: string, body: Parted): void {
    const { socket, headOnly } = this.req;
    this.isPoured = true;
    this.#beginWith(lines, body.bytes);
    this.count(this.statusCode);
    if (headOnly) {
      this.end();
      return;
    }
    const isGone = (): boolean => this.destroyed;
    const outlet = {
      socket,
      get gone() {
        return isGone();
      },
      write: (part: Buffer, taken: () => void): void => void this.write(part, taken),
      end: (): void => void this.end(),
      fail: (error: unknown): void => {
        this.state.brokenOff(error);
        this.destroy();
      },
    };
    pour(body, outlet, this.state.outgoing);
  }

  #sendWhole(lines: string, body: Piece | undefined): void {
    if (isBare(this.statusCode)) {
      this.#putHead(lines);
      this.end();
      return;
    }
    const bytes = body === undefined ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.length;
    this.#putHead(`${lines}Content-Length: ${bytes}\r\n`);
    this.end(bytes === 0 ? undefined : body);
    this.state.outgoing.settle(this.req.socket);
  }

  problem(status: number, name: string, detail: string, headers?: Headers): void {
    this.send(status, { "Content-Type": PROBLEM_TYPE, ...headers }, problemOf(status, name, detail));
  }

  abort(): void {
    this.destroy();
  }

  onGone(listener: () => void): void {
    if (this.destroyed) return queueMicrotask(listener);
    this.once("close", () => {
      if (!this.sent) listener();
    });
  }

  events(options: StreamOptions = {}): Stream {
    const { socket, headOnly } = this.req;
    this.#begin(200, { ...EVENTS, ...options.headers }, undefined);
    this.flushHeaders();
    socket.setNoDelay(true);
    if (options.probeAfterMs !== undefined) socket.setKeepAlive(true, options.probeAfterMs);
    // A stream counts as answered when it opens: how long it lasts says nothing about latency.
    this.count(200);
    const stream = new EventStream(this, options, this.state.outgoing);
    if (headOnly) stream.end();
    return stream;
  }

  async pieces(status: number, headers: Headers, pieces: Pieces, options: PiecesOptions = {}): Promise<void> {
    let held: Piece | undefined;
    try {
      for await (const piece of pieces) {
        if (this.destroyed) return;
        if (held !== undefined) {
          if (!this.sent) this.#begin(status, headers, options.bytes);
          if (this.req.headOnly) break;
          const isTaken = this.write(held);
          this.state.outgoing.settle(this.req.socket);
          if (!isTaken) await this.#drained(options.stallMsMax ?? STALL_MS_MAX);
        }
        held = piece;
      }
    } catch (error) {
      if (this.sent) this.destroy();
      throw error;
    }
    if (this.destroyed) return;
    if (this.sent) this.end(held);
    else this.send(status, headers, held);
  }

  /** Resolves when the client has taken what was written, or is gone. */
  #drained(stallMsMax: number): Promise<void> {
    return new Promise((resolve) => {
      const stalled = setTimeout(() => this.destroy(), stallMsMax);
      const settle = (): void => {
        clearTimeout(stalled);
        this.off("drain", settle);
        this.off("close", settle);
        resolve();
      };
      this.on("drain", settle);
      this.on("close", settle);
    });
  }

  /** Makes the head of an answer whose body follows in parts. RFC 9112 §7.1; HTTP/1.0 ends it with the connection. */
  #begin(status: number, headers: Headers, bytes: number | undefined): void {
    this.statusCode = status;
    this.#beginWith(linesOf(headers), bytes);
  }

  #beginWith(lines: string, bytes: number | undefined): void {
    if (bytes !== undefined) return this.#putHead(`${lines}Content-Length: ${bytes}\r\n`);
    this.chunkedEncoding = this.req.httpVersionMinor > 0 && this._hasBody;
    if (!this.chunkedEncoding && this._hasBody) this.shouldKeepAlive = false;
    this.#putHead(this.chunkedEncoding ? `${lines}Transfer-Encoding: chunked\r\n` : lines);
  }

  #putHead(lines: string): void {
    this.#settleConnection();
    this._last = !this.shouldKeepAlive;
    this._header =
      statusLine(this.statusCode) + lines + this.extra + lastLines(this.startedMs, this.shouldKeepAlive, this.state);
  }

  #settleConnection(): void {
    // RFC 9112 §9.6: say "close" on the last answer of a connection. An answer given before the awaited body
    // (RFC 9110 §10.1.1) leaves it open whether the body still comes: the connection ends too.
    if (this.state.draining || this.req.expectsContinue || this.req.bodyRefused) this.shouldKeepAlive = false;
    if (!this.#lacksBody()) return;
    // What would come as the rest of the body is not worth waiting for, and must not be answered again.
    this.shouldKeepAlive = false;
    answeredEarly.add(this.req.socket);
    lingerOnClose(this.req.socket);
  }

  /** A body was announced, and not all of it is here. */
  #lacksBody(): boolean {
    return this.req.bodyBytes !== 0 && !this.req.complete;
  }

  /** Puts a small body behind the head, which is sent as it stands: one plain write instead of a gathered one. */
  #join(chunk: unknown, encoding: unknown): boolean {
    if (typeof this._header !== "string" || this._headerSent || this.chunkedEncoding || encoding !== undefined)
      return false;
    const body = typeof chunk === "string" && chunk.length <= JOINED_BYTES_MAX ? Buffer.from(chunk) : chunk;
    if (!(body instanceof Buffer) || body.length > JOINED_BYTES_MAX) return false;
    // One byte a character, as the head.
    if (this._hasBody) this._header += body.toString("latin1");
    return true;
  }

  override end(chunk?: unknown, encoding?: unknown, done?: unknown): this {
    if (done === undefined && this.#join(chunk, encoding)) super.end();
    else super.end(chunk as Buffer, encoding as BufferEncoding, done as () => void);
    this.count(this.statusCode);
    placeOf(this.req.socket)?.used();
    return this;
  }

  /** Counts this request as answered with this status, unless it is counted already. */
  count(status: number): void {
    const { observe } = this;
    this.observe = undefined;
    observe?.(status, (performance.now() - this.startedMs) / 1000);
  }
}
