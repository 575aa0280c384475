/**
 * @live A connection of HTTP/2 that carries gRPC and nothing else: RFC 9113. Why not node:http2: docs/decisions/0022-grpc.md.
 * What comes in one chunk is worked off at once, what is sent in one turn goes out in one piece.
 */
import type { Socket } from "node:net";
import { Block } from "./block.ts";
import type { StreamServer } from "./duct.ts";
import { HeaderReader, type Headers, HpackError, NO_TABLE } from "./hpack.ts";
import { Incoming } from "./incoming.ts";
import { type Line, type SessionLimits, WINDOW_BYTES } from "./line.ts";
import { Outgoing } from "./outgoing.ts";
import { type Carrier, Stream } from "./stream.ts";
import { Streams } from "./streams.ts";
import {
  Broken,
  ERRORS,
  type ErrorCode,
  expect,
  FLAGS,
  FRAME_BYTES_MAX,
  frameOf,
  goawayFrame,
  numberFrame,
  SETTINGS,
  settingsFrame,
  TYPES,
  unpad,
} from "./wire.ts";

/** What everybody has before anything is said. */
const WINDOW_BYTES_USUAL = 65_535;
const WINDOW_MAX = 2 ** 31 - 1;
const FRAME_BYTES_MOST = 2 ** 24 - 1;
/** Answers to questions of the connection itself that may wait for a client. */
const REPLIES_MAX = 1000;

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly line: Line;
  readonly limits: SessionLimits;
  readonly streams: StreamServer;
  /** It is over. */
  closed(connection: Connection): void;
}

export class Connection implements Carrier {
  readonly line: Line;
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #headers: HeaderReader;
  readonly #streams = new Streams();
  readonly #blocked = new Set<Stream>();
  readonly #incoming = new Incoming((...frame) => this.#read(...frame));
  readonly #outgoing: Outgoing;
  #hasPacked = false;
  #block: Block | undefined;
  window = WINDOW_BYTES_USUAL;
  #streamWindow = WINDOW_BYTES_USUAL;
  readonly frameBytesMax = FRAME_BYTES_MAX;
  /** What the client may still send on all streams, and what of it was heard since that was told. */
  #room = WINDOW_BYTES;
  #heard = 0;
  #replies = 0;
  #isDraining = false;
  #isOver = false;
  #pinged: NodeJS.Timeout | undefined;

