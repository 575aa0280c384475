/** What dialects do with a raw request and its answer: read a body, send an answer, find the token. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { type Outcome, ok, refuse } from "../../outcome.ts";
import { lingerOnClose } from "./linger.ts";
import { Answer, Incoming } from "./message.ts";
import { PlainAnswer, PlainRequest } from "./plain/connection.ts";

export { decodeSegment, parseQuery, type Query } from "./query.ts";
export { openStream, type Stream, type StreamOptions } from "./stream.ts";

const EMPTY: Outcome<Buffer> = ok(Buffer.alloc(0));

/** Reads the whole body. Refused as `too-large`, or as `unavailable` when the client goes away before its end. */
export function readBody(request: IncomingMessage, bytesMax: number): Promise<Outcome<Buffer>> {
  return new Promise((resolve) => takeBody(request, bytesMax, resolve));
}

/**
 * The same without a promise, for paths that count microseconds. `done` is called exactly once, at once when there is
 * no body. After a refusal as `too-large` the rest is not read: the answer carries "Connection: close".
 */
export function takeBody(request: IncomingMessage, bytesMax: number, done: (body: Outcome<Buffer>) => void): void {
  if (isPlain(request)) {
    done(request.body.length > bytesMax ? refuseBody(request, bytesMax) : ok(request.body));
    return;
  }
  const announced = bodyBytesOf(request);
  if (announced === 0) {
    done(EMPTY);
    return;
  }
  if (announced > bytesMax) {
    done(refuseBody(request, bytesMax));
    return;
  }
  if (request instanceof Incoming && request.expectsContinue) {
    request.expectsContinue = false;
    request.answer?.writeContinue();
  }
  collect(request, bytesMax, done);
}

/** Handlers know one kind of request; the short way's has the part of it that is used here. */
function isPlain(request: unknown): request is PlainRequest {
  return request instanceof PlainRequest;
}

function collect(request: IncomingMessage, bytesMax: number, done: (body: Outcome<Buffer>) => void): void {
  let first: Buffer | undefined;
  let rest: Buffer[] | undefined;
  let size = 0;
  let settled = false;
  const settle = (body: Outcome<Buffer>): void => {
    if (settled) return;
    settled = true;
    done(body);
  };
  const take = (chunk: Buffer | null | undefined): void => {
    if (settled) return;
    if (chunk === undefined) settle(refuse("unavailable", "the client went away before the end of the body"));
    else if (chunk === null) settle(first === undefined ? EMPTY : ok(rest ? Buffer.concat(rest, size) : first));
    else if (size + chunk.length > bytesMax) settle(refuseBody(request, bytesMax));
    else {
      size += chunk.length;
      // Most bodies come in one chunk: nothing is copied then.
      if (first === undefined) first = chunk;
      else if (rest === undefined) rest = [first, chunk];
      else rest.push(chunk);
    }
  };
  if (request instanceof Incoming && request.takeBody(take)) return;
  request.on("data", take);
  request.on("end", () => take(null));
  request.on("close", () => take(undefined));
  request.on("error", () => take(undefined));
}

function refuseBody(request: IncomingMessage | PlainRequest, bytesMax: number): Outcome<Buffer> {
  const known = request instanceof Incoming || isPlain(request);
  if (known && request.answer !== undefined) request.answer.shouldKeepAlive = false;
  lingerOnClose(request.socket);
  return refuse("too-large", `the body is longer than ${bytesMax} bytes`);
}

/** Bytes of body that the headers announce: 0 for none, -1 when only its end will tell. */
export function bodyBytesOf(request: IncomingMessage): number {
  if (isPlain(request)) return (request as PlainRequest).body.length;
  if (request instanceof Incoming) return request.bodyBytes;
  if (request.headers["transfer-encoding"] !== undefined) return -1;
  return Number(request.headers["content-length"] ?? 0);
}

