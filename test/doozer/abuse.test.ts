/** What no client of Doozer sends: it gets an error or a closed connection, and the others notice nothing. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../harness/scope.ts";
import { Client, encode, frame, startDoozer } from "./rig.ts";

const rollcall = await startDoozer({ after });
const port = rollcall.port("doozer");
const good = await Client.open({ after }, port);
await good.set("/a", "1");

test("noise and impossible lengths close the connection", async () => {
  const noises = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0x7f, 0xff, 0xff, 0xff]),
    frame(Buffer.from([0x08])),
    frame(Buffer.from([0x0b, 1, 2])),
    frame(Buffer.from([0x2a, 0x7f, 1])),
    frame(Buffer.alloc(64, 0xff)),
  ];
  for (const noise of noises) {
    const bad = await Client.open({ after }, port);
    bad.socket.write(noise);
    await bad.closed();
  }
  assert.equal((await good.ask("GET", { path: "/a" })).value, "1");
});

test("byte by byte, and many in one piece", async () => {
  const slow = await Client.open({ after }, port);
  const told = slow.ask("REV", { tag: 1000 });
  for (const byte of encode({ tag: 3, verb: "GET", path: "/a" })) slow.socket.write(Buffer.from([byte]));
  await told;
  const many = Array.from({ length: 500 }, (_, tag) => encode({ tag, verb: "GET", path: "/a" }));
  slow.socket.write(Buffer.concat(many));
  // Answers come in no order: a later question may be answered before the last of these.
  await slow.ask("REV", { tag: 1001 });
  await until(() => slow.strays.length === 501);
  assert.ok(slow.strays.every(({ value }) => value === "1"));
});

test("values of a megabyte and a half are taken, longer ones refused by their tag", async () => {
  const client = await Client.open({ after }, port);
  const whole = "x".repeat(1520 * 1024);
  await client.set("/big", whole);
  assert.equal((await client.ask("GET", { path: "/big" })).value?.length, whole.length);
  for (const [tag, length] of [
    [77, 1520 * 1024 + 1],
    [78, 3 * 1024 * 1024],
  ] as const) {
    const told = await client.ask("SET", { tag, path: "/big", value: "x".repeat(length), rev: -1 });
    assert.equal(told.error, "OTHER");
    assert.match(told.detail ?? "", /long/);
  }
  assert.equal((await client.ask("GET", { path: "/big" })).value?.length, whole.length);
});

test("a client that never reads holds up itself alone", async () => {
  const deaf = await Client.open({ after }, port);
  deaf.socket.pause();
  const ask = encode({ tag: 1, verb: "GET", path: "/big" });
  for (let n = 0; n < 200; n++) deaf.socket.write(ask);
  await good.set("/a", "2");
  assert.equal((await good.ask("GET", { path: "/a" })).value, "2");
});

test("walks with patterns that take long are made in turns with others", async () => {
  const writer = await Client.open({ after }, port);
  const long = "a".repeat(2000);
  await Promise.all(Array.from({ length: 100 }, (_, n) => writer.set(`/walk/${long}${n}`, "x")));
  const walker = await Client.open({ after }, port);
  const ended: string[] = [];
  // Each byte of a path may be the one at which what follows begins.
  const walks = Array.from({ length: 16 }, async (_, n) => {
    const told = await walker.ask("WALK", { path: `/walk/*a*${"a".repeat(900 + n)}b**`, offset: 0 });
    assert.equal(told.error, "RANGE");
    ended.push("walk");
  });
  await walks[0];
  await good.ask("GET", { path: "/a" });
  ended.push("get");
  await Promise.all(walks);
  assert.ok(ended.indexOf("get") < 12, ended.join());
});

test("who says no more still gets its answers", async () => {
  const client = await Client.open({ after }, port);
  const told = client.ask("SET", { path: "/last", value: "word", rev: -1 });
  client.socket.end();
  assert.equal((await told).error, undefined);
  await client.closed();
});

test("a revision that never comes is waited for until the client goes", async () => {
  const client = await Client.open({ after }, port);
  void client.ask("GET", { path: "/a", rev: Number.MAX_SAFE_INTEGER });
  void client.ask("WAIT", { path: "/never", rev: 2 ** 62 });
  await client.ask("REV");
  client.socket.end();
  await client.closed();
  assert.deepEqual(client.strays, []);
});
