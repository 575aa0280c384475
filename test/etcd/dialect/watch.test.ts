/** Watches by gRPC, asked of the started program. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../../harness/scope.ts";
import { bytes, Client, type Fields, KV, type Talk, type Told, text } from "./client.ts";
import { startEtcd } from "./rig.ts";

const WATCH = "/etcdserverpb.Watch/Watch";
const GRANT = "/etcdserverpb.Lease/LeaseGrant";
const REVOKE = "/etcdserverpb.Lease/LeaseRevoke";

function create(key: string, more: Fields = {}): Fields {
  return { requestUnion: { case: "createRequest", value: { key: bytes(key), ...more } } };
}

const under = (prefix: string, more: Fields = {}): Fields =>
  create(prefix, { rangeEnd: bytes(`${prefix.slice(0, -1)}0`), ...more });

const cancel = (watchId: bigint): Fields => ({ requestUnion: { case: "cancelRequest", value: { watchId } } });
const PROGRESS = { requestUnion: { case: "progressRequest", value: {} } };

/** `put a=1`, with what was before in brackets. */
function show({ events }: Told): string {
  return events
    .map(({ type, kv, prevKv }: Told) => {
      const before = prevKv === undefined ? "" : ` (${text(prevKv.value)})`;
      return type === 1 ? `delete ${text(kv.key)}${before}` : `put ${text(kv.key)}=${text(kv.value)}${before}`;
    })
    .join(", ");
}

async function begin(talk: Talk, request: Fields): Promise<Told> {
  const told = await talk.send(request).next();
  assert.deepEqual([told.created, told.canceled, told.cancelReason], [true, false, ""]);
  return told;
}

/** Takes all that comes from now on; what it returns are the responses with events to one watch. */
function gather(talk: Talk): (id: bigint) => readonly string[] {
  const heard = new Map<bigint, string[]>();
  void (async () => {
    for (let told = await talk.next(); told !== undefined; told = await talk.next())
      if (told.events.length > 0) heard.set(told.watchId, [...(heard.get(told.watchId) ?? []), show(told)]);
  })();
  return (id) => heard.get(id) ?? [];
}

const program = await startEtcd({ after }, { settings: { progressMs: 300 } });
const client = Client.dial({ after }, program.port("etcd"));
const open = (): Talk => client.open(WATCH);
const remove = (key: string, end = ""): Promise<Told> =>
  client.ask(KV.delete, { key: bytes(key), rangeEnd: bytes(end) });

test("a watch is created, hears what happens in its range, and is canceled", async () => {
  const talk = open();
  const { header } = await client.put("w/a", "0");
  const created = await begin(talk, under("w/", { prevKv: true }));
  assert.deepEqual([created.watchId, created.header.revision], [0n, header.revision]);
  await client.put("x", "not in it");
  const put = await client.put("w/a", "1");
  const told = await talk.next();
  assert.deepEqual([told.watchId, told.header.revision, show(told)], [0n, put.header.revision, "put w/a=1 (0)"]);
  const [{ kv }] = told.events;
  assert.deepEqual([kv.modRevision, kv.createRevision, kv.version], [put.header.revision, header.revision, 2n]);
  const gone = await remove("w/a");
  const went = await talk.next();
  assert.equal(show(went), "delete w/a (1)");
  const [{ kv: left }] = went.events;
  assert.deepEqual(
    [left.modRevision, left.createRevision, left.version, left.value.length],
    [gone.header.revision, 0n, 0n, 0],
  );
  talk.send(cancel(7n)).send(cancel(0n));
  const canceled = await talk.next();
  assert.deepEqual([canceled.watchId, canceled.canceled, canceled.created], [0n, true, false]);
  await client.put("w/a", "unheard");
  await begin(talk, create("w/a"));
  talk.stream.close();
});

