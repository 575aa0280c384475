/** gRPC beside HTTP/1.1 on one listener: frames, deadlines, limits, clients that misbehave, and the end. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";
import { after, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { healthOf } from "../../packages/registry/src/net/grpc/health.ts";
import { type Codec, HEAD_BYTES, type Method } from "../../packages/registry/src/net/grpc/method.ts";
import { reflectionOf } from "../../packages/registry/src/net/grpc/reflection.ts";
import { GrpcServer } from "../../packages/registry/src/net/grpc/server.ts";
import { CODES, Status } from "../../packages/registry/src/net/grpc/status.ts";
import { request } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { createAuthority } from "./authority-rig.ts";
import { type NetRig, openListener, openSocket, serve } from "./rig.ts";

const TEXT: Codec<string, string> = {
  decode: (message) => {
    if (message.includes(0xff)) throw new RangeError("no text");
    return message.toString();
  },
  encode: (answer) => Buffer.from("\0".repeat(HEAD_BYTES) + answer),
};

const seen = { aborted: 0, closed: 0, failed: [] as string[], stalled: 0 };

/** Long answers: asked for, and made. */
const made = { asked: 0, answers: 0 };

const METHODS: readonly Method<string>[] = [
  {
    kind: "unary",
    path: "/test.Echo/Say",
    codec: TEXT,
    handle: (context, call, text: string) => {
      if (text === "refuse") return new Status(CODES.notFound, "no ü%\n");
      if (text === "throw") throw new Error("on purpose");
      if (text === "reject") return Promise.reject(new Error("on purpose, too"));
      if (text === "later") return Promise.resolve(`${context} later`);
      if (text === "never")
        return new Promise(() => call.signal.addEventListener("abort", () => seen.aborted++, { once: true }));
      return `${context} ${call.metadata("x-name") ?? ""} ${text}`;
    },
  },
  {
    kind: "unary",
    path: "/test.Echo/Much",
    codec: {
      ...TEXT,
      encode: (answer: string) => {
        made.answers++;
        return TEXT.encode(answer);
      },
    },
    handle: async (_context, _call, text: string) => {
      made.asked++;
      return "x".repeat(Number(text));
    },
  },
  {
    kind: "server",
    path: "/test.Echo/Count",
    codec: TEXT,
    handle: (_context, _call, text: string, answers) => {
      const count = Number(text);
      let nth = 0;
      const go = (): void => {
        while (nth < count) if (!answers.write(String(nth++).padEnd(1000, "."))) return void seen.stalled++;
        answers.end();
      };
      answers.onDrain(go);
      go();
      return () => seen.closed++;
    },
  },
  {
    kind: "both",
    path: "/test.Echo/Chat",
    codec: TEXT,
    open: (_context, _call, answers) => ({
      message: async (text: string) => {
        await new Promise(setImmediate);
        if (text === "bye") return answers.end(new Status(CODES.aborted, "as asked"));
        answers.write(text);
      },
      ended: () => answers.end(),
      closed: () => seen.closed++,
    }),
  },
];

const DESCRIBED = {
  services: ["test.Echo"],
  fileOf: (symbol: string) => (symbol.startsWith("test.Echo") ? "echo.proto" : undefined),
  file: (name: string) => (name === "echo.proto" ? { bytes: Buffer.from("file"), imports: ["none.proto"] } : undefined),
};

async function open(tls?: { certFile: string; keyFile: string }, limits = {}): Promise<NetRig> {
  const streams = new GrpcServer<string>({
    context: "echo",
    methods: [...METHODS, ...healthOf(["test.Echo"]), ...reflectionOf(DESCRIBED)],
    requestBytesMax: 100_000,
    dialect: "test",
    requests: { picks: () => false, write: () => {} },
    failed: (error) => seen.failed.push((error as Error).message),
  });
  const rig = await openListener({ after }, { http2: { dialect: "test", streams, limits }, ...(tls && { tls }) });
  serve(rig.listener, "/", "test", (asked, reply) => reply.send(200, {}, `plain ${asked.method} ${asked.path}`));
  return rig;
}

const rig = await open();
const session = dial(rig.url);

function dial(url: string, options = {}): ClientHttp2Session {
  const made = connect(url, options);
  after(() => made.destroy());
  made.on("error", () => {});
  return made;
}

