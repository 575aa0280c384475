/**
 * Replays whole conversations of real clients as they have them: all on one connection, byte for byte, each request in
 * two pieces. Every answer's frame is read strictly, for a byte too many would be taken for the next answer.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync, inflateSync } from "node:zlib";
import { ROOT } from "../../harness/root.ts";
import type { Scope } from "../../harness/scope.ts";
import { type Shown, startEureka } from "../rig.ts";

interface Exchange {
  readonly request: readonly string[];
  readonly body?: string;
  readonly status: number;
}

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

const FOLDER = join(ROOT, "packages/registry/src/dialects/eureka/vectors");

/** A connection whose answers are read by the length that each one gives. */
class Connection {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #wake = () => {};

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay();
    socket.on("data", (data: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, data]);
      this.#wake();
    });
    socket.on("close", () => this.#wake());
  }

  /** What came that belongs to no answer. */
  get rest(): string {
    return this.#rest.toString();
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  async ask(bytes: Buffer): Promise<Answer> {
    this.#socket.write(bytes.subarray(0, bytes.length - 3));
    this.#socket.write(bytes.subarray(bytes.length - 3));
    const end = (await this.#waitFor(() => this.#rest.indexOf("\r\n\r\n") + 1)) + 3;
    const [line = "", ...fields] = this.#rest
      .subarray(0, end - 4)
      .toString("latin1")
      .split("\r\n");
    const headers = new Map(
      fields.map((field) => [field.replace(/:.*/, "").toLowerCase(), field.replace(/^.*?: */, "")]),
    );
    const status = Number(line.split(" ")[1]);
    // A 204 has no body, and must not say how long it is.
    const length = status === 204 ? 0 : Number(headers.get("content-length"));
    assert.ok(Number.isInteger(length), `${line}: no length`);
    await this.#waitFor(() => this.#rest.length >= end + length);
    const body = this.#rest.subarray(end, end + length);
    this.#rest = this.#rest.subarray(end + length);
    return { status, headers, body };
  }

  async #waitFor<T>(look: () => T): Promise<T> {
    for (;;) {
      const found = look();
      if (found) return found;
      assert.ok(!this.isClosed, `it was closed after: ${this.#rest}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** A request as it was sent; in chunks when it says so. */
function toBytes({ request, body = "" }: Exchange, host: string): Buffer {
  const head = `${request.join("\r\n").replaceAll("{host}", host)}\r\n\r\n`;
  if (!/^transfer-encoding: chunked$/im.test(head)) return Buffer.from(head + body);
  return Buffer.from(`${head}${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`);
}

function decode({ headers, body }: Answer): Buffer {
  const encoding = headers.get("content-encoding");
  return encoding === "gzip" ? gunzipSync(body) : encoding === "deflate" ? inflateSync(body) : body;
}

/** No body that a client could trip over, and nothing that says what is in it. */
function assertEmpty({ status, headers, body }: Answer, note: string): void {
  assert.equal(body.length, 0, note);
  assert.equal(headers.get("content-length"), status === 204 ? undefined : "0", note);
  assert.equal(headers.get("content-type"), undefined, note);
  assert.equal(headers.get("content-encoding"), undefined, note);
}

/** A fetch answers in the kind that was asked for, and gzipped to those who take it. */
function assertFetched(answer: Answer, { request }: Exchange, note: string): void {
  const asked = (name: string) => request.find((line) => line.toLowerCase().startsWith(`${name}:`)) ?? "";
  const wantsJson = asked("accept").includes("json");
  assert.match(answer.headers.get("content-type") ?? "", wantsJson ? /^application\/json/ : /^application\/xml/, note);
  const wantsGzip = asked("accept-encoding").includes("gzip");
  assert.equal(answer.headers.get("content-encoding"), wantsGzip ? "gzip" : undefined, note);
  const text = decode(answer).toString();
  if (!wantsJson) {
    assert.match(text, /^<applications>.*<versions__delta>\d+<.*<apps__hashcode>.*<\/applications>\s*$/s, note);
    return;
  }
  const { applications } = JSON.parse(text) as Shown;
  assert.match(applications.versions__delta, /^[0-9]+$/, note);
  assert.equal(typeof applications.apps__hashcode, "string", note);
  for (const { name, instance } of applications.application)
    for (const one of instance) assert.deepEqual([one.app, typeof one.port.$], [name, "number"], note);
}

const { port } = await startEureka({ after });

async function open(scope: Scope): Promise<Connection> {
  const socket = connect(port, "127.0.0.1");
  scope.after(() => void socket.destroy());
  await once(socket, "connect");
  return new Connection(socket);
}

for (const file of readdirSync(FOLDER).filter((name) => !name.startsWith("netflix-codecs")))
  test(`the conversation of ${file.replace(".json", "")} goes over one connection`, async (t) => {
    const { exchanges } = JSON.parse(readFileSync(join(FOLDER, file), "utf8")) as { exchanges: readonly Exchange[] };
    let connection = await open(t);
    for (const exchange of exchanges) {
      const note = `${file}: ${exchange.request[0]}`;
      const answer = await connection.ask(toBytes(exchange, `127.0.0.1:${port}`));
      assert.equal(answer.status, exchange.status, `${note}\n${decode(answer)}`);
      if (exchange.request[0]?.startsWith("GET ")) assertFetched(answer, exchange, note);
      else assertEmpty(answer, note);
      assert.equal(connection.rest, "", note);
      // One client takes a new connection for each request, and says so.
      if (exchange.request.some((line) => /^connection: close$/i.test(line))) connection = await open(t);
    }
    assert.ok(!connection.isClosed);
  });
