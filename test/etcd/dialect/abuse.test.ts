/** What no client of etcd sends: each is answered with a code of gRPC's or ended, and nobody else notices. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import { after, afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { request } from "../../harness/requests.ts";
import { type Scope, until } from "../../harness/scope.ts";
import { frame } from "./original/caller.ts";
import { encode, methodOf, type Plain } from "./original/proto.ts";
import { Caller, startEtcd } from "./rig.ts";

const rollcall = await startEtcd({ after }, { dialects: "etcd" });
const port = rollcall.port("etcd");
const caller = new Caller({ after }, port);
void rollcall.exited.then(({ code, signal }) => {
  if (signal !== "SIGKILL") console.log(`it ended with ${code ?? signal}\n${rollcall.stderr()}`);
});

/** With what is not collected yet: what each attack may add is said with it. */
const RSS_MAX_MB = 1200;
const rssMb = (): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${rollcall.pid}/status`, "utf8"))?.[1]) / 1024;

/** Whatever was sent, others go on, and the program has not grown. */
afterEach(async () => {
  const key = `alive/${Math.random()}`;
  await caller.must("KV/Put", { key, value: "1" });
  assert.equal((await caller.must("KV/Range", { key })).count, 1);
  assert.ok(rssMb() < RSS_MAX_MB, `${rssMb()} MB`);
  assert.doesNotMatch(rollcall.stderr(), /unexpected|TypeError|RangeError: Maximum/);
});

const RANGE = methodOf("KV/Range");
const PUT = methodOf("KV/Put");
const TXN = methodOf("KV/Txn");
const [INVALID, EXHAUSTED, UNIMPLEMENTED, INTERNAL] = [3, 8, 12, 13];

/** The code that bytes are answered with, by a method's path. */
async function codeOf(bytes: Buffer, method = RANGE, headers: Plain = {}): Promise<number> {
  return (await caller.askBytes(method, bytes, headers)).error ?? 0;
}

test("bytes that are no messages are refused", async () => {
  const whole = encode("RangeRequest", { key: "a" });
  const refused = [INVALID, INTERNAL];
  for (const bytes of [Buffer.from([0x0a, 0x7f, 1]), Buffer.from([0x0f]), Buffer.alloc(64, 0xff), Buffer.from([0x0a])])
    assert.ok(refused.includes(await codeOf(frame(bytes))), bytes.toString("hex"));
  // Frames: cut, too many, compressed without a name for it, a flag that there is not, none at all.
  for (const bytes of [
    frame(whole).subarray(0, 3),
    frame(whole).subarray(0, -1),
    frame(whole, 1),
    frame(whole, 7),
    Buffer.alloc(0),
  ])
    assert.ok((await codeOf(bytes)) > 0, bytes.toString("hex"));
  assert.equal(await codeOf(frame(whole, 1), RANGE, { "grpc-encoding": "snappy" }), UNIMPLEMENTED);
  assert.ok((await codeOf(frame(whole, 1), RANGE, { "grpc-encoding": "gzip" })) > 0);
  assert.equal(await codeOf(frame(gzipSync(whole), 1), RANGE, { "grpc-encoding": "gzip" }), 0);
  assert.equal(await codeOf(frame(whole), { ...RANGE, path: "/etcdserverpb.KV/Nothing" }), UNIMPLEMENTED);
  assert.equal(await codeOf(frame(whole), { ...RANGE, path: "/nothing.At/All" }), UNIMPLEMENTED);
  assert.equal(await codeOf(frame(whole), { ...RANGE, path: `/${"x".repeat(5000)}` }), UNIMPLEMENTED);
});

test("what is too long is refused before it is read, or once it is known", async () => {
  const claimed = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0x0a]);
  assert.equal(await codeOf(claimed), EXHAUSTED);
  const put = (bytes: number) => encode("PutRequest", { key: "long", value: "v".repeat(bytes) });
  const told = await caller.askBytes(PUT, frame(put(1_650_000)));
  assert.deepEqual([told.error, told.message], [INVALID, "etcdserver: request is too large"]);
  assert.equal(await codeOf(frame(put(6 * 1024 * 1024)), PUT), EXHAUSTED);
  assert.equal(await codeOf(frame(put(1520 * 1024)), PUT), 0);
  await caller.must("KV/DeleteRange", { key: "long" });
  // Compressed to little, and a hundred megabytes long.
  const bomb = gzipSync(Buffer.alloc(100_000_000));
  assert.equal(await codeOf(frame(bomb, 1), PUT, { "grpc-encoding": "gzip" }), EXHAUSTED);
  assert.ok([INVALID, 0].includes(await codeOf(frame(encode("PutRequest", { key: "k".repeat(1_000_000) })), PUT)));
});

test("transactions are bounded in number and in depth", async () => {
  const compares = Array.from({ length: 60_000 }, (_, nth) => ({ key: `c/${nth}`, target: 0, version: 0 }));
  const told = await caller.askBytes(TXN, frame(encode("TxnRequest", { compare: compares })));
  assert.deepEqual([told.error, told.message], [INVALID, "etcdserver: too many operations in txn request"]);
  // A transaction within a transaction, as deep as a megabyte allows.
  let [deep, depth]: [Buffer, number] = [Buffer.alloc(0), 0];
  const wrap = (field: number, bytes: Buffer) => {
    const length: number[] = [];
    let rest = bytes.length;
    for (; rest > 127; rest >>= 7) length.push((rest & 127) | 128);
    return Buffer.concat([Buffer.from([field * 8 + 2, ...length, rest]), bytes]);
  };
  for (; depth < 10_000; depth++) deep = wrap(2, wrap(4, deep));
  assert.ok((await codeOf(frame(deep), TXN)) > 0);
  // Each level doubles, so that what is small becomes many.
  let wide: Plain = { success: [{ request_range: { key: "w" } }] };
  for (let level = 0; level < 14; level++) wide = { success: [{ request_txn: wide }, { request_txn: wide }] };
  const bytes = encode("TxnRequest", wide);
  const startMs = performance.now();
  await caller.askBytes(TXN, frame(bytes));
  assert.ok(performance.now() - startMs < 20_000, `${bytes.length} bytes took ${performance.now() - startMs} ms`);
});

/** Its receiving window is so small that nothing comes. */
async function openDeaf(scope: Scope): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
  session.on("error", () => {});
  scope.after(() => session.destroy());
  await once(session, "connect");
  return session;
}

function openWatch(session: ClientHttp2Session, message: Plain) {
  const { path } = methodOf("Watch/Watch");
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  stream.write(frame(encode("WatchRequest", { create_request: message })));
  return stream;
}

test("watches that never read hold nothing", async (t) => {
  const session = await openDeaf(t);
  for (let nth = 0; nth < 50; nth++) openWatch(session, { key: "deaf/", range_end: "deaf0", prev_kv: true });
  const heard = caller.open("Watch/Watch");
  heard.send({ create_request: { key: "deaf/", range_end: "deaf0" } });
  await heard.heard(1);
  const before = rssMb();
  const value = "v".repeat(100_000);
  for (let nth = 0; nth < 100; nth++) await caller.must("KV/Put", { key: `deaf/${nth % 5}`, value });
  await until(() => heard.received.flatMap(({ events = [] }) => events).length === 100);
  // Fifty times ten megabytes, and each twice, would be a thousand.
  assert.ok(rssMb() - before < 250, `${before} MB, then ${rssMb()} MB`);
  heard.close();
});

test("answers that are never read hold nothing", async (t) => {
  for (let nth = 0; nth < 10; nth++) await caller.must("KV/Put", { key: `big/${nth}`, value: "v".repeat(1_000_000) });
  const before = rssMb();
  const session = await openDeaf(t);
  const message = frame(encode("RangeRequest", { key: "big/", range_end: "big0" }));
  for (let nth = 0; nth < 60; nth++) {
    const headers = { ":method": "POST", ":path": RANGE.path, "content-type": "application/grpc", te: "trailers" };
    session
      .request(headers)
      .on("error", () => {})
      .end(message);
  }
  for (let nth = 0; nth < 20; nth++) await caller.must("KV/Range", { key: "big/0", keys_only: true });
  assert.ok(rssMb() - before < 400, `${before} MB, then ${rssMb()} MB`);
  session.destroy();
  await caller.must("KV/DeleteRange", { key: "big/", range_end: "big0" });
});

test("streams that are begun and taken back, and pings without end, are no burden", async (t) => {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  t.after(() => session.destroy());
  await once(session, "connect");
  for (let nth = 0; nth < 2000 && !session.closed && !session.destroyed; nth++) {
    openWatch(session, { key: "a" }).close();
    if (nth % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const pinging = connect(`http://127.0.0.1:${port}`);
  t.after(() => pinging.destroy());
  pinging.on("error", () => {});
  const gone: string[] = [];
  pinging.on("goaway", (code, _last, data) => gone.push(`${code} ${data?.toString() ?? ""}`));
  await once(pinging, "connect");
  for (let nth = 0; nth < 50 && !pinging.destroyed && !pinging.closed; nth++)
    await new Promise<void>((resolve) => pinging.ping(() => resolve()) || resolve());
  // 11 is ENHANCE_YOUR_CALM.
  await until(() => gone.length > 0, { what: "GOAWAY" });
  assert.match(gone[0] ?? "", /^11 too_many_pings/);
});

