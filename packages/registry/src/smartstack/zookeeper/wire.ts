/** As much of ZooKeeper's protocol as a reporter and a watcher need: jute records as bytes and back. Pure. */

/** Operations by their numbers (ZooDefs.OpCode). */
export const OP = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getChildren: 8,
  ping: 11,
  close: -11,
} as const;

/** Numbers of transactions that no request has. */
export const XID = { event: -1, ping: -2 } as const;

/** Errors that mean something here (KeeperException.Code). */
export const CODE = { noNode: -101, exists: -110 } as const;

export const FLAG = { ephemeral: 1, sequential: 2 } as const;

const PASSWORD_LENGTH = 16;
export const FRESH = { sessionId: 0n, password: Buffer.alloc(PASSWORD_LENGTH) } as const;

/** What a session is known by; `sessionId` 0: it is new, or the server does not know it any more. */
export interface Identity {
  readonly sessionId: bigint;
  readonly password: Buffer;
}

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};

const long = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
};

const bool = (value: boolean): Buffer => Buffer.from([value ? 1 : 0]);
const bytes = (value: Buffer): Buffer => Buffer.concat([int(value.length), value]);
const text = (value: string): Buffer => bytes(Buffer.from(value, "utf8"));

export function frame(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int(body.length), body]);
}

export function connect({ sessionId, password }: Identity, timeoutMs: number, lastZxid: bigint): Buffer {
  return frame(int(0), long(lastZxid), int(timeoutMs), long(sessionId), bytes(password), bool(false));
}

export function request(xid: number, op: number, ...body: readonly Buffer[]): Buffer {
  return frame(int(xid), int(op), ...body);
}

/** Of `exists`, `getData` and `getChildren`. */
export function look(path: string, watch: boolean): Buffer {
  return Buffer.concat([text(path), bool(watch)]);
}

/** Open to everybody, as Nerve makes them. */
export function create(path: string, data: Buffer, flags: number): Buffer {
  const everything = 31;
  const acl = [int(1), int(everything), text("world"), text("anyone")];
  return Buffer.concat([text(path), bytes(data), ...acl, int(flags)]);
}

const ANY_VERSION = int(-1);

export function setData(path: string, data: Buffer): Buffer {
  return Buffer.concat([text(path), bytes(data), ANY_VERSION]);
}

export function remove(path: string): Buffer {
  return Buffer.concat([text(path), ANY_VERSION]);
}

/** Reads what a server says; throws where it ends too soon. */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(body: Buffer) {
    this.#bytes = body;
  }

  int(): number {
    this.#at += 4;
    return this.#bytes.readInt32BE(this.#at - 4);
  }

  long(): bigint {
    this.#at += 8;
    return this.#bytes.readBigInt64BE(this.#at - 8);
  }

  bytes(): Buffer {
    const length = Math.max(0, this.int());
    if (this.#at + length > this.#bytes.length) throw new RangeError("the message ends too soon");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  text(): string {
    return this.bytes().toString("utf8");
  }

  texts(): readonly string[] {
    const count = this.int();
    const found: string[] = [];
    for (let at = 0; at < count; at++) found.push(this.text());
    return found;
  }
}

/** What servers send in one piece: a node has at most 1 MiB, a list of children a few more. */
const FRAME_BYTES_MAX = 16 * 1024 * 1024;

/** Whole frames out of what comes. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);

  /** Throws when one is longer than any should be. */
  push(chunk: Buffer): readonly Buffer[] {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const found: Buffer[] = [];
    while (rest.length >= 4) {
      const length = rest.readInt32BE(0);
      if (length < 0 || length > FRAME_BYTES_MAX) throw new RangeError(`a message of ${length} bytes`);
      if (rest.length < 4 + length) break;
      found.push(rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    this.#rest = rest;
    return found;
  }
}
