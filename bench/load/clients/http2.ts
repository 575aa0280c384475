/**
 * An HTTP/2 client connection for gRPC that does just enough (RFC 9113): it writes one buffer per request and never
 * decodes a header. That makes it several times cheaper than a general client, so that the peer is what is measured.
 * A call has failed when its stream ends without a message: gRPC then sends its error in the trailers only.
 */
import { connect as connectSocket, type Socket } from "node:net";
import { frameMessage } from "./protobuf.ts";

const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
const ACK = 1;
const WINDOW_MAX = 2 ** 31 - 1;
const WINDOW_START = 65_535;
/** How much may arrive before the connection's window is opened again. */
const CREDIT_BYTES = 8 * 1024 * 1024;

function toFrame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(9 + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame.writeUInt8(type, 3);
  frame.writeUInt8(flags, 4);
  frame.writeUInt32BE(stream, 5);
  payload.copy(frame, 9);
  return frame;
}

function toUint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** SETTINGS_INITIAL_WINDOW_SIZE (4) and SETTINGS_MAX_FRAME_SIZE (5), both as large as they may be. */
function toSettings(): Buffer {
  const settings = Buffer.alloc(12);
  settings.writeUInt16BE(4, 0);
  settings.writeUInt32BE(WINDOW_MAX, 2);
  settings.writeUInt16BE(5, 6);
  settings.writeUInt32BE(2 ** 24 - 1, 8);
  return settings;
}