test("what is neither HTTP/1.1 nor HTTP/2 ends, whatever comes behind the preface", async (t) => {
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const bytes of [
    "\x16\x03\x01\x00\x05hello",
    "PRI * HTTP/9.9\r\n\r\nSM\r\n\r\n",
    `${preface}${"\xff".repeat(100)}`,
    `${preface}GET / HTTP/1.1\r\n\r\n`,
    "GET / HTTP/1.1\r\n\r\n",
    "\0\0\0\0",
  ]) {
    const socket = connectSocket(port, "127.0.0.1");
    t.after(() => void socket.destroy());
    socket.on("error", () => {});
    socket.resume();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.write(Buffer.from(bytes, "latin1"));
    socket.end();
    await closed;
  }
  const url = `http://127.0.0.1:${port}`;
  const session = connect(url);
  t.after(() => session.destroy());
  for (const headers of [{ "content-type": "text/html" }, {}, { "content-type": "application/grpc+json" }]) {
    const stream = session.request({ ":method": "POST", ":path": RANGE.path, ...headers });
    const [answer] = await once(stream.end(frame(Buffer.alloc(0))), "response");
    assert.ok(answer[":status"] >= 400 || Number(answer["grpc-status"]) > 0, JSON.stringify(answer));
    stream.close();
  }
});

