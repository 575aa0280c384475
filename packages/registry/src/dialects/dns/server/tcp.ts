/** @live Messages over TCP: each with its length before it (RFC 1035 §4.2.2), many at once on a connection (RFC 7766). */
import type { Socket } from "node:net";
import type { StreamLine, StreamTalk } from "../../../net/tcp.ts";
import { HEADER_BYTES } from "../wire/header.ts";
import type { Given } from "./answerer.ts";

export interface StreamOptions {
  /** How long a message may take from its first byte to its last. */
  readonly messageMs: number;
  answer(packet: Buffer): Given;
  readonly line: StreamLine;
  /** Gets what a handler threw: a bug. */
  failed(error: unknown): void;
}

/** Answers of one connection under way at most; more questions wait in the socket. */
const UNDER_WAY_MAX = 64;
/** With more bytes that the client has not taken yet, no more questions are read. */
const UNSENT_BYTES_MAX = 256 * 1024;

/** Answers the messages of a connection until the client ends it. */
export function serveStream(socket: Socket, options: StreamOptions): StreamTalk {
  const stream = new Stream(socket, options);
  socket.on("data", (chunk: Buffer) => stream.take(chunk));
  socket.on("drain", () => stream.goOn());
  socket.on("end", () => stream.end());
  socket.on("close", () => stream.close());
  return stream;
}

class Stream implements StreamTalk {
  readonly #socket: Socket;
  readonly #options: StreamOptions;
  /** Bytes that came in. Those from `#from` to `#to` are not read yet; no byte before `#to` is written again. */
  #held: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  #bytesRead = 0;
  #underWay = 0;
  /** An answer of many messages is being sent; questions wait for its end. */
  #isSending = false;
  #wake = (): void => {};
  #ended = false;
  #late: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: StreamOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  take(chunk: Buffer): void {
    this.#bytesRead += chunk.length;
    const left = this.#to - this.#from;
    if (left === 0) {
      this.#held = chunk;
      this.#from = 0;
      this.#to = chunk.length;
    } else {
      if (this.#to + chunk.length > this.#held.length) this.#grow(left, chunk.length);
      chunk.copy(this.#held, this.#to);
      this.#to += chunk.length;
    }
    this.pump();
  }

  /** To twice the bytes needed: bytes that come one by one are not copied each time. */
  #grow(left: number, more: number): void {
    const grown = Buffer.allocUnsafe(2 * (left + more));
    this.#held.copy(grown, 0, this.#from, this.#to);
    this.#held = grown;
    this.#from = 0;
    this.#to = left;
  }

  get isWorking(): boolean {
    return this.#underWay > 0 || this.#isSending;
  }

  /** Reads and answers while neither side is overloaded. */
  pump(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.cork();
    while (!this.#isFull()) {
      const packet = this.#next();
      if (packet === undefined) break;
      this.#answer(packet);
    }
    socket.uncork();
    if (socket.destroyed) return;
    if (this.#isFull()) socket.pause();
    else if (socket.isPaused()) socket.resume();
    this.#endIfDone();
  }

  /** The client sends no more; it still gets its answers. */
  end(): void {
    this.#ended = true;
    this.pump();
  }

  close(): void {
    clearTimeout(this.#late);
    this.#wake();
  }

  /** The client has taken all that was written. */
  goOn(): void {
    this.#wake();
    this.pump();
  }

  #isFull(): boolean {
    return (
      this.#isSending ||
      this.#underWay >= UNDER_WAY_MAX ||
      this.#socket.writableLength > UNSENT_BYTES_MAX ||
      this.#socket.destroyed
    );
  }

  /** The next whole message. */
  #next(): Buffer | undefined {
    const left = this.#to - this.#from;
    const length = left < 2 ? 0 : this.#held.readUInt16BE(this.#from);
    if (left >= 2 && length < HEADER_BYTES) {
      this.#socket.destroy();
      return undefined;
    }
    if (left < 2 || left < 2 + length) {
      if (left > 0) this.#late ??= setTimeout(() => this.#socket.destroy(), this.#options.messageMs);
      return undefined;
    }
    clearTimeout(this.#late);
    this.#late = undefined;
    this.#from += 2 + length;
    return this.#held.subarray(this.#from - length, this.#from);
  }

  #answer(packet: Buffer): void {
    const given = this.#options.answer(packet);
    if (given === undefined) return;
    if (Buffer.isBuffer(given)) {
      this.#write(given);
      this.#answered();
    } else if (given instanceof Promise) this.#await(given);
    else void this.#send(given.messages);
  }

  #answered(): void {
    this.#options.line.used(this.#bytesRead - (this.#to - this.#from));
  }

  #await(given: Promise<Buffer | undefined>): void {
    this.#underWay += 1;
    void given
      .then(
        (answer) => {
          if (answer !== undefined) this.#write(answer);
        },
        (error) => this.#options.failed(error),
      )
      .finally(() => {
        this.#underWay -= 1;
        this.#answered();
        this.pump();
      });
  }

  /** Sends the messages of a long answer, waiting while the client does not take them. */
  async #send(messages: AsyncIterable<Buffer>): Promise<void> {
    this.#isSending = true;
    const socket = this.#socket;
    try {
      for await (const message of messages) {
        if (socket.destroyed) break;
        this.#write(message);
        if (socket.writableLength > UNSENT_BYTES_MAX) await this.#taken();
      }
    } catch (error) {
      this.#options.failed(error);
      // Half an answer: the client has to ask again on a new connection.
      socket.destroy();
    }
    this.#isSending = false;
    this.#answered();
    this.pump();
  }

  /** Resolves when the client has taken everything, or is gone. */
  #taken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Length and message in one piece (RFC 7766 §8). */
  #write(answer: Buffer): void {
    if (this.#socket.destroyed || !this.#socket.writable) return;
    const framed = Buffer.allocUnsafe(2 + answer.length);
    framed.writeUInt16BE(answer.length, 0);
    answer.copy(framed, 2);
    this.#socket.write(framed);
    this.#options.line.wrote();
  }

  #endIfDone(): void {
    const isIdle = this.#underWay === 0 && !this.#isFull();
    if (this.#ended && isIdle) this.#socket.end();
  }
}
