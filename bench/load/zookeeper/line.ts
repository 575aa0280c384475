/**
 * A ZooKeeper session that does what the loads ask, and hears events. It costs as little as it can, as it runs beside the
 * servers: what is asked in one turn is written at once, and of an answer nothing is read but its number and its error.
 */
import { connect as connectSocket, type Socket } from "node:net";

const OP = { create: 1, exists: 3, getData: 4, setData: 5, getChildren: 8, ping: 11, close: -11 } as const;
const [PING_XID, EVENT_XID] = [-2, -1];
/** Read, write, create, delete and administer. */
const ALL_PERMISSIONS = 31;
const EPHEMERAL = 1;
const LENGTH_BYTES = 4;
/** Of a frame: its xid, and of an answer its error. */
const [XID_AT, ERROR_AT] = [4, 16];

type Done = (error: number) => void;

function toInt(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function toText(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([toInt(bytes.length), bytes]);
}

function frame(parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([toInt(size), ...parts]);
}

const OPEN_TO_ALL = Buffer.concat([toInt(1), toInt(ALL_PERMISSIONS), toText("world"), toText("anyone")]);
const FLAGS = { ephemeral: toInt(EPHEMERAL), persistent: toInt(0) };
const PING = frame([toInt(PING_XID), toInt(OP.ping)]);

/** A question that is asked often: only its number is another each time. */
export type Question = Buffer;

function ask(type: number, body: readonly Buffer[]): Question {
  return frame([toInt(0), toInt(type), ...body]);
}

export function toGet(path: string, watches: boolean): Question {
  return ask(OP.getData, [toText(path), Buffer.from([watches ? 1 : 0])]);
}

export function toList(path: string, watches: boolean): Question {
  return ask(OP.getChildren, [toText(path), Buffer.from([watches ? 1 : 0])]);
}

export class Line {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #xid = 0;
  #waiting: Done[] = [];
  /** Of those that wait, so many have their answer. */
  #answered = 0;
  readonly #pings: (() => void)[] = [];
  #opened: (() => void) | undefined;
  #unsent: Buffer[] = [];
  onEvent: () => void = () => {};
  onLost: (error: Error) => void = () => {};

  constructor(socket: Socket, timeoutMs: number, opened: () => void) {
    this.#socket = socket;
    this.#opened = opened;
    socket.on("data", (piece: Buffer) => this.#take(piece));
    socket.on("error", (error) => this.onLost(error));
    socket.on("close", () => this.onLost(new Error("the peer closed the connection")));
    socket.write(frame([toInt(0), Buffer.alloc(8), toInt(timeoutMs), Buffer.alloc(8), toText(Buffer.alloc(16))]));
  }

  create(path: string, value: Buffer, isEphemeral: boolean, done: Done): void {
    const flags = isEphemeral ? FLAGS.ephemeral : FLAGS.persistent;
    this.ask(ask(OP.create, [toText(path), toInt(value.length), value, OPEN_TO_ALL, flags]), done);
  }

  set(path: string, value: Buffer, done: Done): void {
    this.ask(ask(OP.setData, [toText(path), toText(value), toInt(-1)]), done);
  }

  get(path: string, watches: boolean, done: Done): void {
    this.ask(toGet(path, watches), done);
  }

  end(done: Done): void {
    this.ask(ask(OP.close, []), done);
  }

  ping(done: () => void): void {
    if (this.#socket.destroyed) return;
    this.#pings.push(done);
    this.#send(PING);
  }

  ask(question: Question, done: Done): void {
    this.#waiting.push(done);
    const bytes = Buffer.allocUnsafe(question.length);
    question.copy(bytes);
    bytes.writeInt32BE(++this.#xid, XID_AT);
    this.#send(bytes);
  }

  #send(bytes: Buffer): void {
    if (this.#unsent.push(bytes) > 1) return;
    process.nextTick(() => {
      const all = this.#unsent;
      this.#unsent = [];
      this.#socket.write(all.length === 1 ? (all[0] as Buffer) : Buffer.concat(all));
    });
  }

  close(): void {
    this.onLost = () => {};
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const end = at + LENGTH_BYTES + bytes.readInt32BE(at);
      if (end > bytes.length) break;
      this.#takeFrame(bytes, at);
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  #takeFrame(bytes: Buffer, at: number): void {
    if (this.#opened !== undefined) {
      const opened = this.#opened;
      this.#opened = undefined;
      return opened();
    }
    const xid = bytes.readInt32BE(at + XID_AT);
    if (xid === EVENT_XID) this.onEvent();
    else if (xid === PING_XID) this.#pings.shift()?.();
    else this.#next()?.(bytes.readInt32BE(at + ERROR_AT));
  }

  /** Answers come in the order of the questions. */
  #next(): Done | undefined {
    const done = this.#waiting[this.#answered++];
    if (this.#answered < 1024) return done;
    this.#waiting = this.#waiting.slice(this.#answered);
    this.#answered = 0;
    return done;
  }
}

/** With a session. */
export function openLine(port: number, timeoutMs = 30_000): Promise<Line> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.removeListener("error", reject);
      // Where nobody listens yet, a socket may happen to be given that very port, and reaches itself.
      if (socket.localPort === port) {
        socket.destroy();
        return reject(new Error("nobody listens"));
      }
      const line = new Line(socket, timeoutMs, () => resolve(line));
      line.onLost = reject;
    });
  });
}

const AT_ONCE = 100;
/** What is not asked for anything lives on, as with real clients. */
const BEAT_MS = 8000;

/** Many, so many at once. */
export async function openLines(port: number, count: number, timeoutMs?: number): Promise<Line[]> {
  const lines: Line[] = [];
  const beat = (): void => {
    for (const line of lines) line.ping(() => {});
  };
  setInterval(beat, BEAT_MS).unref();
  while (lines.length < count)
    lines.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, count - lines.length) }, () => openLine(port, timeoutMs)),
      )),
    );
  return lines;
}