test("ids are the server's or the client's, and ranges must hold something", async () => {
  const talk = open();
  assert.equal((await begin(talk, create("id", { watchId: 1n }))).watchId, 1n);
  assert.equal((await begin(talk, create("id"))).watchId, 0n);
  assert.equal((await begin(talk, create("id"))).watchId, 2n);
  const large = 2n ** 62n + 1n;
  assert.equal((await begin(talk, create("id", { watchId: large }))).watchId, large);
  const refused = async (request: Fields): Promise<readonly unknown[]> => {
    const { watchId, created, canceled, cancelReason } = await talk.send(request).next();
    return [watchId, created, canceled, cancelReason];
  };
  const duplicate = "mvcc: duplicate watch ID provided on the WatchStream";
  assert.deepEqual(await refused(create("id", { watchId: 1n })), [-1n, true, true, duplicate]);
  assert.deepEqual(await refused(create("id", { watchId: large })), [-1n, true, true, duplicate]);
  const empty = "mvcc: watcher range is empty";
  for (const end of ["a", "b"])
    assert.deepEqual(await refused(create("b", { rangeEnd: bytes(end) })), [-1n, true, true, empty]);
  // What is refused takes no number.
  assert.equal((await begin(talk, create("id"))).watchId, 3n);
  talk.send(cancel(large));
  const canceled = await talk.next();
  assert.deepEqual([canceled.watchId, canceled.canceled], [large, true]);
  talk.stream.close();
});

test("all events of one revision are in one response, in their order", async () => {
  const talk = open();
  await begin(talk, create("", { rangeEnd: bytes("\0") }));
  await begin(talk, under("t/", { filters: [0], prevKv: true }));
  await begin(talk, under("t/", { filters: [1] }));
  const heard = gather(talk);
  const put = (key: string, value: string) => ({
    request: { case: "requestPut", value: { key: bytes(key), value: bytes(value) } },
  });
  await client.ask(KV.txn, { success: [put("t/b", "1"), put("t/a", "2"), put("u", "3")] });
  await remove("t/", "t0");
  const { ID } = await client.ask(GRANT, { TTL: 60n });
  const more = ["t/2", "t/1"].map((key) => put(key, ""));
  for (const { request } of more) Object.assign(request.value, { lease: ID });
  await client.ask(KV.txn, { success: more });
  await client.ask(REVOKE, { ID });
  await until(() => heard(0n).length === 4 && heard(1n).length === 2 && heard(2n).length === 2, { what: "all" });
  assert.deepEqual(heard(0n), [
    "put t/b=1, put t/a=2, put u=3",
    "delete t/a, delete t/b",
    "put t/2=, put t/1=",
    "delete t/1, delete t/2",
  ]);
  assert.deepEqual(heard(1n), ["delete t/a (2), delete t/b (1)", "delete t/1 (), delete t/2 ()"]);
  assert.deepEqual(heard(2n), ["put t/b=1, put t/a=2", "put t/2=, put t/1="]);
  talk.stream.close();
});

test("from a revision of the past everything is heard, and nothing twice", async () => {
  const first = (await client.put("p/a", "1")).header.revision;
  await client.put("p/b", "2");
  await remove("p/a");
  const talk = open();
  talk.send(under("p/", { startRevision: first, prevKv: true }));
  talk.send(create("p/b", { startRevision: first + 1n })).send(create("p/b", { startRevision: first + 2n }));
  const heard = gather(talk);
  await client.put("p/b", "3");
  const all = (id: bigint): string => heard(id).join(", ");
  await until(() => [0n, 1n, 2n].every((id) => all(id).includes("put p/b=3")), { what: "the last event" });
  assert.equal(all(0n), "put p/a=1, put p/b=2, delete p/a (1), put p/b=3 (2)");
  assert.equal(all(1n), "put p/b=2, put p/b=3");
  assert.equal(all(2n), "put p/b=3");
  talk.stream.close();
});

test("from a revision that is yet to come", async () => {
  const { header } = await client.put("f/a", "1");
  const talk = open();
  await begin(talk, create("f/a", { startRevision: header.revision + 2n }));
  await client.put("f/a", "2");
  const { header: later } = await client.put("f/a", "3");
  const told = await talk.next();
  assert.deepEqual([show(told), told.header.revision], ["put f/a=3", later.revision]);
  talk.stream.close();
});

test("what is compacted is gone, but for the revision that it was compacted to", async () => {
  const { revision } = (await client.put("c/a", "1")).header;
  await client.put("c/a", "2");
  await client.put("c/b", "1");
  await client.ask(KV.compact, { revision: revision + 1n });
  const talk = open();
  await begin(talk, under("c/", { startRevision: revision }));
  const { watchId, canceled, compactRevision, cancelReason, header, created } = await talk.next();
  assert.deepEqual(
    [watchId, canceled, created, compactRevision, cancelReason, header.revision],
    [0n, true, false, revision + 1n, "", 0n],
  );
  await begin(talk, under("c/", { startRevision: revision + 1n }));
  const heard: string[] = [];
  while (heard.length < 2) heard.push(...show(await talk.next()).split(", "));
  assert.deepEqual(heard, ["put c/a=2", "put c/b=1"]);
  talk.stream.close();
});

