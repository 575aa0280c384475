/**
 * @live A request that came through node:http: its own, with what the first look at the headers found, so that nothing has
 * to look again on the way.
 */
import { IncomingMessage, type ServerResponse } from "node:http";
import { type Outcome, ok, refuse } from "../../../outcome.ts";
import { lingerOnClose } from "../linger.ts";
import { findHeader, type Request, tokenIn } from "../request.ts";

/** Takes a request's body as it arrives; `chunk` is null at its end, undefined when the client went away before. */
type Taker = (chunk: Buffer | null | undefined) => void;

const EMPTY: Outcome<Buffer> = ok(Buffer.alloc(0));

export class Incoming extends IncomingMessage implements Request {
  declare method: string;
  path = "";
  search = "";
  /** The answer that belongs to this request. */
  answer: ServerResponse | undefined = undefined;
  bodyBytes = 0;
  /** Raw values of the two headers that carry a token. */
  authorization: string | undefined = undefined;
  authToken: string | undefined = undefined;
  /** The client waits for "100 Continue" before it sends the body. */
  expectsContinue = false;
  /** The method was HEAD: the body of the answer is not sent. */
  headOnly = false;
  /** The body is refused, and its rest will not be read: the answer is the connection's last. */
  bodyRefused = false;
  account = "";
  who = "";
  #taker: Taker | undefined = undefined;
  #state: "none" | "streaming" | "taken" | "ended" = "none";

  get token(): Outcome<string | undefined> {
    return tokenIn(this.authorization, this.authToken);
  }

  get remoteAddress(): string {
    return this.socket.remoteAddress ?? "";
  }

  header(lower: string): string | undefined {
    return findHeader(this.rawHeaders, lower);
  }

  takeBody(bytesMax: number, done: (body: Outcome<Buffer>) => void): void {
    if (this.bodyBytes === 0) return done(EMPTY);
    if (this.bodyBytes > bytesMax) return done(this.#refuseBody(bytesMax));
    if (this.expectsContinue) {
      this.expectsContinue = false;
      this.answer?.writeContinue();
    }
    this.#collect(bytesMax, done);
  }

  #collect(bytesMax: number, done: (body: Outcome<Buffer>) => void): void {
    let first: Buffer | undefined;
    let rest: Buffer[] | undefined;
    let size = 0;
    let settled = false;
    const settle = (body: Outcome<Buffer>): void => {
      settled = true;
      done(body);
    };
    const take = (chunk: Buffer | null | undefined): void => {
      if (settled) return;
      if (chunk === undefined) settle(refuse("unavailable", "the client went away before the end of the body"));
      else if (chunk === null) settle(first === undefined ? EMPTY : ok(rest ? Buffer.concat(rest, size) : first));
      else if (size + chunk.length > bytesMax) settle(this.#refuseBody(bytesMax));
      else {
        size += chunk.length;
        // Most bodies come in one chunk: nothing is copied then.
        if (first === undefined) first = chunk;
        else if (rest === undefined) rest = [first, chunk];
        else rest.push(chunk);
      }
    };
    if (this.#state === "none") {
      // Past the machinery of streams, which costs more than the rest of a heartbeat.
      this.#state = "taken";
      this.#taker = take;
      return;
    }
    this.on("data", take);
    this.on("end", () => take(null));
    this.on("close", () => take(undefined));
    this.on("error", () => take(undefined));
  }

  #refuseBody(bytesMax: number): Outcome<Buffer> {
    this.bodyRefused = true;
    lingerOnClose(this.socket);
    return refuse("too-large", `the body is longer than ${bytesMax} bytes`);
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

  /** node:http reads what a handler left unread; a body that was taken leaves nothing. */
  _dump(): void {
    if (this.#state === "taken" || this.#state === "ended") return;
    (IncomingMessage.prototype as unknown as { _dump(): void })._dump.call(this);
  }
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
        if (request.bodyBytes === -1 || (raw[i + 1] as string).toLowerCase() !== "chunked")
          return "the only Transfer-Encoding understood is chunked";
        if (request.httpVersionMinor === 0) return "HTTP/1.0 has no Transfer-Encoding";
        request.bodyBytes = -1;
        break;
    }
  }
  // RFC 9112 §3.2: exactly one Host, in HTTP/1.1.
  return host || request.httpVersionMinor === 0 ? undefined : "the Host header is missing";
}
