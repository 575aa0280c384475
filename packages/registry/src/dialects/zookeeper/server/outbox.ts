/**
 * @live What goes out on a connection. All that is written in one turn goes in one piece. Events of a change that many watch
 * go out in slices between other work; on each connection they are before any answer that is given after the change.
 */
import type { Socket } from "node:net";
import { openLine } from "../../../net/answers/turns.ts";
import type { StreamLine } from "../../../net/tcp.ts";

/** So much may wait for a client that takes nothing; then it is cut off, and finds out what it missed when it is back. */
const UNSENT_BYTES_MAX = 4 * 1024 * 1024;
/** Connections in one slice. */
const SLICE = 64;

const inTurn = openLine();
let waiting: Outbox[] = [];
let isPlanned = false;

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

export class Outbox {
  readonly #socket: Socket;
  readonly #line: StreamLine;
  #events: Buffer[] = [];
  #eventBytes = 0;
  #isCorked = false;
  sent = 0;

  constructor(socket: Socket, line: StreamLine) {
    this.#socket = socket;
    this.#line = line;
  }

  answer(frame: Buffer): void {
    this.flush();
    this.#write(frame);
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

  flush(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#eventBytes = 0;
    for (const frame of events) this.#write(frame);
  }

  #write(frame: Buffer): void {
    const socket = this.#socket;
    if (socket.destroyed || !socket.writable) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      process.nextTick(() => {
        this.#isCorked = false;
        socket.uncork();
        this.#line.wrote();
      });
    }
    this.sent++;
    socket.write(frame);
  }
}
