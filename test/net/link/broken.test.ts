/** What a link stands: noise, strangers, half frames, other versions, nodes that do not read or are stopped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { freeze, startProcess } from "../../harness/process.ts";
import { madeOf } from "../../harness/root.ts";
import { until } from "../../harness/scope.ts";
import {
  answerOf,
  dial,
  frame,
  hello,
  KEY,
  openHost,
  openNode,
  openPair,
  openRaw,
  openRelay,
  reach,
  WITH_KEY,
} from "./rig.ts";

const TIMEOUT = { timeout: 60_000 };

test("noise is cut off, and nodes are served beside it", TIMEOUT, async (t) => {
  const noises = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    Buffer.from("160301010001", "hex"),
    frame(4, 0, 1, "asked before any hello"),
    frame(1, 0, 0, "{"),
    frame(1, 0, 0, "null"),
    frame(1, 0, 0, Buffer.alloc(4097)),
    frame(1, 0, 0, JSON.stringify({ link: 1, least: 1, from: "", to: "b" })),
    Buffer.alloc(1000, 0xff),
  ];
  for (const trust of ["loopback", WITH_KEY] as const) {
    const { b, peer } = await openPair(t, { trust, limits: { helloMs: 60_000 } });
    b.link.on("echo", (payload) => payload);
    for (const noise of noises) {
      const raw = openRaw(t, b.link.port);
      raw.socket.write(noise);
      // A beginning of TLS, or less than the head of a frame, may go on.
      if (noise.length < 10) raw.socket.end();
      await until(raw.isClosed, { what: `an end for ${String(noise.toString("latin1")).slice(0, 40)}` });
      assert.equal(await answerOf(peer, "echo", "x"), "x");
    }
    // A node that is known may send noise, too.
    if (trust !== "loopback") continue;
    const raw = openRaw(t, b.link.port);
    raw.socket.write(
      Buffer.concat([hello("c", "b"), frame(4, 7, 1, "on no channel"), frame(8, 7, 1), frame(200, 9, 9, "?")]),
    );
    await until(() => raw.came().includes("the node has no such channel"));
    raw.socket.write(Buffer.from("ffffffff04000000000000", "hex"));
    await until(raw.isClosed);
    assert.ok(b.logged.includes('a connection of node "c" ended: a message came that is too large'));
  }
});

test("strangers hold no place for long, and none of a node's", TIMEOUT, async (t) => {
  const limits = { connectionsMax: 4, helloMs: 60_000 };
  for (const trust of ["loopback", WITH_KEY] as const) {
    const { a, b, peer } = await openPair(t, { trust, limits });
    b.link.on("echo", (payload) => payload);
    const crowd = Array.from({ length: 20 }, () => openRaw(t, b.link.port));
    for (const { socket } of crowd) socket.write(hello("c", "b").subarray(0, 9));
    await until(() => crowd.filter((raw) => raw.isClosed()).length >= 17);
    const c = await openNode(t, "c", { trust, limits });
    assert.equal(await answerOf(await reach(c, b), "echo", "x"), "x");
    assert.equal(await answerOf(peer, "echo", "x"), "x");
    assert.deepEqual(a.logged, ["another node is reached"]);
    for (const raw of crowd) raw.socket.destroy();
  }
  const impatient = await openNode(t, "d", { limits: { helloMs: 100 } });
  const raw = openRaw(t, impatient.link.port);
  raw.socket.write(hello("c", "d").subarray(0, 20));
  await until(raw.isClosed);
});

test("frames may come in any pieces", TIMEOUT, async (t) => {
  const a = await openNode(t, "a");
  const b = await openNode(t, "b");
  b.link.on("echo", (payload) => payload);
  const port = await openRelay(
    t,
    () => b.link.port,
    (chunk) => Array.from(chunk, (byte) => Buffer.of(byte)),
  );
  const peer = await reach(a, b, port);
  const texts = Array.from({ length: 50 }, (_, i) => "x".repeat(i));
  assert.deepEqual(await Promise.all(texts.map((text) => answerOf(peer, "echo", text))), texts);
});

test("a later version that still speaks ours is understood; one that does not is told why", TIMEOUT, async (t) => {
  const b = await openNode(t, "b");
  b.link.on("echo", (payload) => payload);
  const later = openRaw(t, b.link.port);
  later.socket.write(hello("c", "b", { link: 7, more: { of: "that" } }));
  later.socket.write(Buffer.concat([frame(99, 3, 1, "new"), frame(3, 1, 0, "echo"), frame(4, 1, 5, "asked")]));
  const answer = frame(5, 0, 5, "asked");
  await until(() => later.came().includes(answer));

  const tooLate = openRaw(t, b.link.port);
  tooLate.socket.write(hello("c", "b", { link: 7, least: 2 }));
  await until(tooLate.isClosed);
  assert.match(tooLate.came().toString(), /"c" speaks version 2 to 7 of the link, "b" 1/);

  const a = await openNode(t, "a");
  const port = await openHost(t, (raw) => raw.socket.write(frame(2, 0, 0, "I am older than you")));
  dial(a, "c", port);
  dial(a, "d", await openHost(t, (raw) => raw.socket.write(hello("e", "a"))));
  dial(a, "elsewhere", b.link.port);
  const expected = [
    /the other side said no: I am older than you/,
    /"d" was meant, and there is "e"/,
    /the other side said no: "elsewhere" was meant, and this is "b"/,
  ];
  await until(() => expected.every((pattern) => a.logged.some((line) => pattern.test(line))));
});

test("a node that takes no answers is cut off", TIMEOUT, async (t) => {
  const limits = { unsentBytesMax: 1_000_000, silenceMs: 400 };
  const b = await openNode(t, "b", { limits });
  b.link.on("large", () => Buffer.alloc(500_000));
  const raw = openRaw(t, b.link.port);
  raw.socket.write(Buffer.concat([hello("c", "b"), frame(3, 1, 0, "large")]));
  await until(() => b.link.visitors.length === 1);
  raw.socket.pause();
  // It goes on beating.
  const beating = setInterval(() => raw.socket.write(frame(9, 0, 0)), 50);
  t.after(() => clearInterval(beating));
  for (let i = 0; i < 60; i += 1) raw.socket.write(frame(4, 1, i));
  await until(() => b.link.visitors.length === 0);
});

test("what waits for a node that reads nothing is bounded", TIMEOUT, async (t) => {
  const a = await openNode(t, "a", { limits: { unsentBytesMax: 1_000_000 } });
  const port = await openHost(t, (raw) => {
    raw.socket.write(hello("b", "a"));
    raw.socket.pause();
    const beating = setInterval(() => raw.socket.write(frame(9, 0, 0)), 100);
    raw.socket.on("close", () => clearInterval(beating));
    t.after(() => clearInterval(beating));
  });
  const peer = dial(a, "b", port);
  await until(() => peer.isUp);
  const asked = new Set<Promise<string>>();
  let refused = "";
  await until(async () => {
    const answer = answerOf(peer, "echo", "x".repeat(500_000));
    asked.add(answer);
    refused = await Promise.race([answer, new Promise<string>((resolve) => setTimeout(() => resolve(""), 20))]);
    return refused;
  });
  assert.equal(refused, 'unavailable: too much waits for node "b" to take it');
  assert.equal(peer.tell("echo", Buffer.alloc(500_000)), false);
  // What the system's buffers took, and ours.
  assert.ok(asked.size < 100, `${asked.size} questions were taken`);
  peer.close();
  assert.deepEqual(
    new Set((await Promise.all(asked)).map((answer) => answer.split(":")[0])),
    new Set(["unknown", "unavailable"]),
  );
});

test("a node that is stopped is given up soon, and found again when it goes on", TIMEOUT, async (t) => {
  const a = await openNode(t, "a", { trust: WITH_KEY, limits: { silenceMs: 800, helloMs: 2000 } });
  const child = startProcess(t, process.execPath, [madeOf("test/net/link/echoing.ts"), KEY]);
  const port = Number(await until(() => child.lines[0]));
  const peer = dial(a, "b", port);
  await until(() => peer.isUp);
  assert.equal(await answerOf(peer, "echo", "x"), "x");
  await freeze(child.child);
  assert.match(await answerOf(peer, "echo", "x", 60_000), /^unknown: .*nothing was heard for 800 ms/);
  assert.match(await answerOf(peer, "echo", "x", 60_000), /^unavailable/);
  child.child.kill("SIGCONT");
  await until(() => peer.isUp);
  assert.equal(await answerOf(peer, "echo", "x"), "x");
});
