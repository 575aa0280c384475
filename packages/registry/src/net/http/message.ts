/**
 * A request and its answer as this house's listeners make them: node:http's own, with what the first look at the
 * headers found, so that nothing has to look again on the way.
 */
import {
  IncomingMessage,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  ServerResponse,
  STATUS_CODES,
} from "node:http";
import type { Socket } from "node:net";
import { lingerOnClose } from "./linger.ts";

/** Counts one answered request. `status` 499 stands for a client that went away before the answer. */
export type Observe = (status: number, seconds: number) => void;

/** Shared by all answers of one listener. */
export interface ListenerState {
  draining: boolean;
  /** For the Keep-Alive header; node:http ends idle connections by the same number. */
  readonly idleTimeoutMs: number;
}

const LIVE: ListenerState = { draining: false, idleTimeoutMs: 5000 };

/** Takes a request's body as it arrives; `chunk` is null at its end, undefined when the client went away before. */
export type Taker = (chunk: Buffer | null | undefined) => void;

export class Incoming extends IncomingMessage {
  /** The answer that belongs to this request. */
  answer: Answer | undefined = undefined;
  /** Bytes of body that the headers announce; -1: chunked, known only at its end. */
  bodyBytes = 0;
  /** Raw values of the two headers that carry a token. */
  authorization: string | undefined = undefined;
  authToken: string | undefined = undefined;
  /** The client waits for "100 Continue" before it sends the body. */
  expectsContinue = false;
  /** The method was HEAD; handlers see GET, and the body of the answer is not sent. */
  headOnly = false;
  #taker: Taker | undefined = undefined;
  #state: "none" | "streaming" | "taken" | "ended" = "none";

  /**
   * Hands the body over past the machinery of streams, which costs more than the rest of a heartbeat. False when it
   * has begun to arrive as a stream already.
   */
  takeBody(taker: Taker): boolean {
    if (this.#state !== "none") return false;
    this.#state = "taken";
    this.#taker = taker;
    return true;
  }

  // The parser hands over each piece of the body, then null.
  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    if (this.#state === "taken") {
      const taker = this.#taker;
      if (chunk === null) this.#taker = undefined;
      taker?.(chunk);
      return true;
    }
    if (chunk === null && this.#state === "none" && this.bodyBytes === 0) {
      // No body, and nobody listens for its end: the stream need not even begin.
      this.#state = "ended";
      return true;
    }
    this.#state = "streaming";
    return super.push(chunk, encoding);
  }

