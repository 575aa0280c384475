/** gRPC as the tests speak it: calls by the names of `proto.ts`, on one connection. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";
import { gunzipSync } from "node:zlib";
import { type Scope, until } from "../../../harness/scope.ts";
import { decode, encode, type Method, methodOf, type Plain } from "./proto.ts";

/** A call that was refused. */
interface Failure {
  /** Of gRPC. */
  readonly error: number;
  readonly message: string;
}

const HEAD_BYTES = 5;

export function frame(message: Buffer, flag = 0): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(flag, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export class Caller {
  readonly session: ClientHttp2Session;

  constructor(scope: Scope, url: string | number) {
    this.session = connect(typeof url === "number" ? `http://127.0.0.1:${url}` : url);
    this.session.on("error", () => {});
    scope.after(() => this.session.destroy());
  }

  /** The answer, or a `Failure`. */
  async ask(call: string, message: Plain = {}, headers: OutgoingHttpHeaders = {}): Promise<Plain> {
    const method = methodOf(call);
    return this.askBytes(method, frame(encode(method.asked, message)), headers);
  }

  /** Fails when it is refused. */
  async must(call: string, message: Plain = {}): Promise<Plain> {
    const told = await this.ask(call, message);
    if (told.error !== undefined) throw new Error(`${call}: ${told.error} ${told.message}`);
    return told;
  }

  async askBytes(method: Method, bytes: Buffer, headers: OutgoingHttpHeaders = {}): Promise<Plain> {
    const stream = new Stream(this.session, method, headers);
    stream.http.end(bytes);
    const { error, message } = await stream.ended;
    return error === 0 ? (stream.received[0] ?? {}) : { error, message };
  }

  open(call: string, headers: OutgoingHttpHeaders = {}): Stream {
    return new Stream(this.session, methodOf(call), headers);
  }
}

/** Messages both ways. */
export class Stream {
  readonly http: ClientHttp2Stream;
  readonly received: Plain[] = [];
  /** The status; -1 when there was none. */
  readonly ended: Promise<Failure>;
  readonly #method: Method;
  #rest: Buffer = Buffer.alloc(0);

  constructor(session: ClientHttp2Session, method: Method, headers: OutgoingHttpHeaders) {
    this.#method = method;
    this.http = session.request({
      ":method": "POST",
      ":path": method.path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let status: Failure | undefined;
    const note = (got: OutgoingHttpHeaders): void => {
      if (got["grpc-status"] === undefined) return;
      const message = String(got["grpc-message"] ?? "");
      status ??= { error: Number(got["grpc-status"]), message: decodeURIComponent(message) };
    };
    this.http
      .on("response", note)
      .on("trailers", note)
      .on("error", () => {});
    this.http.on("data", (chunk: Buffer) => this.#take(chunk));
    // The other side has said its last word.
    this.http.on("end", () => this.http.end());
    this.ended = new Promise((resolve) => {
      this.http.once("close", () => resolve(status ?? { error: -1, message: "there is no status" }));
    });
  }

  send(message: Plain): void {
    this.http.write(frame(encode(this.#method.asked, message)));
  }

  /** All so far, once there are so many, or the stream is over. */
  async heard(count: number): Promise<readonly Plain[]> {
    await until(() => this.received.length >= count || this.http.closed, {
      what: `${count} messages of ${this.#method.path}; ${JSON.stringify(this.received)}`,
      intervalMs: 2,
    });
    return this.received;
  }

  close(): void {
    this.http.close();
  }

  #take(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= HEAD_BYTES && this.#rest.length >= HEAD_BYTES + this.#rest.readUInt32BE(1)) {
      const end = HEAD_BYTES + this.#rest.readUInt32BE(1);
      const [flag, bytes] = [this.#rest[0], this.#rest.subarray(HEAD_BYTES, end)];
      this.received.push(decode(this.#method.told, flag === 1 ? gunzipSync(bytes) : bytes));
      this.#rest = this.#rest.subarray(end);
    }
  }
}
