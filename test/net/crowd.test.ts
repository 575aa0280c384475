/** Who stays when a listener is full: those at work stay, the one that was idle for longest goes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect as connectTcp } from "node:net";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import type { Reply } from "../../packages/registry/src/net/http/reply.ts";
import { request } from "../harness/requests.ts";
import { type Scope, temporaryDirectory } from "../harness/scope.ts";
import { createAuthority } from "./authority-rig.ts";
import { eventually, type NetRig, openListener, openSocket, type RawSocket, serve, watchSocket } from "./rig.ts";

const TIMEOUT = { timeout: 20_000 };
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;

interface Full extends NetRig {
  readonly held: Reply[];
  open(): RawSocket;
  /** A connection that has had an answer. */
  openUsed(): Promise<RawSocket>;
}

type Way = "node" | "short" | "tls";
const WAYS: readonly Way[] = ["node", "short", "tls"];
const LIMITS = ["connectionsMax", "connectionsPerAddressMax"] as const;

/** `/held` waits until the test answers, `/stream` is a stream, all else says ok at once. */
async function openFull(scope: Scope, way: Way, limits: Readonly<Record<string, number>>): Promise<Full> {
  const authority = way === "tls" ? createAuthority(temporaryDirectory(scope), "root") : undefined;
  const server = authority?.sign("server", "server");
  const tls = server && { tls: { certFile: server.cert, keyFile: server.key } };
  // The stop would wait for what is held.
  const rig = await openListener(scope, { limits: { closeTimeoutMs: 100, ...limits }, ...tls });
  const held: Reply[] = [];
  serve(rig.listener, "/held", "test", (_request, reply) => void held.push(reply), way === "tls" ? "node" : way);
  rig.listener.mount("/stream", "test", () => ({
    streams: true,
    serve: (_request, reply) => void reply.events().write(Buffer.from("data: 1\n\n")),
  }));
  serve(rig.listener, "/", "test", (_request, reply) => reply.send(200, {}, "ok"), way === "tls" ? "node" : way);
  const { port } = rig.listener;
  const open = (): RawSocket => {
    if (authority === undefined) return openSocket(scope, port);
    return watchSocket(scope, connectTls({ host: "127.0.0.1", port, ca: readFileSync(authority.ca) }));
  };
  return {
    ...rig,
    held,
    open,
    async openUsed() {
      const socket = open();
      await use(socket);
      return socket;
    },
  };
}

/** Asks, and waits for the answer. */
async function use(socket: RawSocket): Promise<void> {
  const before = socket.text().split("ok").length;
  socket.write(get("/"));
  await eventually(() => socket.socket.destroyed || socket.text().split("ok").length > before);
  assert.ok(socket.text().split("ok").length > before, `closed without an answer: ${socket.text()}`);
}

for (const way of WAYS) {
  for (const limit of LIMITS) {
    test(`the one that was idle for longest makes room (${limit}, ${way})`, TIMEOUT, async (t) => {
      const rig = await openFull(t, way, { [limit]: 3 });
      const [first, second, third] = [await rig.openUsed(), await rig.openUsed(), await rig.openUsed()];
      await use(first);
      const fourth = await rig.openUsed();
      await second.closed;
      const fifth = await rig.openUsed();
      await third.closed;
      for (const stays of [first, fourth, fifth]) await use(stays);
      assert.equal(rig.listener.connections, 3);
    });

    test(`who waits for an answer stays, and goes when it has it (${limit}, ${way})`, TIMEOUT, async (t) => {
      const rig = await openFull(t, way, { [limit]: 2 });
      const polls = [rig.open(), rig.open()];
      for (const [i, poll] of polls.entries()) {
        poll.write(get("/held"));
        await eventually(() => rig.held.length === i + 1);
      }
      for (let i = 0; i < 5; i++) {
        const text = await rig.open().closed;
        if (way !== "tls") assert.match(text, /^HTTP\/1\.1 503 .*\r\nRetry-After: 1\r\n.*problems\/limit/s);
      }
      rig.held[1]?.send(200, {}, "at last ok");
      await polls[1]?.until(/at last ok$/);
      const newcomer = await rig.openUsed();
      await polls[1]?.closed;
      rig.held[0]?.send(200, {}, "ok");
      await polls[0]?.until(/ok$/);
      await use(newcomer);
    });
  }
}

