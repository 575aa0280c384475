/** The few etcd v3 messages that the benchmark sends, encoded by hand, and a reader for the few it looks at. */

/** A field's value: an integer (varint), bytes or a string (length-delimited). */
export type FieldValue = number | bigint | Buffer | string;

function encodeVarint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** A message of fields in the order given. */
export function encodeMessage(fields: ReadonlyArray<readonly [number: number, value: FieldValue]>): Buffer {
  const parts: Buffer[] = [];
  for (const [number, value] of fields) {
    if (typeof value === "number" || typeof value === "bigint") {
      parts.push(encodeVarint(BigInt(number << 3)), encodeVarint(BigInt(value)));
      continue;
    }
    const bytes = typeof value === "string" ? Buffer.from(value) : value;
    parts.push(encodeVarint(BigInt((number << 3) | 2)), encodeVarint(BigInt(bytes.length)), bytes);
  }
  return Buffer.concat(parts);
}

/** A gRPC message: not compressed, length, bytes. */
export function frameMessage(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(5 + message.length);
  framed.writeUInt8(0, 0);
  framed.writeUInt32BE(message.length, 1);
  message.copy(framed, 5);
  return framed;
}

/** The top-level fields of a message. Repeated fields come one after the other; integers above 2^53 lose digits. */
export function readFields(message: Buffer, onField: (number: number, value: number | Buffer) => void): void {
  let at = 0;
  const readVarint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new Error("message ends inside a varint");
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = readVarint();
    if ((tag & 7) === 0) {
      onField(tag >> 3, readVarint());
      continue;
    }
    if ((tag & 7) !== 2) throw new Error(`wire type ${tag & 7} is not expected here`);
    const length = readVarint();
    onField(tag >> 3, message.subarray(at, at + length));
    at += length;
  }
}

/** The key after all keys that begin with `prefix`. */
export function endOfPrefix(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  return end;
}

export const METHODS = {
  range: "/etcdserverpb.KV/Range",
  put: "/etcdserverpb.KV/Put",
  txn: "/etcdserverpb.KV/Txn",
  watch: "/etcdserverpb.Watch/Watch",
  grant: "/etcdserverpb.Lease/LeaseGrant",
  keepAlive: "/etcdserverpb.Lease/LeaseKeepAlive",
} as const;

export function toGrant(lease: bigint, ttlSeconds: number): Buffer {
  return encodeMessage([
    [1, ttlSeconds],
    [2, lease],
  ]);
}

export function toKeepAlive(lease: bigint): Buffer {
  return encodeMessage([[1, lease]]);
}

export function toPut(key: string, value: string, lease = 0n): Buffer {
  return encodeMessage(
    lease === 0n
      ? [
          [1, key],
          [2, value],
        ]
      : [
          [1, key],
          [2, value],
          [3, lease],
        ],
  );
}

/** Puts the key if there is none: a comparison of its create revision with 0. */
export function toCreate(key: string, value: string): Buffer {
  const [create, put] = [1, 2];
  const compare = encodeMessage([
    [2, create],
    [3, key],
    [5, 0],
  ]);
  return encodeMessage([
    [1, compare],
    [2, encodeMessage([[put, toPut(key, value)]])],
  ]);
}

/** Whether what was compared held. */
export function hasSucceeded(message: Buffer): boolean {
  let succeeded = false;
  readFields(message, (number, value) => {
    if (number === 2) succeeded = value === 1;
  });
  return succeeded;
}

/** `serializable`: answered by the node itself without asking the leader, the cheaper of etcd's two kinds of read. */
export function toRange(prefix: string, serializable: boolean): Buffer {
  return encodeMessage([
    [1, prefix],
    [2, endOfPrefix(prefix)],
    [7, serializable ? 1 : 0],
  ]);
}

export function toWatchCreate(prefix: string): Buffer {
  return encodeMessage([
    [
      1,
      encodeMessage([
        [1, prefix],
        [2, endOfPrefix(prefix)],
      ]),
    ],
  ]);
}

/** What a WatchResponse says: that a watch was created, or how many events it carries. */
export function fromWatch(message: Buffer): { created: boolean; events: number } {
  const seen = { created: false, events: 0 };
  readFields(message, (number, value) => {
    if (number === 3) seen.created = value === 1;
    if (number === 11) seen.events++;
  });
  return seen;
}

/** Whether a LeaseKeepAliveResponse says that the lease lives: its TTL is above 0. */
export function isAlive(message: Buffer): boolean {
  let alive = false;
  readFields(message, (number, value) => {
    if (number === 3) alive = typeof value === "number" && value > 0;
  });
  return alive;
}

/** How many keys a RangeResponse carries. */
export function countKeys(message: Buffer): number {
  let keys = 0;
  readFields(message, (number) => {
    if (number === 2) keys++;
  });
  return keys;
}
