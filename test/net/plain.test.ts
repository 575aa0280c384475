/** The short way and node:http must be one server: same answers, same order, same refusals, whatever is sent and how. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { OpenHttpListener } from "../../packages/registry/src/net/http/listener.ts";
import { parsePlain } from "../../packages/registry/src/net/http/plain/parse.ts";
import type { Reply } from "../../packages/registry/src/net/http/reply.ts";
import type { Request } from "../../packages/registry/src/net/http/request.ts";
import { until } from "../harness/scope.ts";
import { openListener, openSocket, readBody, serve } from "./rig.ts";

/** Says what it understood. */
function echo(request: Request, reply: Reply): void {
  void readBody(request, 1000).then((body) => {
    const said = {
      method: request.method,
      path: request.path,
      query: request.search,
      type: request.header("content-type"),
      token: request.token.ok ? request.token.value : request.token,
      bytes: request.bodyBytes,
      from: request.remoteAddress,
      headers: request.rawHeaders,
      body: body.ok ? body.value.toString("latin1") : body.refusal,
    };
    reply.send(200, { "Content-Type": "application/json" }, JSON.stringify(said));
  });
}

async function openBoth(
  scope: Parameters<typeof openListener>[0],
): Promise<readonly [OpenHttpListener, OpenHttpListener]> {
  const short = await openListener(scope, { limits: { headersTimeoutMs: 400 } });
  const long = await openListener(scope, { limits: { headersTimeoutMs: 400 } });
  short.listener.mount("/", "echo", (_method, path) => ({ streams: path.startsWith("/long"), serve: echo }));
  serve(long.listener, "/", "echo", echo);
  return [short.listener, long.listener];
}

/** All that comes back for these pieces, up to the close; the date aside. */
async function talk(
  scope: Parameters<typeof openSocket>[0],
  listener: OpenHttpListener,
  pieces: readonly string[],
): Promise<string> {
  const client = openSocket(scope, listener.port);
  for (const piece of pieces) {
    client.write(piece);
    // Each piece is to arrive by itself.
    await new Promise((resolve) => setImmediate(resolve));
  }
  client.socket.end();
  return (await client.closed).replace(/Date: [^\r]*/g, "Date: now");
}

const GOOD =
  "POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nX-Auth-Token: t\r\nContent-Length: 5\r\n\r\nhello";
const GET = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

const HEADERS = [
  "Authorization: Bearer t",
  "Connection: keep-alive",
  "Connection: close",
  "Transfer-Encoding: chunked",
  "Expect: 100-continue",
  "If-Match: 5",
  "User-Agent: Mozilla/5.0",
];