test("progress is told when asked for, behind all that was before, and from time to time", async () => {
  const talk = open();
  const { revision } = (await client.put("g/a", "1")).header;
  for (let nth = 0; nth < 50; nth++) await client.put("g/a", `${nth}`);
  await begin(talk, create("g/a", { startRevision: revision }));
  talk.send(PROGRESS);
  let events = 0;
  let told = await talk.next();
  for (; told.watchId !== -1n; told = await talk.next()) events += told.events.length;
  const now = (await client.range("g/a")).header.revision;
  assert.deepEqual([events, told.header.revision, told.created, told.events.length], [51, now, false, 0]);
  await begin(talk, create("g/quiet", { progressNotify: true }));
  const notice = await talk.next();
  assert.deepEqual([notice.watchId, notice.events.length], [1n, 0]);
  assert.ok(notice.header.revision >= now);
  talk.stream.close();
});

test("long responses come in fragments to whom wants them", async () => {
  const value = Buffer.alloc(400_000, "v").toString();
  const { revision } = (await client.put("l/0", value)).header;
  for (let nth = 1; nth < 6; nth++) await client.put(`l/${nth}`, value);
  const talk = open();
  await begin(talk, under("l/", { fragment: true }));
  await begin(talk, under("l/", { prevKv: true }));
  await begin(talk, under("l/", { prevKv: true, fragment: true }));
  await remove("l/", "l0");
  const counts: [bigint, boolean, number][] = [];
  for (let events = 0; events < 18; ) {
    const told = await talk.next();
    counts.push([told.watchId, told.fragment, told.events.length]);
    events += told.events.length;
  }
  assert.deepEqual(counts.slice(0, 2), [
    [0n, false, 6],
    [1n, false, 6],
  ]);
  assert.deepEqual(counts.slice(2), [
    [2n, true, 3],
    [2n, false, 3],
  ]);
  assert.ok(revision > 0n);
  talk.stream.close();
});

test("many watches of one stream hear of one change", async () => {
  const talk = open();
  for (let nth = 0; nth < 500; nth++) talk.send(nth % 2 === 0 ? create("m/a") : under("m/"));
  for (let nth = 0; nth < 500; nth++) assert.equal((await talk.next()).watchId, BigInt(nth));
  await client.put("m/a", "1");
  const heard = new Set<bigint>();
  while (heard.size < 500) {
    const told = await talk.next();
    assert.equal(show(told), "put m/a=1");
    heard.add(told.watchId);
  }
  talk.stream.close();
});

test("who reads late misses nothing", async () => {
  const talk = open();
  await begin(talk, create("s/a"));
  await begin(talk, create("s/b"));
  talk.stream.pause();
  const value = Buffer.alloc(64 * 1024, "s").toString();
  for (let nth = 0; nth < 60; nth++) await client.put("s/a", `${nth} ${value}`);
  await client.put("s/b", "late");
  talk.stream.resume();
  const seen: string[] = [];
  let other = "";
  while (seen.length < 60 || other === "") {
    const told = await talk.next();
    if (told.watchId === 1n) other = show(told);
    else for (const { kv } of told.events) seen.push(text(kv.value).split(" ")[0] as string);
  }
  assert.deepEqual(seen, [...Array(60).keys()].map(String));
  assert.equal(other, "put s/b=late");
  talk.send(PROGRESS);
  assert.equal((await talk.next()).watchId, -1n);
  talk.stream.close();
});

test("after a kill -9 the history goes on where it was", async () => {
  const { revision } = (await client.put("k/a", "before")).header;
  const lasting = open();
  await begin(lasting, create("k/a"));
  await program.restart();
  assert.ok([-1, 14].includes((await lasting.ended).code));
  const again = Client.dial({ after }, program.port("etcd"));
  const talk = again.open(WATCH);
  await begin(talk, create("k/a", { startRevision: revision }));
  assert.equal(show(await talk.next()), "put k/a=before");
  await again.put("k/a", "after");
  assert.equal(show(await talk.next()), "put k/a=after");
  const ended = talk.ended;
  const stopped = program.stop();
  const { code, message } = await ended;
  assert.deepEqual([code, message], [14, "etcdserver: server stopped"]);
  await stopped;
});
