/**
 * @live What goes out on a connection. All that is written in one turn goes in one piece. Events of a change that many watch
 * go out in slices between other work; on each connection they are before any answer that is given after the change.
 */
import type { Socket } from "node:net";
import { openLine } from "../../../net/answers/turns.ts";
import type { StreamLine } from "../../../net/tcp.ts";
import { Writer } from "../wire/jute.ts";

/** So much may wait for a client that takes nothing; then it is cut off, and finds out what it missed when it is back. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** Connections in one slice. */
const SLICE = 64;
/** A piece as long as this goes out before the turn is over. */
const PIECE_BYTES = 32 * 1024;
const FIRST_BYTES = 512;

const inTurn = openLine();
let waiting: Outbox[] = [];
let isPlanned = false;
/** Those with a piece that goes out at the end of the turn. */
let full: Outbox[] = [];

function flushSome(): void {
  isPlanned = false;
  const some = waiting.length <= SLICE ? waiting : waiting.splice(0, SLICE);
  if (some === waiting) waiting = [];
  for (const outbox of some) outbox.flush();
  if (waiting.length > 0) plan();
}

function plan(): void {
  if (isPlanned) return;
  isPlanned = true;
  inTurn(flushSome);
}

function sendAll(): void {
  const all = full;
  full = [];
  for (const outbox of all) outbox.send();
}

export class Outbox {
  readonly #socket: Socket;
  readonly #line: StreamLine;
  #events: Buffer[] = [];
  #eventBytes = 0;
  #piece: Writer | undefined;
  /** Of the latest piece: the next one is like it. */
  #pieceBytes = FIRST_BYTES;

  constructor(socket: Socket, line: StreamLine) {
    this.#socket = socket;
    this.#line = line;
  }

  /** Bytes that the client has not taken yet. */
  get unsent(): number {
    return this.#socket.writableLength + (this.#piece?.size ?? 0);
  }

  /** Where an answer is to be written, in a frame of its own; events that are older come before it. */
  begin(): Writer {
    if (this.#events.length > 0) this.#take();
    return this.#open().begin();
  }

  /** The answer is whole. */
  end(): void {
    const { size } = this.#open().end();
    if (size >= PIECE_BYTES) this.send();
  }

  event(frame: Buffer): void {
    if (this.#socket.destroyed) return;
    if (this.#events.length === 0) {
      waiting.push(this);
      plan();
    }
    this.#events.push(frame);
    this.#eventBytes += frame.length;
    if (this.#eventBytes + this.#socket.writableLength > UNSENT_BYTES_MAX) this.#socket.destroy();
  }

  /** Sends the events, behind what was written before them. */
  flush(): void {
    if (this.#events.length === 0) return;
    const [only] = this.#events;
    if (this.#piece === undefined && this.#events.length === 1 && only !== undefined) {
      this.#forget();
      this.#write(only);
      return;
    }
    this.#take();
    this.send();
  }

  #take(): void {
    const piece = this.#open();
    for (const frame of this.#events) piece.raw(frame);
    this.#forget();
  }

  #forget(): void {
    this.#events = [];
    this.#eventBytes = 0;
  }

  #open(): Writer {
    if (this.#piece !== undefined) return this.#piece;
    this.#piece = new Writer(this.#pieceBytes);
    full.push(this);
    if (full.length === 1) process.nextTick(sendAll);
    return this.#piece;
  }

  send(): void {
    const piece = this.#piece;
    if (piece === undefined) return;
    this.#piece = undefined;
    this.#pieceBytes = Math.min(PIECE_BYTES, Math.max(FIRST_BYTES, piece.size));
    this.#write(piece.all());
  }

  #write(bytes: Buffer): void {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writable) return;
    socket.write(bytes);
    this.#line.wrote();
  }
}
