/** Requests and answers of ZooKeeper, for tests: written anew, so that they find the dialect's mistakes. */

export type Value = number | bigint | boolean | string | Buffer | null | readonly Value[];

/** Fields in their order: `i` int, `l` long, `b` boolean, `s` text or bytes. */
export function pack(shape: string, ...values: readonly Value[]): Buffer {
  const parts = [...shape].map((sign, nth) => packOne(sign, values[nth] as Value));
  return Buffer.concat(parts);
}

function packOne(sign: string, value: Value): Buffer {
  if (sign === "b") return Buffer.from([value ? 1 : 0]);
  if (sign === "i") return int(value as number);
  if (sign === "l") {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64BE(BigInt.asIntN(64, BigInt(value as number | bigint)));
    return bytes;
  }
  if (value === null) return int(-1);
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value as string, "utf8");
  return Buffer.concat([int(bytes.length), bytes]);
}

export function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export function frame(body: Buffer): Buffer {
  return Buffer.concat([int(body.length), body]);
}

export function list(items: readonly Buffer[]): Buffer {
  return Buffer.concat([int(items.length), ...items]);
}

/** Reads on where it stopped. */
export class Cut {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  int(): number {
    this.at += 4;
    return this.bytes.readInt32BE(this.at - 4);
  }

  long(): bigint {
    this.at += 8;
    return this.bytes.readBigInt64BE(this.at - 8);
  }

  bool(): boolean {
    this.at += 1;
    return this.bytes[this.at - 1] !== 0;
  }

  raw(): Buffer | null {
    const length = this.int();
    if (length < 0) return null;
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    return this.raw()?.toString("utf8") ?? "(null)";
  }

  list<T>(read: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int()) }, read);
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }
}

export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly ctime: bigint;
  readonly mtime: bigint;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: bigint;
}

export function readStat(cut: Cut): Stat {
  const [czxid, mzxid, ctime, mtime] = [cut.long(), cut.long(), cut.long(), cut.long()];
  const [version, cversion, aversion, ephemeralOwner] = [cut.int(), cut.int(), cut.int(), cut.long()];
  const [dataLength, numChildren, pzxid] = [cut.int(), cut.int(), cut.long()];
  return { czxid, mzxid, ctime, mtime, version, cversion, aversion, ephemeralOwner, dataLength, numChildren, pzxid };
}

export const OPS = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  closeSession: -11,
} as const;

export const OPEN = list([pack("iss", 31, "world", "anyone")]);

export const FLAGS = {
  persistent: 0,
  ephemeral: 1,
  sequential: 2,
  ephemeralSequential: 3,
  container: 4,
  ttl: 5,
} as const;

/** Headers of the steps of a multi. */
export function multiOf(steps: readonly (readonly [type: number, body: Buffer])[]): Buffer {
  const parts = steps.flatMap(([type, body]) => [pack("ibi", type, false, -1), body]);
  return Buffer.concat([...parts, pack("ibi", -1, true, -1)]);
}