function frame(said: string | Buffer, flag = 0): Buffer {
  const message = Buffer.from(said as string);
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

interface Heard {
  /** `0`, or code and message. */
  status: string;
  headers: IncomingHttpHeaders;
  body: Buffer;
  texts: string[];
}

function begin(path: string, headers: Record<string, string> = {}, on = session) {
  const base = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
  const stream = on.request({ ...base, ...headers });
  const heard: Heard = { status: "", headers: {}, body: Buffer.alloc(0), texts: [] };
  const add = (more: IncomingHttpHeaders): void => {
    heard.headers = { ...heard.headers, ...more };
  };
  stream
    .on("response", add)
    .on("trailers", add)
    .on("error", () => {});
  stream.on("data", (chunk: Buffer) => {
    heard.body = Buffer.concat([heard.body, chunk]);
  });
  const ended = new Promise<Heard>((resolve) =>
    stream.on("close", () => {
      const { "grpc-status": code, "grpc-message": message, ":status": http } = heard.headers;
      const said = message === undefined ? "" : ` ${decodeURIComponent(String(message))}`;
      heard.status = code === undefined ? `HTTP ${http}` : `${code}${said}`;
      heard.texts = textsOf(heard.body);
      resolve(heard);
    }),
  );
  return { stream, heard, ended };
}

function textsOf(body: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at + HEAD_BYTES <= body.length; ) {
    const end = at + HEAD_BYTES + body.readUInt32BE(at + 1);
    texts.push(body.toString("utf8", at + HEAD_BYTES, end));
    at = end;
  }
  return texts;
}

function say(body: Buffer, path = "/test.Echo/Say", headers: Record<string, string> = {}): Promise<Heard> {
  const { stream, ended } = begin(path, headers);
  stream.end(body);
  return ended;
}

test("calls are answered, and refused with their status", async () => {
  const cases: readonly [body: Buffer, path: string, headers: Record<string, string>, status: string, text: string][] =
    [
      [frame("hi"), "/test.Echo/Say", { "x-name": "n" }, "0", "echo n hi"],
      [frame(""), "/test.Echo/Say", {}, "0", "echo  "],
      [frame("later"), "/test.Echo/Say", {}, "0", "echo later"],
      [frame("refuse"), "/test.Echo/Say", {}, "5 no ü%\n", ""],
      [frame("throw"), "/test.Echo/Say", {}, "13 something went wrong; the server's log has it", ""],
      [frame("reject"), "/test.Echo/Say", {}, "13 something went wrong; the server's log has it", ""],
      [frame("never"), "/test.Echo/Say", { "grpc-timeout": "20m" }, "4 context deadline exceeded", ""],
      [frame("x"), "/test.Echo/Say", { "grpc-timeout": "soon" }, "13 malformed grpc-timeout", ""],
      [frame("x"), "/test.Echo/Sing", {}, "12 unknown method Sing for service test.Echo", ""],
      [frame("x"), "/test.Other/Say", {}, "12 unknown service test.Other", ""],
      [frame("x"), "/Say", {}, '12 malformed method name: "/Say"', ""],
      [frame("x"), "/test.Echo/Say", { ":method": "PUT" }, "HTTP 405", ""],
      [frame("x"), "/test.Echo/Say", { "content-type": "text/plain" }, "HTTP 415", ""],
      [Buffer.alloc(0), "/test.Echo/Say", {}, "13 unexpected EOF", ""],
      [frame("torn").subarray(0, 7), "/test.Echo/Say", {}, "13 unexpected EOF", ""],
      [frame("x", 1), "/test.Echo/Say", {}, "13 grpc: compressed flag set with identity or empty encoding", ""],
      [frame("x", 7), "/test.Echo/Say", {}, "13 grpc: received unexpected payload format 7", ""],
      [frame("\xff\xff"), "/test.Echo/Say", {}, "0", "echo  ÿÿ"],
      [frame(Buffer.from([0xff])), "/test.Echo/Say", {}, "13 grpc: error unmarshalling request: no text", ""],
      [
        frame("x"),
        "/test.Echo/Say",
        { "grpc-encoding": "snappy" },
        '12 grpc: Decompressor is not installed for grpc-encoding "snappy"',
        "",
      ],
      [
        frame("x".repeat(100_001)),
        "/test.Echo/Say",
        {},
        "8 grpc: received message larger than max (100001 vs. 100000)",
        "",
      ],
      [
        Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]),
        "/test.Echo/Say",
        {},
        "8 grpc: received message larger than max (4294967295 vs. 100000)",
        "",
      ],
    ];
  for (const [body, path, headers, status, text] of cases) {
    const heard = await say(body, path, headers);
    assert.deepEqual([heard.status, heard.texts.join()], [status, text], `${path} ${body.toString("latin1", 0, 20)}`);
  }
  assert.deepEqual(seen.failed, ["on purpose", "on purpose, too"]);
  assert.equal(seen.aborted, 1);
  // The connection lives on.
  assert.equal((await say(frame("still"))).texts.join(), "echo  still");
});

