/** What the tests of the zookeeper dialect share: a registry, and a client with a codec of its own. */
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type Rollcall, startRollcall } from "../harness/program.ts";
import { type Scope, temporaryDirectory, until } from "../harness/scope.ts";
import { Cut, FLAGS, frame, list, OPEN, OPS, pack, readStat, type Stat } from "./codec.ts";

export interface ZookeeperOptions {
  /** `dialectSettings.zookeeper`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The rest of the configuration file. */
  readonly config?: Readonly<Record<string, unknown>>;
  readonly dialects?: string;
}

export async function startZookeeper(scope: Scope, options: ZookeeperOptions = {}): Promise<Rollcall> {
  const { settings = {}, config = {}, dialects = "http,zookeeper" } = options;
  const file = join(temporaryDirectory(scope, "zookeeper"), "rollcall.yaml");
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ dialectSettings: { zookeeper: settings }, ...config }));
  return startRollcall(scope, { flags: ["--config", file, "--dialects", dialects, "--zookeeper-port", "0"] });
}

export interface Told {
  readonly xid: number;
  readonly zxid: bigint;
  readonly error: number;
  readonly body: Cut;
}

export interface Event {
  /** 1 created, 2 deleted, 3 data, 4 children. */
  readonly type: number;
  readonly path: string;
  readonly zxid: bigint;
  /** Answers that had come before it. */
  readonly after: number;
}

export interface Greeting {
  readonly timeoutMs: number;
  readonly session: bigint;
  readonly password: Buffer;
  /** Of the answer, without its length. */
  readonly bytes: number;
}

export interface Hello {
  readonly timeoutMs?: number;
  readonly session?: bigint;
  readonly password?: Buffer;
  readonly lastZxid?: number | bigint;
  /** False: as older clients, without the read-only flag. */
  readonly withFlag?: boolean;
}

const NO_PASSWORD = Buffer.alloc(16);

export function hello(said: Hello = {}): Buffer {
  const { timeoutMs = 10_000, session = 0n, password = NO_PASSWORD, lastZxid = 0, withFlag = true } = said;
  const body = pack("ilils", 0, lastZxid, timeoutMs, session, password);
  return frame(withFlag ? Buffer.concat([body, Buffer.from([0])]) : body);
}

