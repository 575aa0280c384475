/**
 * A ZooKeeper client connection that does just enough: opens a session, creates ephemeral nodes, pings. The encoding is
 * ZooKeeper's jute: big-endian integers, texts and buffers behind their length, a frame behind its own.
 */
import { connect as connectSocket, type Socket } from "node:net";

const OP = { create: 1, ping: 11 } as const;
const PING_XID = -2;
const TIMEOUT_MS = 30_000;
const EPHEMERAL = 1;
/** Read, write, create, delete and administer. */
const ALL_PERMISSIONS = 31;

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
  const body = Buffer.concat(parts);
  return Buffer.concat([toInt(body.length), body]);
}

/** Protocol version, the last transaction seen, time-out, session, password. */
function toConnect(): Buffer {
  return frame([toInt(0), Buffer.alloc(8), toInt(TIMEOUT_MS), Buffer.alloc(8), toText(Buffer.alloc(16))]);
}

const OPEN_TO_ALL = Buffer.concat([toInt(1), toInt(ALL_PERMISSIONS), toText("world"), toText("anyone")]);

export class ZookeeperConnection {
  readonly #socket: Socket;
  #rest = Buffer.alloc(0);
  #xid = 0;
  /** By order: ZooKeeper answers a session's requests one after the other. */
  readonly #waiting: ((error: number) => void)[] = [];
  #opened: (() => void) | undefined;
  readonly #timer: NodeJS.Timeout;
  onLost: (error: Error) => void = () => {};

  constructor(socket: Socket, opened: () => void) {
    this.#socket = socket;
    this.#opened = opened;
    this.#timer = setInterval(() => this.#socket.write(frame([toInt(PING_XID), toInt(OP.ping)])), TIMEOUT_MS / 3);
    socket.on("data", (piece: Buffer) => this.#take(piece));
    socket.on("error", (error) => this.onLost(error));
    socket.on("close", () => this.onLost(new Error("the peer closed the connection")));
    socket.write(toConnect());
  }

  /** `done` gets ZooKeeper's error, 0 for none. */
  create(path: string, value: string, isEphemeral: boolean, done: (error: number) => void): void {
    this.#waiting.push(done);
    const flags = toInt(isEphemeral ? EPHEMERAL : 0);
    this.#socket.write(frame([toInt(++this.#xid), toInt(OP.create), toText(path), toText(value), OPEN_TO_ALL, flags]));
  }

  close(): void {
    this.onLost = () => {};
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #take(piece: Buffer): void {
    let bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    while (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) {
      const end = 4 + bytes.readInt32BE(0);
      this.#takeFrame(bytes.subarray(4, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = Buffer.from(bytes);
  }

  #takeFrame(body: Buffer): void {
    if (this.#opened !== undefined) {
      const opened = this.#opened;
      this.#opened = undefined;
      return opened();
    }
    if (body.readInt32BE(0) !== PING_XID) this.#waiting.shift()?.(body.readInt32BE(12));
  }
}

/** With a session. */
export function connectZookeeper(port: number): Promise<ZookeeperConnection> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.removeListener("error", reject);
      const connection = new ZookeeperConnection(socket, () => resolve(connection));
      connection.onLost = reject;
    });
  });
}