const SAMPLES: readonly (readonly [what: string, pieces: readonly string[]])[] = [
  ["a plain request", [GOOD]],
  ["two at once", [GOOD + GET]],
  ["many at once, one for node:http among them", [GET + GOOD + GET.replace("/x", "/long") + GOOD + GET]],
  ["a head in two pieces", [GOOD.slice(0, 20), GOOD.slice(20)]],
  ["a body in two pieces, then another", [GOOD.slice(0, -2), `lo${GET}`]],
  ["a whole one and the beginning of the next", [GET + GOOD.slice(0, 30), GOOD.slice(30)]],
  ["connection: close", [GET.replace("Host", "Connection: close\r\nHost") + GET]],
  ["connection: keep-alive", [GET.replace("Host", "connection: Keep-Alive\r\nHost") + GET]],
  ["chunked", ["POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"]],
  [
    "both lengths",
    ["POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"],
  ],
  ["two lengths", [GOOD.replace("Content-Length: 5", "Content-Length: 5\r\nContent-Length: 5")]],
  ["a length that is none", [GOOD.replace("Length: 5", "Length: +5")]],
  ["a negative length", [GOOD.replace("Length: 5", "Length: -5")]],
  ["no host", [GET.replace("Host: h\r\n", "A: b\r\n")]],
  ["two hosts", [GET.replace("Host: h", "Host: h\r\nHost: i")]],
  ["two tokens", [GOOD.replace("X-Auth-Token: t", "X-Auth-Token: t\r\nX-Auth-Token: u")]],
  ["a folded header", [GET.replace("Host: h", "Host: h\r\nA: b\r\n c")]],
  ["a space before the colon", [GET.replace("Host: h", "Host: h\r\nTransfer-Encoding : chunked")]],
  ["a bare line feed", [GET.replace("Host: h\r\n", "Host: h\nA: b\r\n")]],
  ["a bare carriage return in a value", [GET.replace("Host: h", "Host: h\r\nA: b\rc: d")]],
  ["a NUL in a value", [GET.replace("Host: h", "Host: h\r\nA: b\0c")]],
  ["HTTP/1.0", [GET.replace("1.1", "1.0")]],
  ["HTTP/2 in words", [GET.replace("1.1", "2.0")]],
  ["an absolute target", [GET.replace("/x", "http://h/x")]],
  ["two spaces", [GET.replace(" /x ", "  /x ")]],
  ["another method", [GET.replace("GET", "OPTIONS")]],
  ["HEAD", [GET.replace("GET", "HEAD")]],
  ["expect", [GOOD.replace("Host", "Expect: 100-continue\r\nHost")]],
  ["expect something else", [GOOD.replace("Host", "Expect: wonders\r\nHost")]],
  ["a body that is too long", [GOOD.replace("5", "2000").replace("hello", "x".repeat(2000))]],
  ["too many headers", [GET.replace("Host: h", `Host: h${"\r\nA: b".repeat(150)}`)]],
  ["a head that is too large", [GET.replace("Host: h", `Host: h\r\nA: ${"b".repeat(20_000)}`)]],
  ["garbage", ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"]],
  ["empty lines first", [`\r\n\r\n${GET}`]],
  ["bytes above ASCII in a value", [GET.replace("Host: h", "Host: h\r\nA: \xe9\xff")]],
  ["both tokens", [GOOD.replace("Host", "Authorization: Bearer t\r\nHost")]],
  ["both tokens, different ones", [GOOD.replace("Host", "Authorization: Bearer u\r\nHost")]],
  ["nothing", []],
  ...[" ", "\t", " \t ", "\xa0", "\x85", "\x0b", "\x0c", "\xa0 ", " \xa0"].flatMap((blank) => [
    ...HEADERS.map((line): [string, string[]] => {
      const [name = "", value = ""] = line.split(": ");
      const put = `${name}:${blank}${value}${blank}\r\nContent-Type`;
      return [`${line} with ${JSON.stringify(blank)} around it`, [GOOD.replace("Content-Type", put) + GET]];
    }),
    [`a length with ${JSON.stringify(blank)} around it`, [GOOD.replace(" 5", `${blank}5${blank}`) + GET]] as const,
    [`a token with ${JSON.stringify(blank)} around it`, [GOOD.replace(" t\r", `${blank}t${blank}\r`)]] as const,
  ]),
];

for (const [what, pieces] of SAMPLES) {
  test(`the short way answers as node:http does: ${what}`, async (t) => {
    const [short, long] = await openBoth(t);
    assert.equal(await talk(t, short, pieces), await talk(t, long, pieces));
  });
}

test("white space is spaces and tabs, and nothing that looks like it", async (t) => {
  const [short, long] = await openBoth(t);
  const said = async (listener: OpenHttpListener, text: string): Promise<Record<string, unknown>> => {
    const came = Buffer.from(await talk(t, listener, [text]), "latin1").toString();
    assert.match(came, /^HTTP\/1\.1 200 /);
    return JSON.parse(came.split("\r\n\r\n")[1] ?? "");
  };
  for (const listener of [short, long]) {
    for (const blank of ["\xa0", "\xa0 ", " \xa0", "\x85"]) {
      const bad = await talk(t, listener, [GOOD.replace(" 5", `${blank}5`)]);
      assert.match(bad, /^HTTP\/1\.1 400 /, "a length");
      const chunked = GOOD.replace("Content-Length: 5", `Transfer-Encoding:${blank}chunked`);
      assert.match(await talk(t, listener, [chunked]), /^HTTP\/1\.1 400 /, "a coding");
      const { token } = await said(listener, GOOD.replace("X-Auth-Token: t", `Authorization: Bearer ${blank}t`));
      assert.equal(token, `${blank.replace(/^ +/, "")}t`);
    }
    const good = await said(listener, GOOD.replaceAll(/: (.*)\r/g, ":\t $1 \t\r").replace("5 \t", "5 "));
    assert.deepEqual([good.token, good.type, good.body], ["t", "text/plain", "hello"]);
  }
});

test("mutated requests get the same answers both ways", async (t) => {
  const [short, long] = await openBoth(t);
  const alphabet = [
    "\r",
    "\n",
    " ",
    ":",
    "\t",
    "\0",
    "a",
    "0",
    "\r\n",
    "\x7f",
    "\xff",
    "\xa0",
    "Content-Length: 1\r\n",
    "/",
    "HTTP/1.1",
  ];
  const mutation = fc.record({ at: fc.nat(GOOD.length), cut: fc.nat(3), put: fc.constantFrom(...alphabet, "") });
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 3 }), fc.boolean(), async (mutations, twice) => {
      let text = GOOD;
      for (const { at, cut, put } of mutations) text = text.slice(0, at) + put + text.slice(at + cut);
      const pieces = [twice ? text + GET : text];
      const [a, b] = await Promise.all([talk(t, short, pieces), talk(t, long, pieces)]);
      assert.equal(a, b, JSON.stringify(pieces));
    }),
    { numRuns: 250 },
  );
});