test("an open stream stays, however long it says nothing", TIMEOUT, async (t) => {
  const rig = await openFull(t, "node", { connectionsMax: 2 });
  const stream = rig.open();
  stream.write(get("/stream"));
  await stream.until(/data: 1/);
  for (let i = 0; i < 10; i++) await rig.openUsed();
  assert.equal(stream.socket.destroyed, false);
});

const HALFWAY: Readonly<Record<string, string>> = {
  "nothing at all": "",
  "half a request line": "GET /",
  "half of the headers": "GET / HTTP/1.1\r\nHost: a\r\n",
  "half of the chunks": "POST /held HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
  "half a body": "POST /held HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc",
};

for (const way of ["node", "short"] as const) {
  for (const [what, bytes] of Object.entries(HALFWAY)) {
    test(`connections that said ${what} shut nobody out (${way})`, TIMEOUT, async (t) => {
      const rig = await openFull(t, way, { connectionsMax: 20, connectionsPerAddressMax: 10 });
      const half = Array.from({ length: 10 }, () => rig.open());
      for (const socket of half) if (bytes !== "") socket.write(bytes);
      await eventually(() => rig.listener.connections === 10);
      for (let i = 0; i < 12; i++) await use(rig.open());
      await Promise.all(half.map(({ closed }) => closed));
    });
  }
}

test("a request on its way is let to its end while others are idle", TIMEOUT, async (t) => {
  const rig = await openFull(t, "node", { connectionsMax: 3 });
  const slow = await rig.openUsed();
  await rig.openUsed();
  await rig.openUsed();
  // It has been idle for longest, and now it is asking.
  slow.write("GET / HTTP/1.1\r\n");
  await request(`${rig.url}/`);
  slow.write("Host: a\r\n\r\n");
  await slow.until(/ok.*ok/s);
});

test("handshakes that never end shut nobody out", TIMEOUT, async (t) => {
  const rig = await openFull(t, "tls", { connectionsMax: 6 });
  const hello = Buffer.from("16030100a5010000a10303", "hex");
  const half = Array.from({ length: 6 }, (_, i) => {
    const socket = connectTcp(rig.listener.port, "127.0.0.1");
    t.after(() => void socket.destroy());
    socket.on("error", () => {});
    socket.resume();
    if (i % 2 === 0) socket.write(hello);
    return socket;
  });
  await eventually(() => rig.listener.connections === 6);
  for (let i = 0; i < 8; i++) await rig.openUsed();
  await eventually(() => half.every(({ destroyed }) => destroyed));
});

test("those that only come push out no more than half of the others", TIMEOUT, async (t) => {
  const rig = await openFull(t, "short", { connectionsMax: 50 });
  const known = await Promise.all(Array.from({ length: 20 }, () => rig.openUsed()));
  const flood = Array.from({ length: 600 }, () => rig.open());
  await eventually(() => flood.filter(({ socket }) => socket.destroyed).length === 570);
  for (const socket of known) await use(socket);
  assert.equal(rig.listener.connections, 50);
});

test("a client that takes none of its answer is spared once", TIMEOUT, async (t) => {
  const rig = await openFull(t, "node", { connectionsMax: 4 });
  // More than the sockets hold, and together less than may wait for one address.
  const large = Buffer.alloc(8_000_000, "x");
  serve(rig.listener, "/large", "test", (_request, reply) => reply.send(200, {}, large));
  const deaf = Array.from({ length: 4 }, () => rig.open());
  for (const { socket } of deaf) socket.pause();
  for (const socket of deaf) socket.write(get("/large"));
  await eventually(() => rig.listener.connections === 4);
  await rig.openUsed();
  assert.equal(rig.listener.connections, 4);
});

test("addresses are counted right however their connections end", TIMEOUT, async (t) => {
  const rig = await openFull(t, "short", { connectionsMax: 6, connectionsPerAddressMax: 4 });
  for (let round = 0; round < 5; round++) {
    const sockets = Array.from({ length: 10 }, () => rig.open());
    for (const socket of sockets) socket.write(get("/"));
    await eventually(() => sockets.filter(({ socket }) => socket.destroyed).length === 6);
    assert.equal(rig.listener.connections, 4);
    for (const { socket } of sockets) socket.destroy();
    await eventually(() => rig.listener.connections === 0);
  }
});