  override on(event: string | symbol, listener: (...values: never[]) => void): this {
    if (event === "data" || event === "end" || event === "readable") {
      const ended = this.#state === "ended";
      if (ended || this.#state === "none") this.#state = "streaming";
      if (ended) super.push(null);
    }
    return super.on(event, listener as () => void);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const taker = this.#taker;
    this.#taker = undefined;
    super._destroy(error, callback);
    taker?.(undefined);
  }

  static {
    // node:http lets go of a request whose body has ended; past the streams nobody else sets their mark.
    Object.defineProperty(Incoming.prototype, "readableEnded", {
      get(this: Incoming): boolean {
        if (this.#state === "ended" || this.#state === "taken") return this.complete;
        return Reflect.get(IncomingMessage.prototype, "readableEnded", this);
      },
    });
  }

  /** node:http reads what a handler left unread; here nothing is left. */
  _dump(): void {
    if (this.#state === "taken" || this.#state === "ended") return;
    (IncomingMessage.prototype as unknown as { _dump(): void })._dump.call(this);
  }
}

/** What node:http keeps of an answer's head once it is made. */
interface MadeHead {
  _header: string | null;
  readonly _headerSent: boolean;
  _last: boolean;
  readonly _hasBody: boolean;
}

/** Connections whose last answer went out before its request's body was there: no further answer may follow. */
export const answeredEarly = new WeakSet<Socket>();

/** Bodies up to this size are copied behind the head. */
const JOINED_BYTES_MAX = 4096;

export class Answer extends ServerResponse<Incoming> {
  state: ListenerState = LIVE;
  observe: Observe | undefined = undefined;
  startedMs = 0;
  /** A whole answer that goes out when the input at hand has been parsed. */
  held = false;
  #plain = true;

  /**
   * Sends a whole answer. `lines` are complete header lines without framing, date and connection. The head is put
   * together here, because node:http checks and searches each header anew on each answer.
   */
  sendWhole(status: number, lines: string, body: Buffer | string | undefined, lengthKnown = true): void {
    this.statusCode = status;
    const made = this as unknown as MadeHead;
    if (!this.#lacksBody()) return this.#sendMade(lines, body, lengthKnown);
    // The rest of the body may lie in the piece of input that is being parsed; then the connection can stay.
    this.held = true;
    made._header = "";
    setImmediate(() => {
      this.held = false;
      if (!this.destroyed) this.#sendMade(lines, body, lengthKnown);
    });
  }

  #sendMade(lines: string, body: Buffer | string | undefined, lengthKnown: boolean): void {
    const bytes = typeof body === "string" ? Buffer.byteLength(body) : (body?.length ?? 0);
    this.#settleConnection();
    const made = this as unknown as MadeHead;
    made._last = !this.shouldKeepAlive;
    made._header =
      `${statusLine(this.statusCode)}${lines}${lengthKnown ? `Content-Length: ${bytes}\r\n` : ""}` +
      `${dateLine(this.startedMs)}${connectionLines(this.shouldKeepAlive, this.state)}`;
    this.end(bytes === 0 ? undefined : body);
  }

  /** False once a header was set by itself: then node:http has to put the head together. */
  get plain(): boolean {
    return this.#plain;
  }

  override setHeader(name: string, value: number | string | readonly string[]): this {
    this.#plain = false;
    return super.setHeader(name, value);
  }

  override writeHead(
    status: number,
    reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
    headers?: OutgoingHttpHeaders | OutgoingHttpHeader[],
  ): this {
    this.#settleConnection();
    return super.writeHead(status, reason as string, headers);
  }

  #settleConnection(): void {
    // RFC 9112 §9.6: say "close" on the last answer of a connection. An answer given before the awaited body
    // (RFC 9110 §10.1.1) leaves it open whether the body still comes: the connection ends too.
    if (this.state.draining || this.req.expectsContinue) this.shouldKeepAlive = false;
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
    const made = this as unknown as MadeHead;
    if (typeof made._header !== "string" || made._headerSent || this.chunkedEncoding || encoding !== undefined)
      return false;
    const body = typeof chunk === "string" && chunk.length <= JOINED_BYTES_MAX ? Buffer.from(chunk) : chunk;
    if (!(body instanceof Buffer) || body.length > JOINED_BYTES_MAX) return false;
    // One byte a character, as the head.
    if (made._hasBody) made._header += body.toString("latin1");
    return true;
  }

  override end(chunk?: unknown, encoding?: unknown, done?: unknown): this {
    const observe = this.observe;
    if (done === undefined && this.#join(chunk, encoding)) super.end();
    else super.end(chunk as Buffer, encoding as BufferEncoding, done as () => void);
    if (observe !== undefined) {
      this.observe = undefined;
      observe(this.statusCode, (performance.now() - this.startedMs) / 1000);
    }
    return this;
  }
}

const STATUS_LINES: string[] = [];

export function statusLine(status: number): string {
  STATUS_LINES[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  return STATUS_LINES[status];
}

let date = "";
let dateUntilMs = 0;

/** RFC 9110 §6.6.1. Made anew at most ten times a second. `nowMs` is of the monotonic clock. */
export function dateLine(nowMs: number): string {
  if (nowMs >= dateUntilMs || date === "") {
    date = `Date: ${new Date().toUTCString()}\r\n`;
    dateUntilMs = performance.now() + 100;
  }
  return date;
}

/** The last header lines and the blank one. RFC 9112 §9.6 for "close"; Keep-Alive says when an idle connection ends. */
export function connectionLines(keepAlive: boolean, state: ListenerState): string {
  if (!keepAlive) return "Connection: close\r\n\r\n";
  return `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(state.idleTimeoutMs / 1000)}\r\n\r\n`;
}

function names(header: string, capital: string, lower: string): boolean {
  return header === capital || header === lower || header.toLowerCase() === lower;
}

/**
 * The first look at the headers, once per request. Answers what is wrong with them in words, undefined when all is
 * well. Framing and credentials must be unambiguous: a second copy could be read differently by a proxy in front.
 */
export function examine(request: Incoming): string | undefined {
  const raw = request.rawHeaders;
  let host = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    // The length tells most headers apart without comparing.
    switch (name.length) {
      case 4:
        if (!names(name, "Host", "host")) break;
        if (host) return "more than one Host header";
        host = true;
        break;
      case 12:
        if (!names(name, "X-Auth-Token", "x-auth-token")) break;
        if (request.authToken !== undefined) return "more than one X-Auth-Token header";
        request.authToken = raw[i + 1];
        break;
      case 13:
        if (!names(name, "Authorization", "authorization")) break;
        if (request.authorization !== undefined) return "more than one Authorization header";
        request.authorization = raw[i + 1];
        break;
      case 14:
        // The parser has refused a second one and anything but digits.
        if (names(name, "Content-Length", "content-length")) request.bodyBytes = Number(raw[i + 1]);
        break;
      case 17:
        if (!names(name, "Transfer-Encoding", "transfer-encoding")) break;
        if (request.bodyBytes === -1 || (raw[i + 1] as string).trim().toLowerCase() !== "chunked")
          return "the only Transfer-Encoding understood is chunked";
        if (request.httpVersionMinor === 0) return "HTTP/1.0 has no Transfer-Encoding";
        request.bodyBytes = -1;
        break;
    }
  }
  // RFC 9112 §3.2: exactly one Host, in HTTP/1.1.
  return host || request.httpVersionMinor === 0 ? undefined : "the Host header is missing";
}
