/** A ZooKeeper session that does what the loads ask, and hears events. */
import { connect as connectSocket, type Socket } from "node:net";

const OP = { create: 1, exists: 3, getData: 4, setData: 5, getChildren: 8, ping: 11, close: -11 } as const;
const [PING_XID, EVENT_XID] = [-2, -1];
/** Read, write, create, delete and administer. */
const ALL_PERMISSIONS = 31;
const EPHEMERAL = 1;

type Done = (error: number) => void;

function toInt(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function toText(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([toInt(bytes.length), bytes]);
}

function frame(parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([toInt(body.length), body]);
}

const OPEN_TO_ALL = Buffer.concat([toInt(1), toInt(ALL_PERMISSIONS), toText("world"), toText("anyone")]);
const PING = frame([toInt(PING_XID), toInt(OP.ping)]);

export class Line {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #xid = 0;
  readonly #waiting: Done[] = [];
  readonly #pings: (() => void)[] = [];
  #opened: (() => void) | undefined;
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
    this.#ask(OP.create, [toText(path), toText(value), OPEN_TO_ALL, toInt(isEphemeral ? EPHEMERAL : 0)], done);
  }

  set(path: string, value: Buffer, done: Done): void {
    this.#ask(OP.setData, [toText(path), toText(value), toInt(-1)], done);
  }

  get(path: string, watches: boolean, done: Done): void {
    this.#ask(OP.getData, [toText(path), Buffer.from([watches ? 1 : 0])], done);
  }

  children(path: string, watches: boolean, done: Done): void {
    this.#ask(OP.getChildren, [toText(path), Buffer.from([watches ? 1 : 0])], done);
  }

  end(done: Done): void {
    this.#ask(OP.close, [], done);
  }

  ping(done: () => void): void {
    this.#pings.push(done);
    this.#socket.write(PING);
  }

  #ask(type: number, body: readonly Buffer[], done: Done): void {
    this.#waiting.push(done);
    this.#socket.write(frame([toInt(++this.#xid), toInt(type), ...body]));
  }

  close(): void {
    this.onLost = () => {};
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0);
      this.#takeFrame(bytes.subarray(4, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
  }

  #takeFrame(body: Buffer): void {
    if (this.#opened !== undefined) {
      const opened = this.#opened;
      this.#opened = undefined;
      return opened();
    }
    const xid = body.readInt32BE(0);
    if (xid === EVENT_XID) this.onEvent();
    else if (xid === PING_XID) this.#pings.shift()?.();
    else this.#waiting.shift()?.(body.readInt32BE(12));
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

/** Many, so many at once. */
export async function openLines(port: number, count: number, timeoutMs?: number): Promise<Line[]> {
  const lines: Line[] = [];
  const AT_ONCE = 100;
  while (lines.length < count)
    lines.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, count - lines.length) }, () => openLine(port, timeoutMs)),
      )),
    );
  return lines;
}
