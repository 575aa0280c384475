/** Server-sent events: one long answer, written in pieces, with backpressure. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Answer, Incoming } from "./message.ts";

/** A repeating timer; the cancel function is returned. */
export type Every = (intervalMs: number, tick: () => void) => () => void;

export interface StreamOptions {
  readonly headers?: OutgoingHttpHeaders;
  /** `write` answers false from here on. */
  readonly bufferedBytesMax?: number;
  /** A comment is sent this often, so that proxies and clients know that the stream lives. */
  readonly keepAliveMs?: number;
  /** A client that reads nothing for so long while bytes wait for it is cut off. */
  readonly stallMsMax?: number;
  readonly every?: Every;
}

export interface Stream {
  /**
   * Writes one or more whole events. The bytes are always taken; false means: no more until `onDrain` calls. The same
   * Buffer may be written to any number of streams and must not be changed afterwards.
   */
  write(events: Buffer): boolean;
  /** Called when the client has caught up after `write` answered false. */
  onDrain(resume: () => void): void;
  /** Called once when the stream is over, from whichever side. */
  onClose(closed: () => void): void;
  readonly open: boolean;
  /** The last words, if any, and the end. */
  end(events?: Buffer): void;
}

const HEADERS: OutgoingHttpHeaders = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store",
  // nginx would otherwise hold events back.
  "X-Accel-Buffering": "no",
};
const COMMENT = Buffer.from(":\n\n");

const everyReal: Every = (intervalMs, tick) => {
  const timer = setInterval(tick, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};

/** Begins a stream of server-sent events on an answer that nothing was written to. */
export function openStream(request: IncomingMessage, response: ServerResponse, options: StreamOptions = {}): Stream {
  return new EventStream(request, response, options);
}

// An event that goes to many streams is framed once: they are written one after the other.
let framedFrom: Buffer | undefined;
let framed: Buffer = COMMENT;

/** RFC 9112 §7.1: the size in hexadecimal, the bytes, each followed by CRLF. */
function frame(bytes: Buffer): Buffer {
  if (bytes !== framedFrom) {
    framed = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`, "latin1"), bytes, Buffer.from("\r\n")]);
    framedFrom = bytes;
  }
  return framed;
}

class EventStream implements Stream {
  readonly #response: ServerResponse;
  readonly #chunked: boolean;
  readonly #bufferedBytesMax: number;
  readonly #stopTimer: () => void;
  #open = true;
  #blocked = false;
  #blockedTicks = 0;
  #quiet = true;
  #resume: (() => void) | undefined = undefined;
  readonly #closed: (() => void)[] = [];

  constructor(request: IncomingMessage, response: ServerResponse, options: StreamOptions) {
    this.#response = response;
    this.#bufferedBytesMax = options.bufferedBytesMax ?? 256 * 1024;
    // HTTP/1.0 knows no chunks: its streams end with the connection.
    this.#chunked = request.httpVersionMinor > 0;
    response.writeHead(200, { ...HEADERS, ...options.headers });
    response.flushHeaders();
    request.socket.setNoDelay(true);
    countOpened(response);
    response.once("close", () => this.#close());
    const keepAliveMs = options.keepAliveMs ?? 15_000;
    const ticksMax = Math.max(1, Math.ceil((options.stallMsMax ?? 30_000) / keepAliveMs));
    this.#stopTimer = (options.every ?? everyReal)(keepAliveMs, () => this.#tick(ticksMax));
    if (request instanceof Incoming && request.headOnly) this.end();
  }

  get open(): boolean {
    return this.#open;
  }

  write(events: Buffer): boolean {
    if (!this.#open || events.length === 0) return this.#open && !this.#blocked;
    this.#quiet = false;
    const socket = this.#response.socket;
    if (socket === null) {
      // A pipelined request whose turn has not come: node:http keeps the bytes.
      this.#response.write(events);
      return this.#afterWrite(this.#response.writableLength, this.#response);
    }
    // Past node:http, whose write frames each chunk anew for each stream: see docs/decisions/0003.
    socket.write(this.#chunked ? frame(events) : events);
    return this.#afterWrite(socket.writableLength, socket);
  }

  #afterWrite(buffered: number, drains: Socket | ServerResponse): boolean {
    if (this.#blocked) return false;
    if (buffered <= this.#bufferedBytesMax) return true;
    this.#blocked = true;
    this.#blockedTicks = 0;
    drains.once("drain", () => {
      this.#blocked = false;
      if (this.#open) this.#resume?.();
    });
    return false;
  }

  #tick(ticksMax: number): void {
    if (!this.#open) return;
    if (this.#blocked) {
      if (++this.#blockedTicks >= ticksMax) this.#response.destroy();
      return;
    }
    if (this.#quiet) this.write(COMMENT);
    this.#quiet = true;
  }

  onDrain(resume: () => void): void {
    this.#resume = resume;
  }

  onClose(closed: () => void): void {
    if (this.#open) this.#closed.push(closed);
    else closed();
  }

  end(events?: Buffer): void {
    if (!this.#open) return;
    if (events !== undefined) this.write(events);
    this.#response.end();
    this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#stopTimer();
    for (const closed of this.#closed.splice(0)) closed();
  }
}

/** A stream counts as answered when it opens: how long it lasts says nothing about latency. */
function countOpened(response: ServerResponse): void {
  if (!(response instanceof Answer) || response.observe === undefined) return;
  response.observe(200, (performance.now() - response.startedMs) / 1000);
  response.observe = undefined;
}
