/** What the tests of the doozer dialect share: a registry, and a client with a codec of its own. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";

export interface DoozerOptions {
  /** `dialectSettings.doozer`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The rest of the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
}

export async function startDoozer(scope: Scope, { settings = {}, config = {} }: DoozerOptions = {}): Promise<Rollcall> {
  const file = join(temporaryDirectory(scope, "doozer"), "rollcall.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ name: "n1", dialectSettings: { doozer: settings }, ...config }));
  return startRollcall(scope, { flags: ["--config", file, "--dialects", "http,doozer", "--doozer-port", "0"] });
}

/** Of msg.proto. */
const VERBS = {
  GET: 1,
  SET: 2,
  DEL: 3,
  REV: 5,
  WAIT: 6,
  NOP: 7,
  WALK: 9,
  GETDIR: 14,
  STAT: 16,
  SELF: 20,
  ACCESS: 99,
} as const;

const ERRORS: Readonly<Record<number, string>> = {
  1: "TAG_IN_USE",
  2: "UNKNOWN_VERB",
  3: "READONLY",
  4: "TOO_LATE",
  5: "REV_MISMATCH",
  6: "BAD_PATH",
  7: "MISSING_ARG",
  8: "RANGE",
  20: "NOTDIR",
  21: "ISDIR",
  22: "NOENT",
  127: "OTHER",
};

/** The rev of a revision of the registry. */
export const STEP = 1_000_000;

export interface Asked {
  readonly tag?: number;
  readonly verb: keyof typeof VERBS | number;
  readonly path?: string;
  readonly value?: string;
  readonly offset?: number;
  readonly rev?: number;
}

export interface Told {
  tag?: number;
  flags?: number;
  rev?: number;
  path?: string;
  value?: string;
  len?: number;
  error?: string;
  detail?: string;
}

export function encode({ tag, verb, path, value, offset, rev }: Asked): Buffer {
  const parts: Buffer[] = [];
  const number = (field: number, what: number | undefined): void => {
    if (what !== undefined) parts.push(varint(BigInt(field << 3)), varint(BigInt.asUintN(64, BigInt(what))));
  };
  const text = (field: number, what: string | undefined): void => {
    const bytes = Buffer.from(what ?? "", "utf8");
    if (what !== undefined) parts.push(varint(BigInt((field << 3) | 2)), varint(BigInt(bytes.length)), bytes);
  };
  number(1, tag);
  number(2, typeof verb === "number" ? verb : VERBS[verb]);
  text(4, path);
  text(5, value);
  number(7, offset);
  number(9, rev);
  return frame(Buffer.concat(parts));
}

export function frame(message: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeInt32BE(message.length);
  return Buffer.concat([header, message]);
}

function varint(value: bigint): Buffer {
  return value < 128n
    ? Buffer.from([Number(value)])
    : Buffer.concat([Buffer.from([Number(value & 127n) + 128]), varint(value >> 7n)]);
}

/** The fields of a message without its length, in their order. */
function* fieldsOf(message: Buffer): Iterable<readonly [field: number, number: number, text: string]> {
  let at = 0;
  const next = (): bigint => {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = BigInt(message.readUInt8(at++));
      value |= (byte & 127n) << shift;
      if (byte < 128n) return value;
      shift += 7n;
    }
  };
  while (at < message.length) {
    const key = Number(next());
    const value = next();
    let text = "";
    if ((key & 7) === 2) {
      text = message.subarray(at, at + Number(value)).toString("utf8");
      at += Number(value);
    }
    yield [key >> 3, Number(BigInt.asIntN(64, value)), text];
  }
}

/** An answer without its length. */
export function decode(message: Buffer): Told {
  const told: Told = {};
  for (const [field, number, text] of fieldsOf(message)) {
    if (field === 1) told.tag = number;
    else if (field === 2) told.flags = number;
    else if (field === 3) told.rev = number;
    else if (field === 5) told.path = text;
    else if (field === 6) told.value = text;
    else if (field === 8) told.len = number;
    else if (field === 100) told.error = ERRORS[number] ?? String(number);
    else if (field === 101) told.detail = text;
    else throw new Error(`an answer has a field ${field}`);
  }
  return told;
}

/** A request without its length. */
export function decodeRequest(message: Buffer): Asked {
  const asked: { -readonly [K in keyof Asked]: Asked[K] } = { verb: 0 };
  for (const [field, number, text] of fieldsOf(message)) {
    if (field === 1) asked.tag = number;
    else if (field === 2) asked.verb = number;
    else if (field === 4) asked.path = text;
    else if (field === 5) asked.value = text;
    else if (field === 7) asked.offset = number;
    else if (field === 9) asked.rev = number;
  }
  return asked;
}

/** One connection; many requests at once. */
export class Client {
  readonly socket: Socket;
  /** What came that nobody had asked for by its tag, in order. */
  readonly strays: Told[] = [];
  /** Tags in the order of their answers. */
  readonly order: number[] = [];
  readonly #asked = new Map<number, (told: Told) => void>();
  #read = Buffer.alloc(0);
  #tag = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  static async open(scope: Scope, port: number): Promise<Client> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    scope.after(() => void socket.destroy());
    await once(socket, "connect");
    return new Client(socket);
  }

  async ask(verb: Asked["verb"], fields: Omit<Asked, "verb"> = {}): Promise<Told> {
    const tag = fields.tag ?? this.#tag++;
    const { tag: _tag, ...told } = await this.say(encode({ ...fields, tag, verb }), tag);
    return told;
  }

  /** A request as bytes, and its answer. */
  say(request: Buffer, tag: number): Promise<Told> {
    const told = new Promise<Told>((resolve) => this.#asked.set(tag, resolve));
    this.socket.write(request);
    return told;
  }

  /** What SET answers; fails when it is refused. */
  async set(path: string, value: string, rev = -1): Promise<number> {
    const told = await this.ask("SET", { path, value, rev });
    if (told.rev === undefined) throw new Error(`SET ${path}: ${told.error} ${told.detail ?? ""}`);
    return told.rev;
  }

  /** All that a WALK or a GETDIR gives, one after the other. */
  async all(verb: "WALK" | "GETDIR", path: string, rev?: number): Promise<readonly Told[]> {
    const all: Told[] = [];
    for (;;) {
      const told = await this.ask(verb, { path, offset: all.length, ...(rev === undefined ? {} : { rev }) });
      if (told.error === "RANGE") return all;
      if (told.error !== undefined) throw new Error(told.error);
      all.push(told);
    }
  }

  async closed(): Promise<void> {
    if (!this.socket.closed) await once(this.socket, "close");
  }

  #take(chunk: Buffer): void {
    this.#read = Buffer.concat([this.#read, chunk]);
    while (this.#read.length >= 4 && this.#read.length >= 4 + this.#read.readInt32BE(0)) {
      const end = 4 + this.#read.readInt32BE(0);
      const told = decode(this.#read.subarray(4, end));
      this.#read = this.#read.subarray(end);
      const tag = told.tag ?? Number.NaN;
      this.order.push(tag);
      const resolve = this.#asked.get(tag);
      this.#asked.delete(tag);
      if (resolve === undefined) this.strays.push(told);
      else resolve(told);
    }
  }
}