/** One connection; many requests at once. */
export class Client {
  readonly socket: Socket;
  readonly events: Event[] = [];
  /** All that came behind the greeting, without lengths. */
  readonly frames: Buffer[] = [];
  greeting: Greeting | undefined;
  answers = 0;
  #waiting: { readonly xid: number; readonly told: (told: Told) => void }[] = [];
  #greeted: ((greeting: Greeting) => void) | undefined;
  #read: Buffer = Buffer.alloc(0);
  #xid = 1;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
  }

  static async dial(scope: Scope, port: number): Promise<Client> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true });
    scope.after(() => void socket.destroy());
    await once(socket, "connect");
    return new Client(socket);
  }

  static async open(scope: Scope, port: number, said: Hello = {}): Promise<Client> {
    const client = await Client.dial(scope, port);
    await client.greet(said);
    return client;
  }

  greet(said: Hello = {}): Promise<Greeting> {
    const greeting = new Promise<Greeting>((resolve, reject) => {
      this.#greeted = resolve;
      this.#onEnd(() => reject(new Error("closed without a greeting")));
    });
    this.socket.write(hello(said));
    return greeting;
  }

  ask(op: keyof typeof OPS | number, body: Buffer = Buffer.alloc(0), xid = this.#xid++): Promise<Told> {
    const type = typeof op === "number" ? op : OPS[op];
    const told = new Promise<Told>((resolve, reject) => {
      this.#waiting.push({ xid, told: resolve });
      this.#onEnd(() => reject(new Error("closed without an answer")));
    });
    told.catch(() => {});
    this.socket.setMaxListeners(0);
    this.socket.write(frame(Buffer.concat([pack("ii", xid, type), body])));
    return told;
  }

  /** Fails when it is refused. */
  async must(op: keyof typeof OPS, body?: Buffer): Promise<Told> {
    const told = await this.ask(op, body);
    if (told.error !== 0) throw new Error(`${op}: ${told.error}`);
    return told;
  }

  async code(op: keyof typeof OPS | number, body?: Buffer): Promise<number> {
    return (await this.ask(op, body)).error;
  }

  /** The path that it got. */
  async create(
    path: string,
    data: string | null = "",
    flags: number = FLAGS.persistent,
    acl: Buffer = OPEN,
  ): Promise<string> {
    const told = await this.must("create", createBody(path, data, flags, acl));
    return told.body.text();
  }

  async get(path: string, watch = false): Promise<{ readonly data: string | null; readonly stat: Stat }> {
    const { body } = await this.must("getData", pack("sb", path, watch));
    return { data: body.raw()?.toString("utf8") ?? null, stat: readStat(body) };
  }

  async stat(path: string, watch = false): Promise<Stat | undefined> {
    const told = await this.ask("exists", pack("sb", path, watch));
    if (told.error === -101) return undefined;
    if (told.error !== 0) throw new Error(`exists: ${told.error}`);
    return readStat(told.body);
  }

  async children(path: string, watch = false): Promise<readonly string[]> {
    const { body } = await this.must("getChildren", pack("sb", path, watch));
    return body.list(() => body.text());
  }

  async set(path: string, data: string | null, version = -1): Promise<Stat> {
    return readStat((await this.must("setData", pack("ssi", path, data, version))).body);
  }

  remove(path: string, version = -1): Promise<number> {
    return this.code("delete", pack("si", path, version));
  }

  /** The kinds and paths of all events so far, once there are so many. */
  async heard(count: number): Promise<readonly string[]> {
    await until(() => this.events.length >= count, { what: `${count} events; ${JSON.stringify(this.#shown())}` });
    return this.#shown();
  }

  #shown(): readonly string[] {
    return this.events.map(({ type, path }) => `${type} ${path}`);
  }

  async closed(): Promise<void> {
    await new Promise<void>((resolve) => this.#onEnd(resolve));
  }

  /** At once when it is over already: "close" comes only once. An error before it is no other end. */
  #onEnd(told: () => void): void {
    if (this.socket.closed) told();
    else this.socket.once("close", () => told());
  }

  #take(chunk: Buffer): void {
    this.#read = this.#read.length === 0 ? chunk : Buffer.concat([this.#read, chunk]);
    while (this.#read.length >= 4 && this.#read.length >= 4 + this.#read.readInt32BE(0)) {
      const end = 4 + this.#read.readInt32BE(0);
      this.#takeFrame(this.#read.subarray(4, end));
      this.#read = this.#read.subarray(end);
    }
  }

  #takeFrame(bytes: Buffer): void {
    const cut = new Cut(bytes);
    if (this.#greeted !== undefined) {
      cut.int();
      const greeting = {
        timeoutMs: cut.int(),
        session: cut.long(),
        password: cut.raw() ?? NO_PASSWORD,
        bytes: bytes.length,
      };
      this.greeting = greeting;
      this.#greeted(greeting);
      this.#greeted = undefined;
      return;
    }
    this.frames.push(bytes);
    const [xid, zxid, error] = [cut.int(), cut.long(), cut.int()];
    if (xid === -1) {
      const type = cut.int();
      cut.int();
      this.events.push({ type, path: cut.text(), zxid, after: this.answers });
      return;
    }
    this.answers += 1;
    // Pings may be answered out of turn; all else is in order.
    const at = xid === -2 ? this.#waiting.findIndex((one) => one.xid === -2) : 0;
    const [waiting] = this.#waiting.splice(at, 1);
    if (waiting?.xid !== xid) throw new Error(`answer ${xid} where ${waiting?.xid} was to come`);
    waiting.told({ xid, zxid, error, body: cut });
  }
}

export function createBody(path: string | null, data: string | null, flags: number, acl: Buffer = OPEN): Buffer {
  return Buffer.concat([pack("ss", path, data), acl, pack("i", flags)]);
}

export function aclOf(...entries: readonly (readonly [perms: number, scheme: string, id: string])[]): Buffer {
  return list(entries.map(([perms, scheme, id]) => pack("iss", perms, scheme, id)));
}

/** What is answered to four letters. Throws when it is silent for 5 s, as an original that is just starting may be for ever. */
export async function word(scope: Scope, port: number, letters: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  scope.after(() => void socket.destroy());
  socket.setTimeout(5_000, () => socket.destroy(new Error(`silent after ${letters}`)));
  socket.write(letters);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}
