/** What a reply promises, by the short way and through node:http: that a client's leaving is noticed, and pieces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Piece, Reply, Streaming } from "../../packages/registry/src/net/http/reply.ts";
import { rawRequest } from "../harness/requests.ts";
import { eventually, openListener, openSocket, serve } from "./rig.ts";

const TIMEOUT = { timeout: 20_000 };
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const LAST = GET.replace("Host", "Connection: close\r\nHost");

for (const way of ["short", "node"] as const) {
  test(`a client that leaves while its answer waits is noticed once (${way})`, TIMEOUT, async (t) => {
    const counted: number[] = [];
    const { listener } = await openListener(t, { observer: () => (status) => counted.push(status) });
    const waiting: Reply[] = [];
    let left = 0;
    serve(
      listener,
      "/",
      "test",
      (_request, reply) => {
        reply.onGone(() => left++);
        waiting.push(reply);
      },
      way,
    );
    for (const leave of ["end", "destroy", "resetAndDestroy"] as const) {
      const socket = openSocket(t, listener.port);
      socket.write(GET);
      const count = waiting.length + 1;
      await eventually(() => waiting.length === count);
      socket.socket[leave]();
      assert.equal(await socket.closed, "", "no answer");
      await eventually(() => left === count && listener.connections === 0);
      const reply = waiting.at(-1);
      assert.equal(reply?.gone, true);
      reply?.send(200, {}, "nobody reads this");
    }
    assert.equal(left, 3);
    assert.deepEqual(counted, [499, 499, 499]);
  });

  test(`who has left already is told of at once (${way})`, TIMEOUT, async (t) => {
    const { listener } = await openListener(t);
    let left = 0;
    serve(listener, "/", "test", (_request, reply) => setTimeout(() => reply.onGone(() => left++), 50), way);
    const socket = openSocket(t, listener.port);
    socket.write(GET);
    socket.socket.end();
    await socket.closed;
    await eventually(() => left === 1);
  });

  test(`an answer is given once, and nobody has left then (${way})`, TIMEOUT, async (t) => {
    const { listener } = await openListener(t);
    let left = 0;
    serve(
      listener,
      "/",
      "test",
      (_request, reply) => {
        reply.onGone(() => left++);
        assert.equal(reply.sent, false);
        reply.send(200, {}, "first");
        assert.equal(reply.sent, true);
        reply.problem(500, "internal", "second");
      },
      way,
    );
    const { text } = await rawRequest(listener.port, GET + LAST);
    assert.deepEqual(text.match(/first|second/g), ["first", "first"]);
    await eventually(() => listener.connections === 0);
    assert.equal(left, 0);
  });

  test(`an abort ends the connection without an answer (${way})`, TIMEOUT, async (t) => {
    const { listener } = await openListener(t);
    serve(listener, "/", "test", (_request, reply) => reply.abort(), way);
    const socket = openSocket(t, listener.port);
    socket.write(GET);
    assert.equal(await socket.closed, "");
  });
}

async function openPieces(
  scope: Parameters<typeof openListener>[0],
  pieces: () => Iterable<Piece> | AsyncIterable<Piece>,
  options?: Parameters<Streaming["pieces"]>[3],
) {
  const { listener } = await openListener(scope);
  const settled: (Error | undefined)[] = [];
  const serve = (_request: unknown, reply: Streaming): void => {
    reply.pieces(200, { "X-A": "b" }, pieces(), options).then(
      () => settled.push(undefined),
      (error: Error) => settled.push(error),
    );
  };
  listener.mount("/", "test", () => ({ streams: true, serve }));
  return { listener, settled };
}

function* three(): Iterable<Piece> {
  yield "one ";
  yield Buffer.from("two ");
  yield "zoë";
}

test("pieces go out as chunks, or with their length where it is known", TIMEOUT, async (t) => {
  const chunked = await openPieces(t, three);
  const { text } = await rawRequest(chunked.listener.port, LAST);
  assert.match(text, /^HTTP\/1\.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n/);
  // Newer versions of Node make one chunk of what is written in one go.
  assert.match(text, /\r\n\r\n(4\r\none \r\n4\r\ntwo \r\n4\r\nzo\xc3\xab|c\r\none two zo\xc3\xab)\r\n0\r\n\r\n$/);
  const old = await rawRequest(chunked.listener.port, "GET / HTTP/1.0\r\n\r\n");
  assert.match(old.text, /^(?![\s\S]*chunked)[\s\S]*Connection: close\r\n\r\none two zo\xc3\xab$/);
  const head = await rawRequest(chunked.listener.port, `${LAST.replace("GET", "HEAD")}`);
  assert.match(head.text, /^HTTP\/1\.1 200 OK\r\n(?![\s\S]*one)[\s\S]*\r\n\r\n$/);
  const known = await openPieces(t, three, { bytes: 12 });
  assert.match(
    (await rawRequest(known.listener.port, LAST)).text,
    /Content-Length: 12\r\n[\s\S]*\r\n\r\none two zo\xc3\xab$/,
  );
});

test("a single piece, and none, go out whole", TIMEOUT, async (t) => {
  const single = await openPieces(t, async function* () {
    yield "all";
  });
  assert.match((await rawRequest(single.listener.port, LAST)).text, /Content-Length: 3\r\n[\s\S]*all$/);
  const none = await openPieces(t, () => []);
  assert.match((await rawRequest(none.listener.port, LAST)).text, /Content-Length: 0\r\n[\s\S]*\r\n\r\n$/);
});

test("pieces are asked for as the client takes them, and no more once it has left", TIMEOUT, async (t) => {
  let made = 0;
  let returned = false;
  const { listener, settled } = await openPieces(t, function* () {
    try {
      for (;;) {
        made++;
        yield Buffer.alloc(100_000, "x");
      }
    } finally {
      returned = true;
    }
  });
  const socket = openSocket(t, listener.port);
  socket.socket.pause();
  socket.write(GET);
  let before = -1;
  while (made !== before || made === 0) {
    before = made;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(made < 500, `${made} pieces were made for a client that takes none`);
  socket.socket.resume();
  await eventually(() => made > before + 100);
  socket.socket.destroy();
  await eventually(() => returned && settled.length === 1);
  assert.equal(settled[0], undefined);
});

test("a client that takes nothing for too long is cut off", TIMEOUT, async (t) => {
  const endless = function* (): Iterable<Piece> {
    for (;;) yield Buffer.alloc(100_000, "x");
  };
  const { listener, settled } = await openPieces(t, endless, { stallMsMax: 200 });
  const socket = openSocket(t, listener.port);
  socket.socket.pause();
  socket.write(GET);
  await eventually(() => settled.length === 1 && listener.connections === 0);
});

test("pieces that fail cut what has begun; before that the answer is free", TIMEOUT, async (t) => {
  const late = await openPieces(t, function* () {
    yield "one";
    yield "two";
    throw new Error("no third");
  });
  const { text } = await rawRequest(late.listener.port, GET);
  assert.doesNotMatch(text, /0\r\n\r\n$/);
  await eventually(() => late.settled.length === 1);
  assert.match(String(late.settled[0]), /no third/);
});
