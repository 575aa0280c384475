/**
 * A request and its answer as this house's listeners make them: node:http's own, with what the first look at the
 * headers found, so that nothing has to look again on the way.
 */
import { IncomingMessage, type OutgoingHttpHeader, type OutgoingHttpHeaders, ServerResponse } from "node:http";

/** Counts one answered request. `status` 499 stands for a client that went away before the answer. */
export type Observe = (status: number, seconds: number) => void;

/** Shared by all answers of one listener. */
export interface ListenerState {
  draining: boolean;
}

const LIVE: ListenerState = { draining: false };

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
}

export class Answer extends ServerResponse<Incoming> {
  state: ListenerState = LIVE;
  observe: Observe | undefined = undefined;
  startedMs = 0;

  override writeHead(
    status: number,
    reason?: string | OutgoingHttpHeaders | OutgoingHttpHeader[],
    headers?: OutgoingHttpHeaders | OutgoingHttpHeader[],
  ): this {
    // RFC 9112 §9.6: say "close" on the last answer of a connection. An answer given before the awaited body
    // (RFC 9110 §10.1.1) leaves it open whether the body still comes: the connection ends too.
    if (this.state.draining || this.req.expectsContinue) this.shouldKeepAlive = false;
    return super.writeHead(status, reason as string, headers);
  }

  override end(chunk?: unknown, encoding?: unknown, done?: unknown): this {
    const observe = this.observe;
    super.end(chunk as Buffer, encoding as BufferEncoding, done as () => void);
    if (observe !== undefined) {
      this.observe = undefined;
      observe(this.statusCode, (performance.now() - this.startedMs) / 1000);
    }
    return this;
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
