/** Event streams on the HTTP listener: framing, backpressure, keep-alive, many at once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Stream, StreamOptions } from "../../packages/registry/src/net/http/reply.ts";
import { openStream, rawRequest } from "../harness/requests.ts";
import type { Scope } from "../harness/scope.ts";
import { eventually, type NetRig, openListener, openSocket } from "./rig.ts";

const TIMEOUT = { timeout: 20_000 };
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

function event(text: string): Buffer {
  return Buffer.from(`data: ${text}\n\n`);
}

/** Every request becomes a stream. */
async function openStreams(scope: Scope, options: StreamOptions = {}): Promise<NetRig & { streams: Stream[] }> {
  // The stop would wait for streams that are open.
  const rig = await openListener(scope, { limits: { closeTimeoutMs: 100 } });
  const streams: Stream[] = [];
  rig.listener.mount("/", "test", () => ({
    streams: true,
    serve: (_request, reply) => {
      streams.push(reply.events(options));
    },
  }));
  return { ...rig, streams };
}

test("events come as they are written, and the end is an end", TIMEOUT, async (t) => {
  const { url, streams } = await openStreams(t, { headers: { "X-Test": "1" } });
  const stream = await openStream(t, url);
  assert.equal(stream.status, 200);
  assert.match(String(stream.headers["content-type"]), /^text\/event-stream/);
  assert.equal(stream.headers["x-test"], "1");
  const [writer] = streams;
  assert.equal(writer?.write(event("one")), true);
  await stream.find(({ data }) => data === "one");
  writer?.write(Buffer.concat([event("two"), event("zoë")]));
  await stream.find(({ data }) => data === "zoë");
  let closed = 0;
  writer?.onClose(() => closed++);
  writer?.end(event("bye"));
  await eventually(() => stream.ended);
  assert.equal(stream.events.at(-1)?.data, "bye");
  assert.equal(closed, 1);
  assert.equal(writer?.open, false);
  assert.equal(writer?.write(event("late")), false);
});

test("on the wire each write is one chunk, and the connection can be used again after the end", TIMEOUT, async (t) => {
  const { listener, streams } = await openStreams(t);
  const socket = openSocket(t, listener.port);
  socket.write(GET);
  await eventually(() => streams.length === 1);
  streams[0]?.write(event("a"));
  streams[0]?.end();
  const text = await socket.until(/0\r\n\r\n$/);
  assert.match(text, /Transfer-Encoding: chunked.*\r\n\r\n9\r\ndata: a\n\n\r\n0\r\n\r\n$/s);
  socket.write(GET);
  await eventually(() => streams.length === 2);
});

test("HTTP/1.0 gets bare events until the connection ends; HEAD only the head", TIMEOUT, async (t) => {
  const { listener, streams } = await openStreams(t);
  const old = openSocket(t, listener.port);
  old.write("GET / HTTP/1.0\r\n\r\n");
  await eventually(() => streams.length === 1);
  streams[0]?.write(event("a"));
  streams[0]?.end();
  const text = await old.closed;
  assert.match(text, /\r\n\r\ndata: a\n\n$/);
  assert.doesNotMatch(text, /chunked/i);
  const head = await rawRequest(listener.port, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(head.text, /text\/event-stream.*\r\n\r\n$/s);
});

test("a pipelined stream waits for the answer before it", TIMEOUT, async (t) => {
  const { listener, streams } = await openStreams(t);
  const socket = openSocket(t, listener.port);
  socket.write(GET + GET);
  await eventually(() => streams.length === 2);
  streams[1]?.write(event("second"));
  streams[0]?.write(event("first"));
  streams[0]?.end();
  const text = await socket.until(/second/);
  assert.ok(text.indexOf("first") < text.indexOf("second"));
  streams[1]?.write(event("third"));
  await socket.until(/data: second\n\n\r\n.*data: third\n\n\r\n$/s);
});

test("a client that does not read stops the writer, and is told of when it has caught up", TIMEOUT, async (t) => {
  const { listener, streams } = await openStreams(t, { bufferedBytesMax: 64 * 1024 });
  const socket = openSocket(t, listener.port);
  socket.socket.pause();
  socket.write(GET);
  await eventually(() => streams.length === 1);
  const stream = streams[0] as Stream;
  const large = event("x".repeat(50_000));
  let written = 0;
  while (stream.write(large)) {
    written++;
    assert.ok(written < 1000, "the writer is never stopped");
    if (written % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(stream.write(event("still taken")), false);
  let resumed = 0;
  stream.onDrain(() => resumed++);
  socket.socket.resume();
  await eventually(() => resumed === 1);
  assert.equal(stream.write(event("go on")), true);
  await socket.until(/go on/);
  assert.match(socket.text(), /still taken/);
});

test("a quiet stream gets comments, a busy one none, one that nobody reads is cut", TIMEOUT, async (t) => {
  const ticks: (() => void)[] = [];
  const stopped: number[] = [];
  const options: StreamOptions = {
    keepAliveMs: 15_000,
    stallMsMax: 30_000,
    bufferedBytesMax: 1000,
    every: (intervalMs, tick) => {
      assert.equal(intervalMs, 15_000);
      ticks.push(tick);
      return () => stopped.push(ticks.indexOf(tick));
    },
  };
  const { listener, streams } = await openStreams(t, options);
  const socket = openSocket(t, listener.port);
  socket.write(GET);
  await eventually(() => streams.length === 1);
  ticks[0]?.();
  await socket.until(/3\r\n:\n\n\r\n$/);
  streams[0]?.write(event("a"));
  ticks[0]?.();
  ticks[0]?.();
  await socket.until(/data: a\n\n\r\n3\r\n:\n\n\r\n$/);

  const deaf = openSocket(t, listener.port);
  deaf.socket.pause();
  deaf.write(GET);
  await eventually(() => streams.length === 2);
  while (streams[1]?.write(Buffer.alloc(1_000_000, "x"))) await new Promise((resolve) => setImmediate(resolve));
  ticks[1]?.();
  assert.equal(streams[1]?.open, true);
  ticks[1]?.();
  await eventually(() => streams[1]?.open === false);
  assert.deepEqual(stopped, [1]);
  assert.equal(streams[0]?.open, true);
});

test("the writer learns that the client went away", TIMEOUT, async (t) => {
  const { listener, streams } = await openStreams(t);
  for (const leave of ["end", "resetAndDestroy", "destroy"] as const) {
    const socket = openSocket(t, listener.port);
    socket.write(GET);
    const count = streams.length + 1;
    await eventually(() => streams.length === count);
    let closed = false;
    streams.at(-1)?.onClose(() => {
      closed = true;
    });
    socket.socket[leave]();
    await eventually(() => closed);
  }
});

test("one event reaches 1 000 streams whole", TIMEOUT, async (t) => {
  const { listener, streams } = await openStreams(t);
  const sockets = Array.from({ length: 1000 }, () => openSocket(t, listener.port));
  for (const socket of sockets) socket.write(GET);
  await eventually(() => streams.length === 1000);
  const shared = event(JSON.stringify({ revision: 1, filler: "x".repeat(400) }));
  const whole = new RegExp(`${shared.length.toString(16)}\\r\\ndata: \\{.*\\}\\n\\n\\r\\n$`, "s");
  for (const stream of streams) assert.equal(stream.write(shared), true);
  await Promise.all(sockets.map((socket) => socket.until(whole)));
});
