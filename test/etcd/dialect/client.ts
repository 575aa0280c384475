/** A client of gRPC over node:http2 that hides nothing, with the program's own messages. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type IncomingHttpHeaders } from "node:http2";
import { create, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { SCHEMA } from "../../../packages/registry/src/dialects/etcd/proto/schema.ts";
import type { Scope } from "../../harness/scope.ts";

/** A message as tests look at it: fields by name, longs as bigints. */
// biome-ignore lint/suspicious/noExplicitAny: its fields depend on the method.
export type Told = any;

/** How a call ended. */
export interface Ended {
  readonly code: number;
  readonly message: string;
  readonly headers: IncomingHttpHeaders;
}

/** What a call rejects with unless it ends well. */
export class CallFailed extends Error {
  readonly code: number;
  readonly ended: Ended;

  constructor(ended: Ended) {
    super(ended.message);
    this.code = ended.code;
    this.ended = ended;
  }
}

export const FRAME_HEAD_BYTES = 5;

export function frameOf(message: Uint8Array): Buffer {
  const head = Buffer.alloc(FRAME_HEAD_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const schemas = (path: string) => {
  const method = SCHEMA.method(path);
  if (method === undefined) throw new Error(`there is no method ${path}`);
  return method;
};

/** Fields by their names, longs as bigints. */
export type Fields = Record<string, unknown>;

export function encodeRequest(path: string, fields: Fields): Buffer {
  const { input } = schemas(path);
  return frameOf(toBinary(input, create(input, fields)));
}

/** One call under way: requests go out by `send`, answers are taken one after the other. */
export class Talk {
  readonly stream: ClientHttp2Stream;
  readonly ended: Promise<Ended>;
  readonly #path: string;
  #read: Buffer = Buffer.alloc(0);
  readonly #told: Told[] = [];
  #waiting: ((told: Told) => void)[] = [];
  #isOver = false;
  answers = 0;

  constructor(session: ClientHttp2Session, path: string, headers: Readonly<Record<string, string>>) {
    this.#path = path;
    this.stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let heard: IncomingHttpHeaders = {};
    this.stream.on("response", (more) => {
      heard = { ...heard, ...more };
    });
    this.stream.on("trailers", (more) => {
      heard = { ...heard, ...more };
    });
    this.stream.on("error", () => {});
    this.stream.on("data", (chunk: Buffer) => this.#take(chunk));
    this.ended = new Promise((resolve) => {
      this.stream.on("close", () => {
        this.#isOver = true;
        for (const waiting of this.#waiting.splice(0)) waiting(undefined);
        const code = heard["grpc-status"] === undefined ? -1 : Number(heard["grpc-status"]);
        resolve({ code, message: decodeURIComponent(String(heard["grpc-message"] ?? "")), headers: heard });
      });
    });
  }

  #take(chunk: Buffer): void {
    this.#read = Buffer.concat([this.#read, chunk]);
    while (this.#read.length >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + this.#read.readUInt32BE(1);
      if (this.#read.length < end) return;
      const told = fromBinary(schemas(this.#path).output, this.#read.subarray(FRAME_HEAD_BYTES, end)) as Message;
      this.#read = this.#read.subarray(end);
      this.answers++;
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#told.push(told);
      else waiting(told);
    }
  }

  send(fields: Fields): this {
    this.stream.write(encodeRequest(this.#path, fields));
    return this;
  }

  /** The next answer; undefined once the call is over. */
  next(): Promise<Told> {
    const told = this.#told.shift();
    if (told !== undefined || this.#isOver) return Promise.resolve(told);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** One connection. */
export class Client {
  readonly session: ClientHttp2Session;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(session: ClientHttp2Session, headers: Readonly<Record<string, string>> = {}) {
    this.session = session;
    this.#headers = headers;
    session.on("error", () => {});
  }

  static dial(scope: Scope, port: number, headers: Readonly<Record<string, string>> = {}): Client {
    const session = connect(`http://127.0.0.1:${port}`);
    scope.after(() => session.destroy());
    return new Client(session, headers);
  }

  /** The same connection, with other headers. */
  with(headers: Readonly<Record<string, string>>): Client {
    return new Client(this.session, { ...this.#headers, ...headers });
  }

  open(path: string): Talk {
    return new Talk(this.session, path, this.#headers);
  }

  /** One request, one answer. Rejects with `CallFailed`. */
  async ask(path: string, fields: Fields = {}): Promise<Told> {
    const talk = this.open(path);
    talk.stream.end(encodeRequest(path, fields));
    const told = await talk.next();
    const ended = await talk.ended;
    if (ended.code !== 0) throw new CallFailed(ended);
    return told;
  }

  /** How a call ends that is to fail: `3 etcdserver: key is not provided`. */
  async refusal(path: string, fields: Fields = {}): Promise<string> {
    try {
      await this.ask(path, fields);
      return "0";
    } catch (error) {
      if (error instanceof CallFailed) return `${error.code} ${error.message}`;
      throw error;
    }
  }

  put(key: string, value: string, more: Fields = {}): Promise<Told> {
    return this.ask(KV.put, { key: bytes(key), value: bytes(value), ...more });
  }

  range(key: string, end = "", more: Fields = {}): Promise<Told> {
    return this.ask(KV.range, { key: bytes(key), rangeEnd: bytes(end), ...more });
  }
}

export const KV = {
  range: "/etcdserverpb.KV/Range",
  put: "/etcdserverpb.KV/Put",
  delete: "/etcdserverpb.KV/DeleteRange",
  txn: "/etcdserverpb.KV/Txn",
  compact: "/etcdserverpb.KV/Compact",
} as const;

/** A character for each byte. */
export function bytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

export function text(value: Uint8Array): string {
  return Buffer.from(value).toString("latin1");
}

/** `a=1 b=2` */
export function pairs(kvs: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): string {
  return kvs.map(({ key, value }) => `${text(key)}=${text(value)}`).join(" ");
}