test("the gateway and the second version refuse what is too much", async () => {
  const url = `http://127.0.0.1:${port}`;
  const post = (path: string, body: string) => request(`${url}${path}`, { method: "POST", body: Buffer.from(body) });
  const deep = `${'{"success":[{"request_txn":'.repeat(3000)}{}${"}]}".repeat(3000)}`;
  for (const [path, body] of [
    ["/v3/kv/txn", deep],
    ["/v3/kv/range", `${"[".repeat(50_000)}`],
    ["/v3/kv/range", '{"key":"=== "}'],
    ["/v3/kv/range", '{"key":{"a":1}}'],
    ["/v3/kv/range", '{"limit":"99999999999999999999"}'],
    ["/v3/kv/put", JSON.stringify({ key: "YQ==", value: "A".repeat(8_000_000) })],
  ] as const) {
    const { status } = await post(path, body).catch(() => ({ status: 499 }));
    assert.ok(status >= 400 && status < 500, `${path} ${body.slice(0, 40)}: ${status}`);
  }
  for (const [method, path, body] of [
    ["PUT", "/v2/keys/a", `value=${"v".repeat(8_000_000)}`],
    ["PUT", `/v2/keys/${"a/".repeat(4000)}`, "value=1"],
    ["PUT", "/v2/keys/a%00b%ff", "value=1"],
    ["PUT", "/v2/keys/a", "value=%zz"],
    ["PUT", "/v2/keys/a", "ttl=99999999999999999999&value=1"],
    ["GET", "/v2/keys/a?waitIndex=-1&wait=true", undefined],
  ] as const) {
    const asked = request(`${url}${path}`, {
      method,
      timeoutMs: 5000,
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
      headers: { "content-type": "application/x-www-form-urlencoded" },
    });
    const { status } = await asked.catch(() => ({ status: 499 }));
    assert.ok(status < 500, `${method} ${path.slice(0, 40)}: ${status}`);
  }
});

test("a hundred thousand watches are served or refused, and forgotten with their streams", async () => {
  const before = rssMb();
  const streams = Array.from({ length: 4 }, () => caller.open("Watch/Watch"));
  const create = frame(encode("WatchRequest", { create_request: { key: "crowd/a" } }));
  const some = Buffer.concat(Array.from({ length: 1000 }, () => create));
  for (let nth = 0; nth < 25; nth++) for (const { http } of streams) http.write(some);
  await until(() => streams.every(({ received, http }) => received.length >= 25_000 || http.closed), {
    what: "all watches",
  });
  const [grown, created] = [
    rssMb() - before,
    streams.flatMap(({ received }) => received.filter((one) => one.created)).length,
  ];
  for (const stream of streams) stream.close();
  await Promise.all(streams.map(({ ended }) => ended));
  console.log(`${created} watches took ${Math.round(grown)} MB`);
  assert.ok(grown < 250, `${grown} MB`);
});