  /** Takes a connection over whose preface lies ready to be read. */
  constructor(options: ConnectionOptions) {
    const { socket, line, limits } = options;
    this.#options = options;
    this.#socket = socket;
    this.line = line;
    this.#outgoing = new Outgoing(socket);
    this.#headers = new HeaderReader(limits.headerBytesMax);
    this.send(
      settingsFrame([
        [SETTINGS.streamsMax, limits.streamsMax],
        [SETTINGS.windowBytes, WINDOW_BYTES],
        [SETTINGS.listBytesMax, limits.headerBytesMax],
      ]),
    );
    this.send(numberFrame(TYPES.window, 0, WINDOW_BYTES - WINDOW_BYTES_USUAL));
    socket.on("error", () => {});
    socket.on("close", () => this.#close());
    socket.on("end", () => this.#end());
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.resume();
  }

  /** The client goes. */
  #end(): void {
    this.#close();
    this.#socket.end();
  }

  #close(): void {
    if (!this.#isOver) this.#options.closed(this);
    this.#isOver = true;
    clearTimeout(this.#pinged);
    for (const stream of this.#streams.values()) stream.abort();
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    try {
      this.#incoming.push(chunk);
    } catch (error) {
      if (error instanceof Broken) this.cut(error.code);
      else if (error instanceof HpackError) this.cut(ERRORS.compression);
      else throw error;
    }
  }

  #read(type: number, flags: number, id: number, payload: Buffer): boolean {
    // A block of fields goes on in the next frame.
    if (this.#block !== undefined) expect(type === TYPES.more && id === this.#block.id);
    this.#readFrame(type, flags, id, payload);
    return !this.#isOver;
  }

  #readFrame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case TYPES.data:
        return this.#readData(flags, id, payload);
      case TYPES.headers:
        return this.#readHeaders(flags, id, payload);
      case TYPES.more:
        return this.#readMore(flags, payload);
      case TYPES.priority:
        expect(payload.length === 5, ERRORS.frameSize);
        return this.#readPriority(id, payload);
      case TYPES.reset:
        return this.#readReset(id, payload);
      case TYPES.settings:
        return this.#readSettings(flags, id, payload);
      case TYPES.promise:
        throw new Broken(ERRORS.protocol);
      case TYPES.ping:
        return this.#readPing(flags, id, payload);
      case TYPES.goaway:
        return expect(id === 0);
      case TYPES.window:
        return this.#readWindow(id, payload);
    }
  }

  #readData(flags: number, id: number, payload: Buffer): void {
    expect(id > 0 && id <= this.#streams.last);
    this.#room -= payload.length;
    expect(this.#room >= 0, ERRORS.flow);
    const piece = unpad(flags, payload);
    const stream = this.#streams.get(id);
    const isLast = (flags & FLAGS.end) !== 0;
    // Some may be under way after an end of ours.
    if (stream === undefined) {
      this.#streams.passOver(id, isLast);
      return this.heard(payload.length);
    }
    if (stream.hasEnded || !stream.announced(piece.length, isLast)) {
      this.heard(payload.length);
      return this.#breakOff(stream, stream.hasEnded ? ERRORS.streamClosed : ERRORS.protocol);
    }
    stream.hasEnded = isLast;
    if (!stream.take(piece, payload.length)) return this.#breakOff(stream, ERRORS.flow);
    if (isLast) stream.half();
  }

  #breakOff(stream: Stream, code: ErrorCode): void {
    this.reset(stream.id, code);
    stream.abort();
    this.#streams.countBroken();
  }

  heard(bytes: number): void {
    this.#heard += bytes;
    if (this.#heard < WINDOW_BYTES / 2 || this.#isOver) return;
    this.send(numberFrame(TYPES.window, 0, this.#heard));
    this.#room += this.#heard;
    this.#heard = 0;
  }

  #readHeaders(flags: number, id: number, payload: Buffer): void {
    expect(id % 2 === 1);
    let block = unpad(flags, payload);
    if ((flags & FLAGS.priority) !== 0) {
      expect(block.length >= 5, ERRORS.frameSize);
      this.#readPriority(id, block);
      block = block.subarray(5);
    }
    if ((flags & FLAGS.whole) !== 0) return this.#begin(id, flags, block);
    this.#block = new Block(id, flags, block);
  }

  /** Nobody goes by it any more; but it is what it was: RFC 7540 §5.3.1, §6.3. */
  #readPriority(id: number, payload: Buffer): void {
    expect(id > 0 && (payload.readUInt32BE(0) & WINDOW_MAX) !== id);
  }

  #readMore(flags: number, payload: Buffer): void {
    const block = this.#block;
    if (block === undefined) throw new Broken(ERRORS.protocol);
    block.add(payload);
    if ((flags & FLAGS.whole) === 0) return;
    this.#block = undefined;
    this.#begin(block.id, block.flags, block.whole());
  }

  #begin(id: number, flags: number, block: Buffer): void {
    const headers = this.#headers.read(block);
    const known = this.#streams.get(id);
    const isLast = (flags & FLAGS.end) !== 0;
    if (known !== undefined) return this.#readTrailers(known, headers, isLast);
    if (id <= this.#streams.last) return this.#streams.passOver(id, isLast);
    this.#streams.last = id;
    const isFull = this.#isDraining || this.#streams.size >= this.#options.limits.streamsMax;
    if (isFull || headers === undefined || !isRequest(headers, isLast)) {
      if (!isLast) this.#streams.endEarly(id);
      return this.#reply(() => this.reset(id, isFull ? ERRORS.refused : ERRORS.protocol));
    }
    const stream = new Stream(id, this, this.#streamWindow, lengthOf(headers));
    this.#streams.add(stream);
    stream.hasEnded = isLast;
    this.#options.streams.serve(stream, headers, this.line);
    if (isLast) stream.half();
  }

  /** Of trailers nobody wants to know more than that they are the end. */
  #readTrailers(stream: Stream, trailers: Headers | undefined, isLast: boolean): void {
    if (stream.hasEnded) return this.#breakOff(stream, ERRORS.streamClosed);
    const areRight = trailers !== undefined && isLast && !Object.keys(trailers).some((name) => name.startsWith(":"));
    if (!areRight || !stream.announced(0, true)) return this.#breakOff(stream, ERRORS.protocol);
    stream.half();
  }

  #readReset(id: number, payload: Buffer): void {
    expect(payload.length === 4, ERRORS.frameSize);
    expect(id > 0 && id <= this.#streams.last);
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.hasEnded = true;
    stream.abort();
    this.#streams.countBroken();
  }

  #readSettings(flags: number, id: number, payload: Buffer): void {
    expect(id === 0);
    if ((flags & FLAGS.ack) !== 0) return expect(payload.length === 0, ERRORS.frameSize);
    expect(payload.length % 6 === 0, ERRORS.frameSize);
    // Before anything is sent by them: from then on they hold for the client.
    this.#reply(() => this.send(frameOf(TYPES.settings, FLAGS.ack, 0, Buffer.alloc(0))));
    for (let at = 0; at < payload.length; at += 6) this.#set(payload.readUInt16BE(at), payload.readUInt32BE(at + 2));
  }

