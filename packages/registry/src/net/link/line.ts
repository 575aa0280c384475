/**
 * @live One connection between two nodes, the same at both ends: it begins with a hello of each side, gathers the frames
 * of a turn of the event loop into one write, and ends when the other side is silent for too long.
 */
import type { Socket } from "node:net";
import { sayWhy } from "../why.ts";
import { FrameReader, type FrameTaker, HEAD_BYTES, KIND, writeHead } from "./frames.ts";
import { ANYBODY, encodeHello, HELLO_BYTES_MAX, type Hello, readHello } from "./hello.ts";

export interface LineLimits {
  /** Bytes of one message. */
  readonly messageBytesMax: number;
  /** Bytes that may wait for the other side to take them. */
  readonly unsentBytesMax: number;
  /** Within this time a new connection must have come to the hello of the other side. */
  readonly helloMs: number;
  /** So long nothing is heard of a side before it counts as gone. Each side says something four times as often. */
  readonly silenceMs: number;
}

/** Bytes of frames that came and went over all connections of a link; what TLS adds is not counted. */
export interface Traffic {
  in: number;
  out: number;
}

export interface LineEvents {
  /** Both sides have said hello. Until then no other frame is taken. */
  joined(hello: Hello): void;
  readonly frame: FrameTaker;
  /** Twenty times in `silenceMs`, once joined. A process that was stopped misses ticks, as does its patience. */
  tick(): void;
  /** Once, whoever ended it. */
  closed(reason: string, wasJoined: boolean): void;
}

export const TICKS = 20;
const BEAT_TICKS = TICKS / 4;
const SLAB_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

export class Line {
  readonly #socket: Socket;
  readonly #own: string;
  readonly #limits: LineLimits;
  readonly #events: LineEvents;
  readonly #traffic: Traffic;
  readonly #reader = new FrameReader(HELLO_BYTES_MAX);
  readonly #patience: NodeJS.Timeout;
  #ticking: NodeJS.Timeout | undefined;
  #state: "greeting" | "joined" | "turned down" | "closed" = "greeting";
  /** Whom we said hello to; a visitor is not known before its own. */
  #to: string | undefined;
  #ticks = 0;
  #heardAt = 0;
  #slab = NOTHING;
  /** The part of the slab that waits for the end of the turn. */
  #from = 0;
  #upTo = 0;
  #isDue = false;

  constructor(socket: Socket, own: string, limits: LineLimits, traffic: Traffic, events: LineEvents) {
    this.#socket = socket;
    this.#traffic = traffic;
    this.#own = own;
    this.#limits = limits;
    this.#events = events;
    this.#patience = setTimeout(() => this.close(`no hello came in ${limits.helloMs} ms`), limits.helloMs);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", (error) => this.close(sayWhy(error)));
    socket.on("close", () => this.close("the other side closed the connection"));
  }

  get isJoined(): boolean {
    return this.#state === "joined";
  }

  /** Bytes that wait to be taken by the other side. */
  get unsentBytes(): number {
    return this.#socket.writableLength + this.#upTo - this.#from;
  }

  /** Says hello, before anything else. */
  greet(to: string): void {
    this.#to = to;
    this.send(KIND.hello, 0, 0, encodeHello(this.#own, to));
  }

  /** Copies the frame; it leaves with all others of this turn. */
  send(kind: number, channel: number, number: number, payload: Uint8Array): void {
    const size = HEAD_BYTES + payload.length;
    if (this.#upTo + size > this.#slab.length) {
      this.#flush();
      this.#slab = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, size));
      this.#from = 0;
      this.#upTo = 0;
    }
    writeHead(this.#slab, this.#upTo, payload.length, kind, channel, number);
    if (payload.length > 0) this.#slab.set(payload, this.#upTo + HEAD_BYTES);
    this.#upTo += size;
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#flush();
    });
  }

  close(reason: string): void {
    if (this.#state === "closed") return;
    const wasJoined = this.isJoined;
    this.#state = "closed";
    clearTimeout(this.#patience);
    clearInterval(this.#ticking);
    this.#socket.destroy();
    this.#events.closed(reason, wasJoined);
  }

  #flush(): void {
    if (this.#from === this.#upTo || this.#state === "closed") return;
    this.#socket.write(this.#slab.subarray(this.#from, this.#upTo));
    this.#traffic.out += this.#upTo - this.#from;
    this.#from = this.#upTo;
  }

  #read(chunk: Buffer): void {
    this.#heardAt = this.#ticks;
    this.#traffic.in += chunk.length;
    const isReadable = this.#reader.read(chunk, (kind, channel, number, payload) => {
      if (this.#state === "joined") this.#events.frame(kind, channel, number, payload);
      else if (this.#state === "greeting") this.#meet(kind, payload);
    });
    if (!isReadable)
      this.close(this.isJoined ? "a message came that is too large" : "what came was no hello of a link");
    // Who does not take its answers is not heard: it can send no more, and is soon silent.
    if (this.#socket.writableLength <= this.#limits.unsentBytesMax || this.#state === "closed") return;
    this.#socket.pause();
    this.#socket.once("drain", () => this.#socket.resume());
  }

  #meet(kind: number, payload: Buffer): void {
    if (kind === KIND.no) return this.close(`the other side said no: ${payload.toString()}`);
    if (kind !== KIND.hello) return this.close("what came was no hello of a link");
    const hello = readHello(payload, this.#own);
    if (!hello.ok) return this.#turnDown(hello.detail);
    const { from } = hello.value;
    if (this.#to === undefined) this.greet(from);
    else if (this.#to !== from && this.#to !== ANYBODY)
      return this.close(`"${this.#to}" was meant, and there is "${from}"`);
    this.#state = "joined";
    this.#reader.bytesMax = this.#limits.messageBytesMax;
    clearTimeout(this.#patience);
    this.#ticking = setInterval(() => this.#tick(), this.#limits.silenceMs / TICKS);
    this.#events.joined(hello.value);
  }

  /** Tells the other side why, and leaves it time to read that; the end comes with its own or by the lack of a hello. */
  #turnDown(reason: string): void {
    if (this.#to !== undefined) return this.close(reason);
    this.#state = "turned down";
    this.send(KIND.no, 0, 0, Buffer.from(reason));
    this.#flush();
    this.#socket.end();
  }

  #tick(): void {
    this.#ticks += 1;
    if (this.#ticks - this.#heardAt > TICKS) return this.close(`nothing was heard for ${this.#limits.silenceMs} ms`);
    if (this.#ticks % BEAT_TICKS === 0) this.send(KIND.beat, 0, 0, NOTHING);
    this.#events.tick();
  }
}