/** The token of a request, from "Authorization: Bearer …" or "X-Auth-Token: …"; undefined when it carries none. */
export function tokenOf(request: IncomingMessage): string | undefined {
  const incoming = request as Incoming;
  if (incoming.authToken !== undefined) return incoming.authToken;
  const value = incoming.authorization;
  if (value === undefined) return undefined;
  // RFC 9110 §11.1: the scheme is case-insensitive. Another scheme is no token of ours, yet not the same as none.
  return /^bearer +/i.test(value) ? value.slice(value.indexOf(" ")).trim() : value;
}

/** The value of a header, looked up without building the map of all of them. `lower` is its name in lower case. */
export function headerOf(request: IncomingMessage, lower: string): string | undefined {
  const raw = request.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === lower.length && (name === lower || name.toLowerCase() === lower)) return raw[i + 1];
  }
  return undefined;
}

/** Headers that many answers share, checked and written once. */
export class Head {
  readonly lines: string;
  constructor(headers: OutgoingHttpHeaders) {
    this.lines = linesOf(headers);
  }
}

// RFC 9110 §5.5 and §5.6.2: what would end a line early, or a name, must never get into it.
const BAD_VALUE = /[^\t\x20-\x7e\x80-\xff]/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Set by the listener itself. */
const FRAMING = new Set(["content-length", "transfer-encoding", "connection", "keep-alive", "date"]);

function linesOf(headers: OutgoingHttpHeaders): string {
  let lines = "";
  for (const name in headers) {
    const value = headers[name];
    if (value === undefined) continue;
    if (!TOKEN.test(name)) throw new Error(`bad header name ${JSON.stringify(name)}`);
    if (FRAMING.has(name.toLowerCase())) continue;
    for (const one of Array.isArray(value) ? value : [String(value)]) {
      if (BAD_VALUE.test(one)) throw new Error(`bad value of the header ${name}`);
      lines += `${name}: ${one}\r\n`;
    }
  }
  return lines;
}

/**
 * Sends a whole answer in one write. Always with Content-Length, so never chunked. A "Connection: close" among the
 * headers is obeyed; other headers that frame the answer are the listener's.
 */
export function send(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders | Head,
  body: Buffer | string | undefined,
): void {
  if (response.headersSent || response.destroyed) return;
  const prepared = headers instanceof Head;
  if (!prepared && /^close$/i.test(String(headers.Connection ?? headers.connection ?? "")))
    response.shouldKeepAlive = false;
  const lines = prepared ? headers.lines : linesOf(headers);
  // RFC 9110 §8.6: no Content-Length in 204; in 304 it would have to be that of the 200.
  const bare = status === 204 || status === 304;
  if (sendsWhole(response)) {
    response.sendWhole(status, lines, bare ? undefined : body, !bare);
    return;
  }
  for (const line of lines.split("\r\n", lines.length).filter((text) => text !== "")) {
    const at = line.indexOf(":");
    response.appendHeader(line.slice(0, at), line.slice(at + 2));
  }
  if (!bare) response.setHeader("Content-Length", body === undefined ? 0 : Buffer.byteLength(body));
  response.writeHead(status);
  response.end(bare ? undefined : body);
}

function sendsWhole(response: unknown): response is Answer | PlainAnswer {
  return response instanceof PlainAnswer || (response instanceof Answer && response.plain);
}

/** Titles that are not just the name in words. */
const TITLES: Readonly<Record<string, string>> = {
  invalid: "Invalid request",
  limit: "Limit reached",
  exists: "Already exists",
  internal: "Internal error",
};

/** RFC 9457. `name` ends the type: https://rollcall.dev/problems/<name>. */
export function problemOf(status: number, name: string, detail: string): string {
  const title = TITLES[name] ?? `${name.charAt(0).toUpperCase()}${name.slice(1).replaceAll("-", " ")}`;
  return JSON.stringify({ type: `https://rollcall.dev/problems/${name}`, title, status, detail });
}

export function sendProblem(
  response: ServerResponse,
  status: number,
  name: string,
  detail: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = problemOf(status, name, detail);
  send(response, status, { "Content-Type": "application/problem+json", ...headers }, body);
}