test("who compresses what it sends gets it back so, and no bomb goes off", async () => {
  const { status, headers, body } = await say(frame(gzipSync("small"), 1), "/test.Echo/Say", {
    "grpc-encoding": "gzip",
  });
  assert.deepEqual([status, headers["grpc-encoding"], body[0]], ["0", "gzip", 1]);
  assert.equal(gunzipSync(body.subarray(HEAD_BYTES)).toString(), "echo  small");
  const bomb = frame(gzipSync(Buffer.alloc(50_000_000)), 1);
  const refused = await say(bomb, "/test.Echo/Say", { "grpc-encoding": "gzip" });
  assert.match(refused.status, /^8 grpc: received message after decompression larger/);
  const broken = await say(frame("no gzip", 1), "/test.Echo/Say", { "grpc-encoding": "gzip" });
  assert.match(broken.status, /^13 grpc: failed to decompress/);
});

test("messages come in any pieces, many in one, and in their order", async () => {
  const { stream, ended } = begin("/test.Echo/Chat");
  const all = Buffer.concat(["a", "", "ccc", "x".repeat(70_000)].map((text) => frame(text)));
  for (const [at, byte] of [...all.subarray(0, 30)].entries()) {
    stream.write(Buffer.from([byte]));
    if (at % 7 === 0) await new Promise(setImmediate);
  }
  stream.end(all.subarray(30));
  const { status, texts } = await ended;
  assert.deepEqual([status, texts.map(({ length }) => length)], ["0", [1, 0, 3, 70_000]]);
  const other = begin("/test.Echo/Chat");
  other.stream.write(Buffer.concat([frame("one"), frame("bye"), frame("never")]));
  const told = await other.ended;
  assert.deepEqual([told.status, told.texts], ["10 as asked", ["one"]]);
});

test("a client that does not read holds up its own stream alone", async () => {
  seen.stalled = 0;
  const { stream, heard, ended } = begin("/test.Echo/Count");
  stream.pause();
  stream.end(frame("1000"));
  await until(() => seen.stalled > 0);
  assert.equal((await say(frame("meanwhile"))).texts.join(), "echo  meanwhile");
  assert.ok(seen.stalled < 5);
  stream.resume();
  assert.equal((await ended).status, "0");
  assert.equal(heard.texts.length, 1000);
  const closed = seen.closed;
  const gone = begin("/test.Echo/Count");
  gone.stream.pause();
  gone.stream.end(frame("100000"));
  await until(() => seen.stalled > 1);
  gone.stream.destroy();
  await until(() => seen.closed > closed);
});

test("a connection that reads nothing gets no more made for it than it may hold", async () => {
  const deaf = dial(rig.url, { settings: { initialWindowSize: 0 } });
  made.answers = 0;
  const talks = Array.from({ length: 60 }, () => begin("/test.Echo/Much", {}, deaf));
  for (const { stream } of talks) stream.end(frame("1000000"));
  await until(() => made.asked === 60);
  await say(frame("meanwhile"));
  assert.ok(made.answers < 10, `${made.answers} answers of a million bytes`);
  deaf.settings({ initialWindowSize: 1_000_000 });
  const ended = await Promise.all(talks.map(({ ended }) => ended));
  assert.ok(ended.every(({ status, body }) => status === "0" && body.length === 1_000_000 + HEAD_BYTES));
});

test("streams that are taken back as they begin", async () => {
  const fleeting = dial(rig.url);
  const before = seen.closed;
  for (const path of ["/test.Echo/Say", "/test.Echo/Chat", "/test.Echo/Count", "/test.Echo/None", "/none"])
    for (const code of [0, 2, 8]) {
      const { stream } = begin(path, {}, fleeting);
      if (code === 2) stream.write(frame("1"));
      stream.close(code);
    }
  assert.equal((await say(frame("still"))).texts.join(), "echo  still");
  // Three talks, and one that was asked to count.
  await until(() => seen.closed === before + 4);
});

