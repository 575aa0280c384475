/** Sessions: their time, where they are connected, what goes with them, and that a restart keeps them. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { FLAGS, frame, list, multiOf, OPS, pack } from "./codec.ts";
import { aclOf, Client, createBody, hello, startZookeeper, word } from "./rig.ts";

const rollcall = await startZookeeper({ after }, { settings: { sessionMsMin: 1000 } });
const port = rollcall.port("zookeeper");

test("times are brought into range, and old clients told as much as they know", async () => {
  for (const [asked, got] of [
    [10_000, 10_000],
    [100, 1000],
    [0, 1000],
    [-5, 1000],
    [999_999, 40_000],
  ] as const)
    assert.equal((await Client.open({ after }, port, { timeoutMs: asked })).greeting?.timeoutMs, got);
  assert.equal((await Client.open({ after }, port)).greeting?.bytes, 37);
  const old = await Client.open({ after }, port, { withFlag: false });
  assert.equal(old.greeting?.bytes, 36);
  assert.equal(old.greeting?.password.length, 16);
  const ping = await old.ask("ping", undefined, -2);
  assert.deepEqual([ping.error, ping.body.isAtEnd], [0, true]);
});

test("what is said behind the greeting in one piece is answered", async () => {
  const client = await Client.dial({ after }, port);
  client.socket.cork();
  const greeting = client.greet();
  const told = client.ask("exists", pack("sb", "/", false));
  client.socket.uncork();
  assert.ok((await greeting).session !== 0n);
  assert.equal((await told).error, 0);
});

test("a session ends by its client with all it has, in one zxid", async () => {
  const [client, watcher] = [await Client.open({ after }, port), await Client.open({ after }, port)];
  await client.create("/end");
  for (const name of ["a", "b", "c"]) {
    await client.create(`/end/${name}`, "", FLAGS.ephemeral);
    await watcher.stat(`/end/${name}`, true);
  }
  assert.equal((await client.get("/end/a")).stat.ephemeralOwner, client.greeting?.session);
  assert.equal(await client.code("closeSession"), 0);
  await client.closed();
  await watcher.heard(3);
  assert.equal(new Set(watcher.events.map(({ zxid }) => zxid)).size, 1);
  assert.deepEqual(await watcher.children("/end"), []);
  const { session, password } = client.greeting ?? assert.fail();
  const back = await Client.open({ after }, port, { session, password });
  assert.deepEqual([back.greeting?.timeoutMs, back.greeting?.session], [0, 0n]);
  await back.closed();
});

test("a silent session expires, and its connection with it", async () => {
  const client = await Client.open({ after }, port, { timeoutMs: 1000 });
  const watcher = await Client.open({ after }, port);
  await client.create("/silent", "", FLAGS.ephemeral);
  await watcher.stat("/silent", true);
  await client.closed();
  assert.deepEqual(await watcher.heard(1), ["2 /silent"]);
});

test("a session moves to another connection, whose old one is closed", async () => {
  const first = await Client.open({ after }, port);
  await first.create("/moved", "", FLAGS.ephemeral);
  const { session, password } = first.greeting ?? assert.fail();
  const thief = await Client.open({ after }, port, { session, password: Buffer.alloc(16, 7) });
  assert.equal(thief.greeting?.session, 0n);
  assert.equal((await first.get("/moved")).stat.ephemeralOwner, session, "a wrong password harms nobody");
  const second = await Client.open({ after }, port, { session, password, timeoutMs: 5000 });
  await first.closed();
  assert.deepEqual([second.greeting?.session, second.greeting?.timeoutMs], [session, 5000]);
  assert.equal((await second.get("/moved")).stat.ephemeralOwner, session);
});

test("who has seen more than there is gets no answer", async () => {
  const client = await Client.dial({ after }, port);
  await assert.rejects(client.greet({ lastZxid: 2n ** 60n }), /closed/);
});

test("kill -9 keeps sessions, nodes, their Stats, rights and counters", async () => {
  const client = await Client.open({ after }, port, { timeoutMs: 20_000 });
  await client.must("auth", pack("iss", 0, "digest", "ann:secret"));
  await client.create("/kept", "data");
  await client.create("/kept/s-", "", FLAGS.sequential);
  await client.create("/kept/gone-", "", FLAGS.sequential);
  await client.remove("/kept/gone-0000000001");
  await client.create("/kept/e", "", FLAGS.ephemeral);
  await client.create("/kept/own", null, 0, aclOf([31, "auth", ""]));
  const before = [await client.stat("/kept"), await client.stat("/kept/e"), await client.stat("/kept/own")];
  const { session, password } = client.greeting ?? assert.fail();
  const { zxid } = await client.must("sync", pack("s", "/"));
  await rollcall.restart();
  const back = await Client.open({ after }, port, { session, password, lastZxid: zxid });
  assert.equal(back.greeting?.session, session);
  assert.equal(await back.code("getData", pack("sb", "/kept/own", false)), -102);
  await back.must("auth", pack("iss", 0, "digest", "ann:secret"));
  assert.deepEqual([await back.stat("/kept"), await back.stat("/kept/e"), await back.stat("/kept/own")], before);
  assert.equal((await back.get("/kept/own")).data, null);
  assert.equal(await back.create("/kept/s-", "", FLAGS.sequential), "/kept/s-0000000004");
  assert.equal(await back.code("closeSession"), 0);
  const other = await Client.open({ after }, port);
  assert.equal(await other.stat("/kept/e"), undefined);
});

test("noise, impossible lengths and half frames harm nobody", async () => {
  const good = await Client.open({ after }, port);
  await good.create("/good", "1");
  const noises = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
    Buffer.from([0, 0, 0, 0]),
    Buffer.from([0x7f, 0xff, 0xff, 0xff]),
    frame(Buffer.from([1, 2, 3])),
    frame(pack("ilil", 0, 0, 1000, 0)),
    frame(Buffer.concat([pack("ilil", 0, 0, 1000, 0), Buffer.from([0x7f, 0xff, 0xff, 0xff])])),
    Buffer.concat([hello(), Buffer.from([0xff, 0xff, 0xff, 0xfe])]),
    Buffer.concat([hello(), Buffer.from([0x00, 0x20, 0, 0])]),
    Buffer.concat([hello(), frame(Buffer.from([1, 2, 3]))]),
  ];
  for (const noise of noises) {
    const bad = connect({ host: "127.0.0.1", port });
    bad.on("error", () => {}).resume();
    bad.write(noise);
    await new Promise((resolve) => bad.once("close", resolve));
  }
  const strange = await Client.open({ after }, port);
  const giant = Buffer.from([0x7f, 0xff, 0xff, 0xff]);
  for (const body of [
    giant,
    Buffer.concat([pack("s", "/a"), giant]),
    Buffer.concat([pack("ss", "/a", ""), giant]),
    Buffer.from([0x80, 0, 0, 0]),
  ])
    assert.equal(await strange.code("create", body), -5);
  assert.equal(await strange.code("setWatches", Buffer.concat([pack("l", 0), giant])), -5);
  const slow = connect({ host: "127.0.0.1", port, noDelay: true });
  after(() => void slow.destroy());
  slow.resume();
  for (const byte of hello()) slow.write(Buffer.from([byte]));
  await until(() => slow.bytesRead > 0);
  const abandoned = await Client.open({ after }, port);
  abandoned.socket.write(int20());
  assert.equal((await good.get("/good")).data, "1");
});

function int20(): Buffer {
  return Buffer.from([0, 0, 0, 20, 1]);
}

test("a connection has so many watches and no more, and they take little", async () => {
  const client = await Client.open({ after }, port);
  const before = residentBytes();
  // As clients say it that are connected again; what would be too many is refused as a whole.
  const watchSome = (from: number): Promise<number> => {
    const paths = Array.from({ length: 10_000 }, (_, nth) => pack("s", `/w-${from + nth}`));
    return client.code("setWatches", Buffer.concat([pack("l", 0), list([]), list(paths), list([])]));
  };
  const told: number[] = [];
  for (let from = 0; from < 100_000; from += 10_000) told.push(await watchSome(from));
  assert.deepEqual(told, [0, 0, 0, 0, 0, -127, -127, -127, -127, -127]);
  assert.match(await word({ after }, port, "wchs"), /paths\nTotal watches:5\d{4}\n$/);
  const tookBytes = residentBytes() - before;
  assert.ok(tookBytes < 80e6, `50 000 watches took ${tookBytes} bytes`);
  assert.equal(await client.code("exists", pack("sb", "/w-99999", true)), -127);
  for (const [op, body] of [
    ["exists", pack("sb", `/${"p".repeat(5000)}`, true)],
    ["addWatch", pack("si", `/${"p".repeat(5000)}`, 1)],
  ] as const)
    assert.equal(await client.code(op, body), -8, "no path is so long");
  await client.create("/w-1");
  assert.deepEqual(await client.heard(1), ["1 /w-1"]);
  assert.equal(await client.code("exists", pack("sb", "/w-99999", true)), -101);
  client.socket.destroy();
  const left = async (): Promise<string> => word({ after }, port, "wchs");
  await until(async () => !/watches:\d{5}/.test(await left()), { what: "the watches to be let go" });
});

function residentBytes(): number {
  const [, kib] = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${rollcall.pid}/status`, "utf8")) ?? [];
  return Number(kib) * 1024;
}

test("a megabyte less a little is taken, and more closes the connection but not the session", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/big", "x".repeat(1_048_000));
  assert.equal((await client.get("/big")).data?.length, 1_048_000);
  const { session, password } = client.greeting ?? assert.fail();
  // More at once than are under way at a time: all are answered, in order.
  const big = Array.from({ length: 12 }, (_, nth) => client.set("/big", String(nth).repeat(500_000), nth));
  assert.deepEqual(
    (await Promise.all(big)).map(({ version }) => version),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  const read = (count: number) =>
    multiOf(Array.from({ length: count }, () => [OPS.getData, pack("sb", "/big", false)]));
  assert.deepEqual([await client.code("multiRead", read(2)), await client.code("multiRead", read(20))], [0, -1]);
  void client.ask("setData", pack("ssi", "/big", "x".repeat(1_100_000), -1)).catch(() => {});
  await client.closed();
  const back = await Client.open({ after }, port, { session, password });
  assert.equal(back.greeting?.session, session);
  assert.equal(await back.code("create", createBody(`/${"p".repeat(5000)}`, "", 0)), -8);
});

test("all that lies below a node is counted, however much, with what nobody created", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/count-");
  await client.create("/count");
  const many = Array.from({ length: 4500 }, (_, nth): [number, Buffer] => [
    OPS.create,
    createBody(`/count/${nth}`, "", 0),
  ]);
  await client.must("multi", multiOf(many));
  for (const key of ["/count/a/b/c", "/count/a/b-/d", "/count/4499/e/f"])
    await request(`${rollcall.url}/v2/default/config/${encodeURIComponent(key)}`, { method: "PUT", body: "" });
  const counted = await client.must("getAllChildrenNumber", pack("s", "/count"));
  // a, a/b, a/b/c, a/b-, a/b-/d, 4499/e and 4499/e/f.
  assert.equal(counted.body.int(), 4507);
});

test("where there are accounts, a token says whose nodes they are", async (t) => {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const token = (role: string) => ({ name: role, role, sha256: sha256(`acme-${role}`) });
  const accounts = { acme: { tokens: [token("writer"), token("reader")] } };
  const closed = await startZookeeper(t, { config: { accounts }, dialects: "zookeeper" });
  const at = closed.port("zookeeper");
  const client = await Client.open(t, at);
  assert.ok(client.greeting?.session !== 0n);
  assert.equal(await client.code("create", createBody("/a", "", 0)), -102);
  assert.equal(await client.code("getData", pack("sb", "/", false)), -102);
  await client.must("auth", pack("iss", 0, "digest", "ann:no-token"));
  assert.equal(await client.code("create", createBody("/a", "", 0)), -102);
  await client.must("auth", pack("iss", 0, "digest", "ann:acme-writer"));
  await client.create("/a", "", FLAGS.ephemeral);
  const reader = await Client.open(t, at);
  await reader.must("auth", pack("iss", 0, "digest", "bob:acme-reader"));
  assert.deepEqual(await reader.children("/"), ["a", "zookeeper"]);
  assert.equal(await reader.code("create", createBody("/b", "", 0)), -102);
  const { session, password } = client.greeting ?? assert.fail();
  const back = await Client.open(t, at, { session, password });
  await client.closed();
  assert.equal(await back.code("getData", pack("sb", "/a", false)), -102, "a token is shown again after a move");
  await back.must("auth", pack("iss", 0, "digest", "ann:acme-writer"));
  assert.equal((await back.get("/a")).stat.ephemeralOwner, session);
  assert.match(await word(t, at, "dump"), /not in the whitelist/);
  assert.equal(await word(t, at, "ruok"), "imok");
});
