/** Watches: told once or until taken back, before any answer that shows the change, and after a connection was lost. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../harness/requests.ts";
import { FLAGS, list, multiOf, OPS, pack } from "./codec.ts";
import { Client, createBody, startZookeeper } from "./rig.ts";

const rollcall = await startZookeeper({ after });
const port = rollcall.port("zookeeper");

test("each kind is told once of what it is for", async () => {
  const [client, watcher] = [await Client.open({ after }, port), await Client.open({ after }, port)];
  assert.equal(await watcher.stat("/k", true), undefined);
  await watcher.children("/", true);
  await client.create("/k", "1");
  await client.set("/k", "2");
  assert.deepEqual(await watcher.heard(2), ["1 /k", "4 /"]);
  assert.equal(await watcher.code("getData", pack("sb", "/none", true)), -101);
  await watcher.get("/k", true);
  await watcher.stat("/k", true);
  await watcher.children("/k", true);
  await client.create("/k/child");
  await client.set("/k", "3");
  await client.set("/k", "4");
  await client.set("/k/child", "not told");
  assert.deepEqual((await watcher.heard(4)).slice(2), ["4 /k", "3 /k"]);
  await watcher.get("/k/child", true);
  await watcher.children("/k/child", true);
  await watcher.children("/k", true);
  await client.remove("/k/child");
  assert.deepEqual((await watcher.heard(6)).slice(4), ["2 /k/child", "4 /k"]);
  await client.create("/none");
  await watcher.must("sync", pack("s", "/"));
  assert.equal(watcher.events.length, 6);
});

test("persistent watches stay, and recursive ones see all below", async () => {
  const [client, watcher] = [await Client.open({ after }, port), await Client.open({ after }, port)];
  await client.create("/p");
  await watcher.must("addWatch", pack("si", "/p", 0));
  await watcher.must("addWatch", pack("si", "/p", 1));
  await client.create("/p/a");
  await client.create("/p/a/b");
  await client.set("/p/a/b", "x");
  await client.set("/p", "x");
  await client.remove("/p/a/b");
  const all = ["1 /p/a", "4 /p", "1 /p/a/b", "3 /p/a/b", "3 /p", "2 /p/a/b"];
  assert.deepEqual(await watcher.heard(6), all);
  assert.equal(await watcher.code("checkWatches", pack("si", "/p", 4)), 0);
  assert.equal(await watcher.code("removeWatches", pack("si", "/p", 5)), 0);
  assert.equal(await watcher.code("checkWatches", pack("si", "/p", 5)), -121);
  await client.create("/p/c");
  assert.deepEqual((await watcher.heard(7)).slice(6), ["4 /p"]);
  await watcher.children("/p", true);
  assert.equal(await watcher.code("removeWatches", pack("si", "/p", 3)), 0);
  await client.create("/p/d");
  await watcher.must("sync", pack("s", "/"));
  assert.equal(watcher.events.length, 7);
});

test("the event comes before the answer that shows the change, and before that of the change itself", async () => {
  const [client, watcher] = [await Client.open({ after }, port), await Client.open({ after }, port)];
  await client.create("/order");
  await client.get("/order", true);
  const before = client.answers;
  await client.set("/order", "own");
  assert.equal(client.events[0]?.after, before);
  for (let round = 0; round < 20; round++) {
    const stat = (await watcher.get("/order", true)).stat;
    const asked: Promise<{ readonly version: number; readonly events: number }>[] = [];
    const set = client.set("/order", String(round));
    for (let nth = 0; nth < 20; nth++)
      asked.push(watcher.get("/order").then(({ stat: { version } }) => ({ version, events: watcher.events.length })));
    await set;
    for (const { version, events } of await Promise.all(asked))
      if (version > stat.version)
        assert.ok(events > round, `the change was seen before it was told, in round ${round}`);
    await watcher.heard(round + 1);
  }
});

test("answers come in the order of requests, each after what was asked before it", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/fifo", "0");
  const reads: Promise<string | null>[] = [];
  const writes: Promise<unknown>[] = [];
  for (let nth = 1; nth <= 100; nth++) {
    writes.push(client.set("/fifo", String(nth), nth - 1));
    if (nth % 7 === 0) reads.push(client.get("/fifo").then(({ data }) => data));
    if (nth % 10 === 0)
      writes.push(client.code("create", createBody("/fifo", "", 0)), client.must("sync", pack("s", "/")));
  }
  await Promise.all(writes);
  assert.deepEqual(
    await Promise.all(reads),
    Array.from({ length: 14 }, (_, nth) => String((nth + 1) * 7)),
  );
});

test("who is connected again is told what was missed", async () => {
  const [client, watcher] = [await Client.open({ after }, port), await Client.open({ after }, port)];
  for (const path of ["/r", "/r/same", "/r/set", "/r/gone", "/r/parent"]) await client.create(path);
  const { zxid } = await watcher.must("sync", pack("s", "/"));
  const { session, password } = watcher.greeting ?? assert.fail();
  watcher.socket.destroy();
  await client.set("/r/set", "x");
  await client.remove("/r/gone");
  await client.create("/r/new");
  await client.create("/r/parent/child");
  const back = await Client.open({ after }, port, { session, password, lastZxid: zxid });
  const paths = (...all: string[]) => list(all.map((path) => pack("s", path)));
  const body = [
    pack("l", zxid),
    paths("/r/same", "/r/set", "/r/gone"),
    paths("/r/new", "/r/never"),
    paths("/r/parent", "/r/same", "/r/gone"),
    paths("/r/same"),
    paths("/r"),
  ];
  await back.must("setWatches2", Buffer.concat(body));
  assert.deepEqual(await back.heard(5), ["3 /r/set", "2 /r/gone", "1 /r/new", "4 /r/parent", "2 /r/gone"]);
  assert.ok(
    back.events.every(({ after: answers }) => answers === 0),
    "before the answer",
  );
  await client.set("/r/same", "now");
  await client.create("/r/never");
  assert.deepEqual((await back.heard(7)).slice(5), ["3 /r/same", "1 /r/never"]);
});

test("what others do to keys is told, with the nodes that come and go above them", async () => {
  const watcher = await Client.open({ after }, port);
  await watcher.must("addWatch", pack("si", "/", 1));
  await watcher.children("/", true);
  const at = `${rollcall.url}/v2/default/config/${encodeURIComponent("/x/y/z")}`;
  await request(at, { method: "PUT", body: "1" });
  assert.deepEqual(await watcher.heard(4), ["1 /x", "4 /", "1 /x/y", "1 /x/y/z"]);
  await request(at, { method: "PUT", body: "2" });
  await request(at, { method: "DELETE" });
  assert.deepEqual((await watcher.heard(8)).slice(4), ["3 /x/y/z", "2 /x/y/z", "2 /x/y", "2 /x"]);
});

test("who may not read a node is not told of it", async () => {
  const [owner, watcher] = [await Client.open({ after }, port), await Client.open({ after }, port)];
  await owner.must("auth", pack("iss", 0, "digest", "ann:secret"));
  await watcher.must("addWatch", pack("si", "/", 1));
  await owner.create("/secret", "", FLAGS.persistent, list([pack("iss", 31, "auth", "")]));
  await owner.set("/secret", "x");
  await owner.must("multi", multiOf([[OPS.delete, pack("si", "/secret", -1)]]));
  await owner.create("/open");
  assert.deepEqual(await watcher.heard(1), ["1 /open"]);
});

test("hundreds of watchers are told of a change", async () => {
  const client = await Client.open({ after }, port);
  await client.create("/crowd", "0");
  const watchers = await Promise.all(Array.from({ length: 300 }, () => Client.open({ after }, port)));
  await Promise.all(watchers.map((watcher) => watcher.get("/crowd", true)));
  await client.set("/crowd", "1");
  for (const watcher of watchers) assert.deepEqual(await watcher.heard(1), ["3 /crowd"]);
});
