/** @live Server-sent events: one long answer, written in pieces, with backpressure. */
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Outgoing } from "../../answers/outgoing.ts";
import { PART_BYTES } from "../../answers/parts.ts";
import { inTurn } from "../../answers/turns.ts";
import type { Every, Stream, StreamOptions } from "../reply.ts";

/** Longer events go out in parts. */
const WHOLE_BYTES_MAX = 1024 * 1024;
/** In one turn. */
const PARTS_AT_ONCE = 16;

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

/** By these words the peer's machine has ended a connection; by others it is not to be reached. */
const RESETS: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE"]);

/** How many streams have yet to send a long event: what they share counts for each by its part. */
const holders = new WeakMap<Buffer, number>();

/** Goes on from an answer whose head is sent. */
export class EventStream implements Stream {
  readonly #response: ServerResponse;
  readonly #outgoing: Outgoing;
  readonly #bufferedBytesMax: number;
  readonly #stopTimer: () => void;
  readonly #comments: boolean;
  #open = true;
  #blocked = false;
  #blockedTicks = 0;
  #quiet = true;
  /** What is long, and what came after it; the first of it has been written up to `#from`. */
  #rest: Buffer[] = [];
  #from = 0;
  #isPouring = false;
  #resume: (() => void) | undefined = undefined;
  readonly #closed: ((byPeer: boolean) => void)[] = [];
  readonly #socket: Socket;

  constructor(response: ServerResponse, options: StreamOptions, outgoing: Outgoing) {
    this.#response = response;
    this.#socket = response.req.socket;
    this.#outgoing = outgoing;
    this.#bufferedBytesMax = options.bufferedBytesMax ?? 256 * 1024;
    this.#comments = options.comments ?? true;
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
    if (this.#isPouring || events.length > WHOLE_BYTES_MAX) {
      this.#hold(events);
      // Without a word, as its head is long sent: it comes again with its position.
      if (!this.#outgoing.hasRoom(socket.remoteAddress ?? "", { heldBytes: this.#heldBytes() })) {
        this.#response.destroy();
        return false;
      }
      if (!this.#isPouring) {
        this.#isPouring = true;
        this.#blocked = true;
        this.#pour();
      }
      return false;
    }
    // Past node:http, whose write frames each chunk anew for each stream: see docs/decisions/0003.
    socket.write(chunkedEncoding ? frame(events) : events);
    this.#outgoing.settle(socket);
    return this.#afterWrite(socket.writableLength, socket);
  }

  #hold(events: Buffer): void {
    this.#rest.push(events);
    holders.set(events, (holders.get(events) ?? 0) + 1);
  }

  #letGo(events: Buffer): void {
    holders.set(events, (holders.get(events) ?? 1) - 1);
  }

  /** Of what is long, this stream's part. */
  #heldBytes(): number {
    let bytes = -this.#from;
    for (const events of this.#rest) bytes += events.length / (holders.get(events) ?? 1);
    return Math.max(0, Math.ceil(bytes));
  }

  /** Writes on what is long, as the client takes it. */
  #pour(): void {
    const { socket } = this.#response;
    if (!this.#open || socket === null) return;
    this.#blockedTicks = 0;
    for (let parts = 0; parts < PARTS_AT_ONCE && this.#rest.length > 0; parts++) {
      if (socket.writableLength > this.#bufferedBytesMax) break;
      this.#writePart(socket);
    }
    this.#outgoing.note(socket, 0);
    this.#outgoing.note(socket, socket.writableLength + this.#heldBytes());
    const next = this.#rest.length > 0 ? () => this.#pour() : () => this.#caughtUp();
    if (socket.writableNeedDrain) socket.once("drain", next);
    else inTurn(next);
  }

  #writePart(socket: Socket): void {
    const [first] = this.#rest as [Buffer];
    const part = first.subarray(this.#from, this.#from + PART_BYTES);
    this.#from += part.length;
    if (this.#from === first.length) {
      this.#rest.shift();
      this.#letGo(first);
      this.#from = 0;
    }
    if (!this.#response.chunkedEncoding) return void socket.write(part);
    socket.cork();
    socket.write(`${part.length.toString(16)}\r\n`, "latin1");
    socket.write(part);
    socket.write("\r\n", "latin1");
    socket.uncork();
  }

  #caughtUp(): void {
    if (this.#rest.length > 0) return this.#pour();
    this.#blocked = false;
    this.#isPouring = false;
    if (this.#open) this.#resume?.();
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
    if (this.#quiet && this.#comments) this.write(COMMENT);
    this.#quiet = true;
  }

  onDrain(resume: () => void): void {
    this.#resume = resume;
  }

  onClose(closed: (byPeer: boolean) => void): void {
    if (this.#open) this.#closed.push(closed);
    else closed(this.#isEndedByPeer);
  }

  /** Whoever cuts a connection here has read no end of it before. */
  get #isEndedByPeer(): boolean {
    const { errored, readableEnded } = this.#socket;
    return errored === null ? readableEnded : RESETS.has((errored as NodeJS.ErrnoException).code ?? "");
  }

  end(events?: Buffer): void {
    if (!this.#open) return;
    if (events !== undefined) this.write(events);
    const { socket } = this.#response;
    while (socket !== null && this.#rest.length > 0) this.#writePart(socket);
    this.#response.end();
    this.#close();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    for (const events of this.#rest.splice(0)) this.#letGo(events);
    this.#stopTimer();
    const byPeer = this.#isEndedByPeer;
    for (const closed of this.#closed.splice(0)) closed(byPeer);
  }
}