  #set(setting: number, value: number): void {
    if (setting === SETTINGS.pushes) return expect(value <= 1);
    // Longer frames than everybody takes would only keep others waiting.
    if (setting === SETTINGS.frameBytesMax) return expect(value >= FRAME_BYTES_MAX && value <= FRAME_BYTES_MOST);
    if (setting !== SETTINGS.windowBytes) return;
    expect(value <= WINDOW_MAX, ERRORS.flow);
    const more = value - this.#streamWindow;
    this.#streamWindow = value;
    for (const stream of this.#streams.values()) {
      stream.window += more;
      expect(stream.window <= WINDOW_MAX, ERRORS.flow);
      if (more > 0) stream.goOn(false);
    }
  }

  #readPing(flags: number, id: number, payload: Buffer): void {
    expect(id === 0);
    expect(payload.length === 8, ERRORS.frameSize);
    if ((flags & FLAGS.ack) !== 0) {
      clearTimeout(this.#pinged);
      return;
    }
    this.#reply(() => this.send(frameOf(TYPES.ping, FLAGS.ack, 0, payload)));
    if (!this.line.mayPing(this.#options.limits.pingMsMin)) this.cut(ERRORS.calm, "too_many_pings");
  }

  #readWindow(id: number, payload: Buffer): void {
    expect(payload.length === 4, ERRORS.frameSize);
    const more = payload.readUInt32BE(0) & WINDOW_MAX;
    if (id === 0) {
      expect(more > 0);
      this.window += more;
      expect(this.window <= WINDOW_MAX, ERRORS.flow);
      this.#unblock();
      return;
    }
    expect(id <= this.#streams.last);
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    if (more === 0) return this.#breakOff(stream, ERRORS.protocol);
    stream.window += more;
    if (stream.window > WINDOW_MAX) return this.#breakOff(stream, ERRORS.flow);
    stream.goOn(false);
  }

  block(stream: Stream): void {
    this.#blocked.add(stream);
  }

  /** One frame of each stream in its turn: who still waits stands at the end again. */
  #unblock(): void {
    for (const stream of this.#blocked) {
      if (this.window <= 0) return;
      this.#blocked.delete(stream);
      stream.goOn(true);
    }
  }

  /** Ends a client that asks on and on, and reads none of the answers. */
  #reply(answer: () => void): void {
    if (++this.#replies > REPLIES_MAX) return this.destroy();
    answer();
    if (this.#replies === 1)
      this.afterwards(() => {
        this.#replies = 0;
      });
  }

  reset(id: number, code: ErrorCode): void {
    this.send(numberFrame(TYPES.reset, id, code));
  }

  forget(stream: Stream): void {
    this.#streams.forget(stream);
    this.#blocked.delete(stream);
    if (this.#isDraining && this.#streams.size === 0) this.#finish();
  }

  /** The first says that we keep no table: clients that allow for none want to be told. */
  pack(block: Buffer): Buffer {
    if (this.#hasPacked) return block;
    this.#hasPacked = true;
    return Buffer.concat([NO_TABLE, block]);
  }

  send(bytes: Buffer): void {
    this.#outgoing.send(bytes);
  }

  afterwards(call: () => void): void {
    this.#outgoing.afterwards(call);
  }

  /** Asks whether the client is still there; it is cut off if it does not answer in this time. */
  ask(timeoutMs: number): void {
    clearTimeout(this.#pinged);
    this.#pinged = setTimeout(() => this.#socket.destroy(), timeoutMs).unref();
    this.send(frameOf(TYPES.ping, 0, 0, Buffer.alloc(8)));
  }

  /** The client goes elsewhere with what it asks next. */
  drain(): void {
    if (this.#isDraining || this.#isOver) return;
    this.#isDraining = true;
    this.send(goawayFrame(this.#streams.last, ERRORS.none));
    if (this.#streams.size === 0) this.#finish();
  }

  /** Once all is out. */
  #finish(): void {
    this.afterwards(() => this.#socket.end());
  }

  /** Ends it for what the client did. */
  cut(code: ErrorCode, said = ""): void {
    this.send(goawayFrame(this.#streams.last, code, said));
    this.#close();
    this.#outgoing.flush();
    // What lies before it in the connection is sent first.
    setImmediate(() => this.#socket.destroy());
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

function isRequest(headers: Headers, isLast: boolean): boolean {
  const { ":method": method, ":path": path = "", ":scheme": scheme } = headers;
  const length = lengthOf(headers);
  return (
    method !== undefined &&
    path !== "" &&
    scheme !== undefined &&
    !Number.isNaN(length) &&
    !(isLast && (length ?? 0) > 0)
  );
}

/** Of the body, where the client said it; not a number where it said no number. */
function lengthOf({ "content-length": said }: Headers): number | undefined {
  if (said === undefined) return undefined;
  return /^\d{1,15}$/.test(said) ? Number(said) : Number.NaN;
}
