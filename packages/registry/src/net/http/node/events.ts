/** @live Server-sent events: one long answer, written in pieces, with backpressure. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Outgoing } from "../../answers/outgoing.ts";
import type { Every, Stream, StreamOptions } from "../reply.ts";

const COMMENT = Buffer.from(":\n\n");

const everyReal: Every = (intervalMs, tick) => {
  const timer = setInterval(tick, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
};

/** Bytes that go to many streams are framed once. */
const framed = new WeakMap<Buffer, Buffer>();

/** RFC 9112 §7.1: the size in hexadecimal, the bytes, each followed by CRLF. */
function frame(bytes: Buffer): Buffer {
  let chunk = framed.get(bytes);
  if (chunk === undefined) {
    chunk = Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`, "latin1"), bytes, Buffer.from("\r\n")]);
    framed.set(bytes, chunk);
  }
  return chunk;
}

/** Goes on from an answer whose head is sent. */
export class EventStream implements Stream {
  readonly #response: ServerResponse;
  readonly #outgoing: Outgoing;
  readonly #bufferedBytesMax: number;
  readonly #stopTimer: () => void;
  #open = true;
  #blocked = false;
  #blockedTicks = 0;
  #quiet = true;
  #resume: (() => void) | undefined = undefined;
  readonly #closed: (() => void)[] = [];

  constructor(response: ServerResponse, options: StreamOptions, outgoing: Outgoing) {
    this.#response = response;
    this.#outgoing = outgoing;
    this.#bufferedBytesMax = options.bufferedBytesMax ?? 256 * 1024;
    response.once("close", () => this.#close());
    const keepAliveMs = options.keepAliveMs ?? 15_000;
    const ticksMax = Math.max(1, Math.ceil((options.stallMsMax ?? 30_000) / keepAliveMs));
    this.#stopTimer = (options.every ?? everyReal)(keepAliveMs, () => this.#tick(ticksMax));
    if (response.destroyed) this.#close();
  }

  get open(): boolean {
    return this.#open;
  }

  write(events: Buffer): boolean {
    if (!this.#open || events.length === 0) return this.#open && !this.#blocked;
    this.#quiet = false;
    const { socket, chunkedEncoding } = this.#response;
    if (socket === null) {
      // A pipelined request whose turn has not come: node:http keeps the bytes.
      this.#response.write(events);
      return this.#afterWrite(this.#response.writableLength, this.#response);
    }
    // Past node:http, whose write frames each chunk anew for each stream: see docs/decisions/0003.
    socket.write(chunkedEncoding ? frame(events) : events);
    this.#outgoing.settle(socket);
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