/** A string literal of HPACK without Huffman coding; all of ours are shorter than 127 bytes. */
function toLiteral(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

/** Names with an entry in HPACK's static table (RFC 7541, appendix A). */
const STATIC_NAMES: Record<string, number> = { ":authority": 1, ":path": 4, "content-type": 31 };

/** The sending half of HPACK: every header goes into the dynamic table once and is an index from then on. */
class HeaderTable {
  readonly #entries: string[] = [];
  readonly #blocks = new Map<string, Buffer>();
  readonly #authority: string;

  constructor(authority: string) {
    this.#authority = authority;
  }

  encode(path: string): Buffer {
    const ready = this.#blocks.get(path);
    if (ready !== undefined) return ready;
    const before = this.#entries.length;
    // ":method: POST" is entry 3 and ":scheme: http" entry 6 of the static table.
    const block = Buffer.concat([
      Buffer.from([0x83, 0x86]),
      this.#encodeHeader(":path", path),
      this.#encodeHeader(":authority", this.#authority),
      this.#encodeHeader("content-type", "application/grpc"),
      this.#encodeHeader("te", "trailers"),
    ]);
    if (this.#entries.length === before) this.#blocks.set(path, block);
    else this.#blocks.clear();
    return block;
  }

  #encodeHeader(name: string, value: string): Buffer {
    const entry = `${name}\n${value}`;
    const position = this.#entries.indexOf(entry);
    if (position >= 0) return Buffer.from([0x80 | (62 + this.#entries.length - 1 - position)]);
    this.#entries.push(entry);
    const known = STATIC_NAMES[name];
    return Buffer.concat([
      Buffer.from([0x40 | (known ?? 0)]),
      known === undefined ? toLiteral(name) : Buffer.alloc(0),
      toLiteral(value),
    ]);
  }
}

interface StreamState {
  onMessage: (message: Buffer) => void;
  onEnd: () => void;
  parts: Buffer[];
  partsBytes: number;
  window: number;
}

/** A stream that stays open: messages out, messages in. */
export interface Http2Stream {
  send(message: Buffer): void;
}

export class Http2Connection {
  readonly #socket: Socket;
  readonly #table: HeaderTable;
  readonly #streams = new Map<number, StreamState>();
  readonly #header = Buffer.alloc(9);
  #headerBytes = 0;
  #payloadLeft = 0;
  #control: Buffer[] = [];
  #nextStream = 1;
  #window = WINDOW_START;
  #streamWindow = WINDOW_START;
  #received = 0;
  #held: Array<() => boolean> = [];
  /** Called once when the connection is lost although nobody closed it. */
  onLost: (error: Error) => void = () => {};

  constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#table = new HeaderTable(authority);
    socket.on("data", (chunk: Buffer) => {
      // Requests that follow from the answers of one read go out in one write.
      socket.cork();
      this.#take(chunk);
      socket.uncork();
    });
    socket.on("error", (error) => this.onLost(error));
    socket.on("close", () => this.onLost(new Error("the peer closed the connection")));
    socket.write(
      Buffer.concat([
        Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        toFrame(FRAME.settings, 0, 0, toSettings()),
        toFrame(FRAME.windowUpdate, 0, 0, toUint32(WINDOW_MAX - WINDOW_START)),
      ]),
    );
  }

  /** One request, one answer; null when the peer answered with an error. */
  call(path: string, message: Buffer, done: (answer: Buffer | null) => void): void {
    let answer: Buffer | null = null;
    const onMessage = (got: Buffer): void => {
      answer = got;
    };
    this.#start(path, frameMessage(message), END_STREAM, onMessage, () => done(answer));
  }

  /** A stream of messages in both directions. */
  open(path: string, first: Buffer, onMessage: (message: Buffer) => void, onEnd: () => void): Http2Stream {
    const id = this.#start(path, frameMessage(first), 0, onMessage, onEnd);
    return { send: (message) => this.#sendData(id, frameMessage(message)) };
  }

  close(): void {
    this.onLost = () => {};
    this.#socket.destroy();
  }

  #start(path: string, body: Buffer, flags: number, onMessage: (m: Buffer) => void, onEnd: () => void): number {
    const id = this.#nextStream;
    this.#nextStream += 2;
    const state: StreamState = { onMessage, onEnd, parts: [], partsBytes: 0, window: this.#streamWindow };
    this.#streams.set(id, state);
    const headers = toFrame(FRAME.headers, END_HEADERS, id, this.#table.encode(path));
    const data = toFrame(FRAME.data, flags, id, body);
    if (this.#reserve(state, body.length)) this.#socket.write(Buffer.concat([headers, data]));
    else {
      this.#socket.write(headers);
      this.#hold(state, data, body.length);
    }
    return id;
  }

  #sendData(id: number, body: Buffer): void {
    const state = this.#streams.get(id);
    if (state === undefined) return;
    const data = toFrame(FRAME.data, 0, id, body);
    if (this.#reserve(state, body.length)) this.#socket.write(data);
    else this.#hold(state, data, body.length);
  }

  #reserve(state: StreamState, bytes: number): boolean {
    if (this.#window < bytes || state.window < bytes) return false;
    this.#window -= bytes;
    state.window -= bytes;
    return true;
  }

  #hold(state: StreamState, data: Buffer, bytes: number): void {
    this.#held.push(() => {
      if (!this.#reserve(state, bytes)) return false;
      this.#socket.write(data);
      return true;
    });
  }

  /** Cuts the incoming bytes into frames without copying the bodies of data frames. */
  #take(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#headerBytes < 9) {
        const copied = chunk.copy(this.#header, this.#headerBytes, at, at + 9 - this.#headerBytes);
        this.#headerBytes += copied;
        at += copied;
        if (this.#headerBytes < 9) return;
        this.#payloadLeft = this.#header.readUIntBE(0, 3);
      }
      const piece = chunk.subarray(at, at + this.#payloadLeft);
      at += piece.length;
      this.#payloadLeft -= piece.length;
      const whole = this.#payloadLeft === 0;
      if (whole) this.#headerBytes = 0;
      this.#takePiece(piece, whole);
      if (!whole) return;
    }
  }

  #takePiece(piece: Buffer, whole: boolean): void {
    const type = this.#header[3] as number;
    const flags = this.#header[4] as number;
    const id = this.#header.readUInt32BE(5) & WINDOW_MAX;
    if (type === FRAME.data) {
      this.#credit(piece.length);
      const state = this.#streams.get(id);
      if (state !== undefined) takeMessages(state, piece);
    } else if (type !== FRAME.headers) {
      this.#control.push(piece);
      if (!whole) return;
      const payload = this.#control.length === 1 ? piece : Buffer.concat(this.#control);
      this.#control = [];
      this.#takeControl(type, flags, id, payload);
      return;
    }
    if (whole && (flags & END_STREAM) !== 0) this.#end(id);
  }

  #end(id: number): void {
    const state = this.#streams.get(id);
    this.#streams.delete(id);
    state?.onEnd();
  }

  #credit(bytes: number): void {
    this.#received += bytes;
    if (this.#received < CREDIT_BYTES) return;
    this.#socket.write(toFrame(FRAME.windowUpdate, 0, 0, toUint32(this.#received)));
    this.#received = 0;
  }

  #takeControl(type: number, flags: number, id: number, payload: Buffer): void {
    if (type === FRAME.settings && (flags & ACK) === 0) this.#takeSettings(payload);
    if (type === FRAME.ping && (flags & ACK) === 0) this.#socket.write(toFrame(FRAME.ping, ACK, 0, payload));
    if (type === FRAME.reset) this.#end(id);
    if (type === FRAME.goAway)
      this.onLost(new Error(`the peer said GOAWAY: ${payload.subarray(8).toString("latin1")}`));
    if (type !== FRAME.windowUpdate) return;
    const more = payload.readUInt32BE(0);
    const state = this.#streams.get(id);
    if (id === 0) this.#window += more;
    else if (state !== undefined) state.window += more;
    if (this.#held.length > 0) this.#held = this.#held.filter((send) => !send());
  }

  #takeSettings(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      if (payload.readUInt16BE(at) !== 4) continue;
      const window = payload.readUInt32BE(at + 2);
      for (const state of this.#streams.values()) state.window += window - this.#streamWindow;
      this.#streamWindow = window;
    }
    this.#socket.write(toFrame(FRAME.settings, ACK, 0, Buffer.alloc(0)));
  }
}

/** Puts gRPC messages together: five bytes of head, then as many as the head says. */
function takeMessages(state: StreamState, piece: Buffer): void {
  state.parts.push(piece);
  state.partsBytes += piece.length;
  if (state.partsBytes < 5) return;
  let bytes = state.parts.length === 1 ? piece : undefined;
  const first = state.parts[0] as Buffer;
  if (bytes === undefined && first.length >= 5 && state.partsBytes < 5 + first.readUInt32BE(1)) return;
  bytes ??= Buffer.concat(state.parts);
  let at = 0;
  while (bytes.length - at >= 5) {
    const length = bytes.readUInt32BE(at + 1);
    if (bytes.length - at - 5 < length) break;
    state.onMessage(bytes.subarray(at + 5, at + 5 + length));
    at += 5 + length;
  }
  const rest = bytes.subarray(at);
  state.parts = rest.length > 0 ? [rest] : [];
  state.partsBytes = rest.length;
}

/** A connection to a gRPC server on loopback, without TLS. */
export function connectHttp2(port: number): Promise<Http2Connection> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.removeListener("error", reject);
      resolve(new Http2Connection(socket, `127.0.0.1:${port}`));
    });
  });
}