test("parsePlain never throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (start, end) => {
      parsePlain(start);
      parsePlain(`GET /${end} HTTP/1.1\r\n${start}\r\n\r\n`);
    }),
  );
});

test("requests after others on a connection are read as they would be alone", () => {
  const heads = [
    "Host: a",
    "Host: b",
    "Host: a\r\nX: y",
    "Host: a\r\nHost: a",
    "Host: a\r\nContent-Length: 3",
    "X: y",
    "",
  ];
  const text = (lines: string, nth: number) =>
    `PUT /${nth}?q HTTP/1.1\r\n${lines === "" ? "" : `${lines}\r\n`}\r\n${GET}`;
  const tell = (parsed: ReturnType<typeof parsePlain>) =>
    parsed && { ...parsed, lines: { ...parsed.lines, raw: [...parsed.lines.raw] } };
  for (const before of heads)
    for (const [nth, lines] of heads.entries()) {
      const known = parsePlain(text(before, 0))?.lines;
      const [alone, after] = [parsePlain(text(lines, nth)), parsePlain(text(lines, nth), known)];
      assert.deepEqual(tell(after), tell(alone));
      if (known !== undefined) assert.equal(after?.lines === known, before === lines);
    }
});

test("a connection that says nothing is told so in time", async (t) => {
  const [short] = await openBoth(t);
  const client = openSocket(t, short.port);
  assert.match(await client.closed, /^HTTP\/1\.1 408 /);
});

test("a client that reads nothing of its answers gets no more of them, and hurts nobody", async (t) => {
  const { listener } = await openListener(t);
  let answered = 0;
  const large = Buffer.alloc(100_000, "x");
  serve(
    listener,
    "/",
    "large",
    (_request, reply) => {
      answered++;
      reply.send(200, {}, large);
    },
    "short",
  );
  const client = openSocket(t, listener.port);
  client.socket.pause();
  for (let i = 0; i < 2000; i++) client.write(GET);
  const other = openSocket(t, listener.port);
  other.write(GET.replace("Host", "Connection: close\r\nHost"));
  await other.closed;
  assert.ok(answered < 100, `${answered} answers were made for a client that reads none`);
  let received = 0;
  client.socket.removeAllListeners("data");
  client.socket.on("data", (chunk: string) => {
    received += chunk.length;
  });
  client.socket.resume();
  await until(() => received > 2000 * large.length, { what: "all answers", timeoutMs: 20_000 });
});

test("drain ends idle plain connections, and answers what is under way", async (t) => {
  const { listener } = await openListener(t);
  let finish: () => void = () => assert.fail("nothing was asked");
  serve(
    listener,
    "/",
    "slow",
    (_request, reply) => {
      finish = () => reply.send(200, {}, "done");
    },
    "short",
  );
  const idle = openSocket(t, listener.port);
  const busy = openSocket(t, listener.port);
  busy.write(GET);
  while (finish.toString().includes("fail")) await new Promise((resolve) => setImmediate(resolve));
  const closed = listener.close();
  assert.equal(await idle.closed, "");
  finish();
  assert.match(await busy.closed, /^HTTP\/1\.1 200 [\s\S]*Connection: close[\s\S]*done$/);
  await closed;
});
