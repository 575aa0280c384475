/** Bad clients of the HTTP listener: each gets a clear error, none harms the others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Reply } from "../../packages/registry/src/net/http/reply.ts";
import { rawRequest } from "../harness/requests.ts";
import type { Scope } from "../harness/scope.ts";
import { eventually, type NetRig, openListener, openSocket, readBody, serve } from "./rig.ts";

const TIMEOUT = { timeout: 20_000 };
const BODY_MAX = 5000;

/** Answers each body with its length, or the refusal. */
async function openEcho(scope: Scope, limits = {}): Promise<NetRig> {
  const rig = await openListener(scope, { limits });
  serve(rig.listener, "/", "test", (request, reply) => {
    void readBody(request, BODY_MAX).then((body) => {
      if (body.ok) reply.send(200, {}, `${body.value.length} bytes`);
      else reply.problem(body.refusal === "too-large" ? 413 : 400, body.refusal, body.detail);
    });
  });
  return rig;
}

/** The listener still serves others. */
async function stillWell({ listener }: NetRig): Promise<void> {
  const { text } = await rawRequest(listener.port, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  assert.match(text, /^HTTP\/1\.1 200 OK/);
}

function assertRefused(text: string, status: number, name: string): void {
  const [head = "", body = ""] = text.split("\r\n\r\n");
  assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `), text);
  assert.match(head, /^content-type: application\/problem\+json$/im);
  assert.match(head, /^connection: close$/im);
  assert.match(head, new RegExp(`^content-length: ${Buffer.byteLength(body)}$`, "im"));
  const problem = JSON.parse(body);
  assert.equal(problem.type, `https://rollcall.dev/problems/${name}`);
  assert.equal(problem.status, status);
}

const GET = "GET / HTTP/1.1\r\nHost: a\r\n";
const MALFORMED: Record<string, string> = {
  "no HTTP at all": "hello there\r\n\r\n",
  "a TLS handshake": "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
  "HTTP/2's preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
  "an unknown method": "BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
  "no Host": "GET / HTTP/1.1\r\n\r\n",
  "two Hosts": `${GET}Host: b\r\n\r\n`,
  "two Content-Lengths": `${GET}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
  "two different Content-Lengths": `${GET}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc`,
  "a list of Content-Lengths": `${GET}Content-Length: 3, 3\r\n\r\nabc`,
  "a negative Content-Length": `${GET}Content-Length: -1\r\n\r\n`,
  "a Content-Length that is no number": `${GET}Content-Length: 0x3\r\n\r\nabc`,
  "a Content-Length beyond all numbers": `${GET}Content-Length: 99999999999999999999999\r\n\r\n`,
  "two Authorizations": `${GET}Authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n`,
  "two X-Auth-Tokens": `${GET}X-Auth-Token: a\r\nX-Auth-Token: a\r\n\r\n`,
  "an unknown Transfer-Encoding": `${GET}Transfer-Encoding: gzip\r\n\r\n`,
  "a Transfer-Encoding before chunked": `${GET}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  "two Transfer-Encodings": `${GET}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "Transfer-Encoding with Content-Length": `${GET}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
  "a Transfer-Encoding that looks like chunked": `${GET}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  "a blank before the colon": `${GET}Content-Length : 3\r\n\r\nabc`,
  "a folded header": `${GET}X-A: b\r\n c\r\n\r\n`,
  "a control character in a header": `${GET}X-A: b\x00c\r\n\r\n`,
  "a bare CR in a header": `${GET}X-A: b\rc\r\n\r\n`,
  "a bad chunk size": `${GET}Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n`,
  "a blank in the path": "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
  "a control character in the path": "GET /a\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
};

test("malformed requests are refused as 400 and the connection is closed", TIMEOUT, async (t) => {
  const rig = await openEcho(t);
  for (const [what, bytes] of Object.entries(MALFORMED)) {
    const { text, closed } = await rawRequest(rig.listener.port, bytes, { idleMs: 3000, timeoutMs: 3000 });
    assert.ok(closed, `${what}: the connection stays open: ${text}`);
    assert.doesNotThrow(() => assertRefused(text, 400, "invalid"), what);
  }
  await stillWell(rig);
});

test("headers that are too large or too many are refused as 431", TIMEOUT, async (t) => {
  const rig = await openEcho(t);
  const many = Array.from({ length: 101 }, (_, i) => `X-${i}: a\r\n`).join("");
  for (const headers of [`X-A: ${"a".repeat(20_000)}\r\n`, many]) {
    const { text, closed } = await rawRequest(rig.listener.port, `${GET}${headers}\r\n`, { idleMs: 3000 });
    assertRefused(text, 431, "headers-too-large");
    assert.ok(closed);
  }
  const longUrl = await rawRequest(rig.listener.port, `GET /${"a".repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
  assertRefused(longUrl.text, 431, "headers-too-large");
  await stillWell(rig);
});

test("slow headers are refused as 408 in time, also when nothing comes at all", TIMEOUT, async (t) => {
  const rig = await openEcho(t, { headersTimeoutMs: 300 });
  const startMs = performance.now();
  const slow = openSocket(t, rig.listener.port);
  const drip = setInterval(() => slow.write("X-A: b\r\n"), 50);
  t.after(() => clearInterval(drip));
  slow.write(GET);
  const silent = openSocket(t, rig.listener.port);
  assertRefused(await slow.closed, 408, "timeout");
  await silent.closed;
  assert.ok(performance.now() - startMs < 3000);
  await stillWell(rig);
});

test("slow and never-ending bodies end at the request's timeout", TIMEOUT, async (t) => {
  const rig = await openEcho(t, { headersTimeoutMs: 300, requestTimeoutMs: 600 });
  const stalled = openSocket(t, rig.listener.port);
  stalled.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc`);
  const dripping = openSocket(t, rig.listener.port);
  const drip = setInterval(() => dripping.write("1\r\na\r\n"), 50);
  t.after(() => clearInterval(drip));
  dripping.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  assertRefused(await stalled.closed, 408, "timeout");
  assertRefused(await dripping.closed, 408, "timeout");
  await stillWell(rig);
});

test("bodies over the limit are refused as 413, whether announced or found out", TIMEOUT, async (t) => {
  const rig = await openEcho(t);
  const head = "POST / HTTP/1.1\r\nHost: a\r\n";
  const chunk = `${(1000).toString(16)}\r\n${"x".repeat(1000)}\r\n`;
  const over: Record<string, string> = {
    announced: `${head}Content-Length: 5001\r\n\r\n${"x".repeat(5001)}`,
    "announced, never sent": `${head}Content-Length: 1000000000\r\n\r\n`,
    "announced, much sent": `${head}Content-Length: 500000\r\n\r\n${"x".repeat(500_000)}`,
    chunked: `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(6)}0\r\n\r\n`,
    "one huge chunk": `${head}Transfer-Encoding: chunked\r\n\r\n7fffffff\r\n${"x".repeat(100_000)}`,
  };
  for (const [what, bytes] of Object.entries(over)) {
    const { text, closed } = await rawRequest(rig.listener.port, bytes, { idleMs: 4000 });
    assert.doesNotThrow(() => assertRefused(text, 413, "too-large"), what);
    assert.ok(closed, `${what}: the connection stays open`);
  }
  const whole = await rawRequest(rig.listener.port, `${head}Content-Length: 5000\r\n\r\n${"x".repeat(5000)}`);
  assert.match(whole.text, /5000 bytes$/);
  const chunked = await rawRequest(
    rig.listener.port,
    `${head}Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(5)}0\r\n\r\n`,
  );
  assert.match(chunked.text, /5000 bytes$/);
});

test("a body that never ends is cut although the client keeps sending after its 413", TIMEOUT, async (t) => {
  const rig = await openEcho(t);
  const endless = openSocket(t, rig.listener.port);
  endless.write("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const chunk = `${(60_000).toString(16)}\r\n${"x".repeat(60_000)}\r\n`;
  const pour = setInterval(() => endless.write(chunk), 5);
  t.after(() => clearInterval(pour));
  await endless.until(/too-large/);
  await endless.closed;
  await eventually(() => rig.listener.connections === 0);
});

test("Expect: 100-continue gets its continue only for a body that is wanted", TIMEOUT, async (t) => {
  const rig = await openEcho(t);
  const head = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n";
  const wanted = openSocket(t, rig.listener.port);
  wanted.write(`${head}Content-Length: 3\r\n\r\n`);
  await wanted.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  wanted.write("abc");
  await wanted.until(/3 bytes$/);
  const tooLong = await rawRequest(rig.listener.port, `${head}Content-Length: 5001\r\n\r\n`);
  assertRefused(tooLong.text, 413, "too-large");
  const other = await rawRequest(rig.listener.port, `${GET}Expect: tea\r\n\r\n`);
  assert.match(other.text, /^HTTP\/1\.1 417 /);
});

test("an answer before the awaited body closes the connection", TIMEOUT, async (t) => {
  const { listener } = await openListener(t);
  serve(listener, "/", "test", (_request, reply) => reply.problem(404, "not-found", "no"));
  const early = await rawRequest(
    listener.port,
    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n",
    { idleMs: 3000 },
  );
  assert.match(early.text, /^HTTP\/1\.1 404 .*Connection: close/s);
  assert.ok(early.closed);
});

test("CONNECT is refused, an Upgrade is not taken up", TIMEOUT, async (t) => {
  const rig = await openEcho(t);
  const connect = await rawRequest(rig.listener.port, "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", { idleMs: 3000 });
  assertRefused(connect.text, 405, "method-not-allowed");
  const upgrade = await rawRequest(rig.listener.port, `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  assert.match(upgrade.text, /^HTTP\/1\.1 200 OK/);
});