test("thousands of streams on one connection", async () => {
  const before = seen.closed;
  const chats = Array.from({ length: 1500 }, () => begin("/test.Echo/Chat"));
  for (const [nth, { stream }] of chats.entries()) stream.write(frame(String(nth)));
  await until(() => chats.every(({ heard }) => heard.body.length > HEAD_BYTES));
  for (const { stream } of chats) stream.end();
  const ended = await Promise.all(chats.map(({ ended }) => ended));
  assert.ok(ended.every(({ status, texts }, nth) => status === "0" && texts[0] === String(nth)));
  await until(() => seen.closed === before + 1500);
});

test("health and reflection", async () => {
  const ask = async (path: string, body: Buffer | string): Promise<string> => {
    const { status, body: answer } = await say(frame(body), path);
    return `${status} ${answer.subarray(HEAD_BYTES).toString("latin1")}`;
  };
  assert.equal(await ask("/grpc.health.v1.Health/Check", ""), "0 \x08\x01");
  assert.equal(await ask("/grpc.health.v1.Health/Check", "\x0a\x09test.Echo"), "0 \x08\x01");
  assert.equal(await ask("/grpc.health.v1.Health/Check", "\x0a\x01x"), "5 unknown service ");
  const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  assert.match(await ask(path, "\x3a\x00"), /^0 .*test\.Echo/s);
  assert.ok((await ask(path, "\x22\x0etest.Echo.Chat")).endsWith("\x0a\x04file"));
  assert.match(await ask(path, "\x22\x01x"), /^0 .*there is no x/s);
});

test("HTTP/1.1 on the same port, and a preface in pieces", async () => {
  assert.equal((await request(`${rig.url}/x`)).text, "plain GET /x");
  assert.equal((await request(`${rig.url}/PRI`, { method: "PUT" })).text, "plain PUT /PRI");
  const raw = openSocket({ after }, rig.listener.port);
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const part of [preface.slice(0, 1), preface.slice(1, 5), preface.slice(5)]) {
    raw.write(part);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // Settings, which are the first that a server says.
  raw.write("\0\0\0\x04\0\0\0\0\0");
  await until(() => raw.text().length > 9);
  assert.equal(raw.text().charCodeAt(3), 4);
});

test("with TLS clients agree on the protocol, and HTTP/2 serves what HTTP/1.1 does", async () => {
  const authority = createAuthority(temporaryDirectory({ after }), "root");
  const { cert: certFile, key: keyFile } = authority.sign("server", "server");
  const secure = await open({ certFile, keyFile });
  const ca = readFileSync(authority.ca);
  const secured = dial(secure.url, { ca });
  const { stream, ended } = begin("/test.Echo/Say", {}, secured);
  stream.end(frame("tls"));
  assert.equal((await ended).texts.join(), "echo  tls");
  assert.equal((await request(`${secure.url}/y`, { connection: { ca } })).text, "plain GET /y");
  for (const [method, body] of [
    ["GET", ""],
    ["POST", "x".repeat(200_000)],
  ] as const) {
    const bridged = begin("/z", { ":method": method, "content-type": "text/plain" }, secured);
    // A GET has ended already.
    if (body !== "") bridged.stream.end(body);
    const { headers, body: answer } = await bridged.ended;
    assert.deepEqual([headers[":status"], answer.toString()], [200, `plain ${method} /z`]);
  }
});

test("pings that come too often end the connection, and none that follow an answer", async () => {
  const strict = await open(undefined, { pingMsMin: 60_000 });
  const pinging = dial(strict.url);
  const ping = (): Promise<void> => new Promise((resolve) => void pinging.ping(() => resolve()));
  const chat = begin("/test.Echo/Chat", {}, pinging);
  for (let nth = 0; nth < 5; nth++) {
    chat.stream.write(frame("x"));
    await until(() => textsOf(chat.heard.body).length > nth);
    await ping();
  }
  const away = new Promise<string>((resolve) =>
    pinging.on("goaway", (code: number, _last: number, data?: Buffer) => resolve(`${code} ${data}`)),
  );
  for (let nth = 0; nth < 4 && !pinging.destroyed; nth++) pinging.ping(() => {});
  assert.equal(await away, "11 too_many_pings");
});

test("the end: streams are told, calls under way are answered, and nobody is waited for", async () => {
  const ending = await open();
  const last = dial(ending.url);
  const chat = begin("/test.Echo/Chat", {}, last);
  chat.stream.write(frame("x"));
  await until(() => chat.heard.body.length > 0);
  const closing = ending.listener.close();
  assert.equal((await chat.ended).status, "14 the server is stopping");
  await closing;
  await until(() => ending.listener.connections === 0);
});