test("rubbish after a good request does not take away its answer", TIMEOUT, async (t) => {
  const { listener } = await openListener(t);
  serve(listener, "/", "test", (_request, reply) => {
    setTimeout(() => reply.send(200, {}, "good"), 100);
  });
  const { text } = await rawRequest(listener.port, `${GET}\r\nrubbish\r\n\r\n`, { idleMs: 3000 });
  const [first = "", second = ""] = text.split("good");
  assert.match(first, /^HTTP\/1\.1 200 OK/);
  assert.match(second, /^HTTP\/1\.1 400 Bad Request/);
});

test(
  "connections over the limit get a 503 when all others are at work; a flood of them harms nobody",
  TIMEOUT,
  async (t) => {
    const rig = await openEcho(t, { connectionsMax: 50 });
    const held: Reply[] = [];
    serve(rig.listener, "/held", "test", (_request, reply) => void held.push(reply));
    const crowd = Array.from({ length: 600 }, () => openSocket(t, rig.listener.port));
    for (const socket of crowd) socket.write("GET /held HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually(() => crowd.filter(({ text }) => text() !== "").length > 0);
    assertRefused(crowd.find(({ text }) => text() !== "")?.text() ?? "", 503, "limit");
    await eventually(() => crowd.filter(({ socket }) => !socket.destroyed).length === 50 && held.length === 50);
    assert.equal(rig.listener.connections, 50);
    const inside = crowd.filter(({ socket }) => !socket.destroyed);
    for (const reply of held) reply.send(200, {}, "at last");
    for (const socket of inside) await socket.until(/at last$/);
    await stillWell(rig);
  },
);

test("idle connections end after their time", TIMEOUT, async (t) => {
  const rig = await openEcho(t, { idleTimeoutMs: 200 });
  const idle = openSocket(t, rig.listener.port);
  idle.write(`${GET}\r\n`);
  await idle.until(/0 bytes$/);
  await idle.closed;
});

test(
  "a client that reads nothing of its answers is cut off, one that waits for a slow answer is not",
  TIMEOUT,
  async (t) => {
    const { listener } = await openListener(t, { limits: { stallTimeoutMs: 300 } });
    const large = Buffer.alloc(30_000_000, "x");
    serve(listener, "/large", "test", (_request, reply) => reply.send(200, {}, large));
    serve(listener, "/slow", "test", (_request, reply) => {
      setTimeout(() => reply.send(200, {}, "at last"), 1000);
    });
    const deaf = openSocket(t, listener.port);
    deaf.socket.pause();
    deaf.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    await eventually(() => listener.connections === 1);
    await eventually(() => listener.connections === 0);
    const patient = await rawRequest(listener.port, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", { idleMs: 3000 });
    assert.match(patient.text, /at last$/);
  },
);

test("clients that go away at any moment leave nothing behind", TIMEOUT, async (t) => {
  const rig = await openEcho(t);
  const moments = ["", "GET", GET, `${GET}\r\n`, `${GET}Content-Length: 10\r\n\r\nabc`];
  for (let round = 0; round < 20; round++) {
    for (const bytes of moments) {
      const socket = openSocket(t, rig.listener.port);
      socket.socket.on("connect", () => {
        socket.write(bytes);
        setImmediate(() => (round % 2 === 0 ? socket.socket.resetAndDestroy() : socket.socket.end()));
      });
    }
  }
  await stillWell(rig);
  await eventually(() => rig.listener.connections === 0);
  assert.deepEqual(
    rig.logged.filter(({ level }) => level === "error"),
    [],
  );
});

test("a stop does not wait for connections that say nothing", TIMEOUT, async (t) => {
  const rig = await openEcho(t);
  const silent = openSocket(t, rig.listener.port);
  await eventually(() => rig.listener.connections === 1);
  const startMs = performance.now();
  await rig.listener.close();
  assert.ok(performance.now() - startMs < 2000);
  await silent.closed;
});
