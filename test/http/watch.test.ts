/** Following changes over the native API: streams, resuming, resync, many subscriptions, long polls, the stop. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { openStream, revisionIn, type Stream } from "../harness/requests.ts";
import { until } from "../harness/scope.ts";
import { assertShape, nextAccount, openApi } from "./rig.ts";

const rollcall = await startRollcall({ after });
const api = openApi(rollcall.url);

function open(path: string, spec: Parameters<typeof openStream>[2] = {}): Promise<Stream> {
  return openStream({ after }, `${rollcall.url}${path}`, spec);
}

const ready = (stream: Stream) => stream.find((event) => event.event === "ready");
const changes = (stream: Stream) => stream.events.filter((event) => event.event === "change");
const put = (at: string, service: string, id: string, body: object = {}) =>
  api.ok("PUT", `${at}/services/${service}/instances/${id}`, { address: "h", ttl: 0, ...body });

test("a stream gives every change in order, once, with its revision as id", async () => {
  const at = `/v2/${nextAccount()}`;
  const stream = await open(`${at}/watch`);
  assert.equal(stream.status, 200);
  await ready(stream);
  const revisions: number[] = [];
  for (let i = 0; i < 30; i++) revisions.push((await put(at, `s${i % 3}`, `i${i}`)).revision);
  await stream.find((event) => revisionIn(event.id) === revisions.at(-1));
  assert.deepEqual(
    changes(stream).map((event) => event.json().revision),
    revisions,
  );
  for (const event of changes(stream)) {
    assertShape("Commit", event.json());
    assert.equal(revisionIn(event.id), event.json().revision);
  }
});

test("a stream gives only what it asked for, also of commits that hold more", async () => {
  const at = `/v2/${nextAccount()}`;
  const service = await open(`${at}/watch?service=web&service=api`);
  const key = await open(`${at}/watch?key=a/1`);
  const prefix = await open(`${at}/watch?prefix=a/`);
  await Promise.all([service, key, prefix].map(ready));
  await api.ok("POST", `${at}/leases`, { lease: "l", ttl: "60s" });
  for (const name of ["web", "db"]) await put(at, name, "i", { lease: "l", ttl: undefined });
  for (const name of ["a/1", "a/2", "b/1"]) await api.ok("PUT", `${at}/config/${name}?lease=l`, "v");
  const { revision } = await api.ok("DELETE", `${at}/leases/l`);
  const namesOf = async (stream: Stream) => {
    const last = await stream.find((event) => revisionIn(event.id) === revision);
    return last.json().changes.map((one: { service?: string; key?: string }) => one.service ?? one.key);
  };
  assert.deepEqual(await namesOf(service), ["web"]);
  assert.deepEqual(await namesOf(key), ["a/1"]);
  assert.deepEqual(await namesOf(prefix), ["a/1", "a/2"]);
  assert.equal(changes(service).length, 2);
  assert.equal(changes(key).length, 2);
  assert.equal(changes(prefix).length, 3);
});

test("a stream resumes after the position it is given, by header or by query", async () => {
  const at = `/v2/${nextAccount()}`;
  const revisions: number[] = [];
  for (let i = 0; i < 5; i++) revisions.push((await put(at, "web", `i${i}`)).revision);
  const seen = async (path: string, headers: Record<string, string> = {}) => {
    const stream = await open(path, { headers });
    await ready(stream);
    stream.close();
    return changes(stream).map((event) => event.json().revision);
  };
  assert.deepEqual(await seen(`${at}/watch?after=0`), revisions);
  assert.deepEqual(await seen(`${at}/watch?after=${revisions[2]}`), revisions.slice(3));
  assert.deepEqual(await seen(`${at}/watch?after=0`, { "last-event-id": `${revisions[3]}` }), revisions.slice(4));
  const { position } = await api.ok("GET", `${at}/watch?after=${revisions[1]}&wait=1s`);
  assert.equal(revisionIn(position), revisions[4]);
  assert.deepEqual(await seen(`${at}/watch?after=${position}`), []);
  assert.deepEqual(
    await seen(`${at}/watch?after=${String(position).replace(/^\d+/, String(revisions[3]))}`),
    revisions.slice(4),
  );
  assert.deepEqual(await seen(`${at}/watch?service=web&after=${revisions[4]}`), []);
  assert.deepEqual(await seen(`${at}/watch?service=none&after=0`), []);
  await api.refused(400, "invalid", "GET", `${at}/watch?after=x`);
  await api.refused(400, "invalid", "GET", `${at}/watch`, undefined, { headers: { "last-event-id": "x" } });
  await api.refused(400, "invalid", "GET", `${at}/watch?service=`);
});

test("nothing is missed by a client that loses its connection again and again", async () => {
  const at = `/v2/${nextAccount()}`;
  const total = 120;
  const seen: number[] = [];
  const writing = (async () => {
    for (let i = 0; i < total; i++) await api.ok("PUT", `${at}/config/k`, String(i));
  })();
  let position = "0";
  while (seen.length < total) {
    const stream = await open(`${at}/watch?key=k`, { headers: { "last-event-id": position } });
    await until(() => changes(stream).length >= 7 || seen.length + changes(stream).length >= total);
    stream.close();
    for (const event of changes(stream)) {
      seen.push(Number(event.json().changes[0].after.value));
      position = event.id;
    }
  }
  await writing;
  assert.deepEqual(
    seen,
    Array.from({ length: total }, (_, i) => i),
  );
});

test("a position that history no longer holds is answered by resync, and the stream goes on", async () => {
  const at = `/v2/${nextAccount()}`;
  await put(at, "web", "i1");
  const { revision } = await put(at, "web", "i2");
  await api.ok("POST", "/v2/_/compact", { revision });
  const stream = await open(`${at}/watch?after=1`);
  const resync = await stream.find((event) => event.event === "resync");
  assert.equal(resync.json().compacted, revision);
  assert.ok(resync.json().revision >= revision);
  assert.equal(revisionIn(resync.id), resync.json().revision);
  const next = await put(at, "web", "i3");
  await stream.find((event) => revisionIn(event.id) === next.revision);
  await api.refused(410, "compacted", "GET", `${at}/watch?after=1&wait=1s`);
  await api.refused(410, "compacted", "GET", `${at}/events?after=1-0`);
  const future = await open(`${at}/watch?after=99999999`);
  await future.find((event) => event.event === "resync");
  await api.refused(410, "compacted", "POST", "/v2/_/compact", { revision: 1 });
  await api.refused(400, "invalid", "POST", "/v2/_/compact", { revision: 99_999_999 });
});

test("a position of another registry, or of this one before it was begun anew, is told apart", async () => {
  const at = `/v2/${nextAccount()}`;
  const { revision } = await put(at, "web", "i1");
  const elsewhere = `${revision}~0123456789ab`;
  const streams = [
    open(`${at}/watch?after=${elsewhere}`),
    open(`${at}/watch`, { headers: { "last-event-id": elsewhere } }),
    open(`${at}/watch`, { method: "POST", body: { subscriptions: [{ id: "all" }], after: elsewhere } }),
    open(`${at}/events?after=${revision}-0~0123456789ab`),
  ];
  for (const opening of streams) {
    const stream = await opening;
    assert.equal((await stream.find(() => true)).event, "resync");
    const { id } = await stream.find(({ event }) => event === "ready");
    assert.match(id, /^\d+(-\d+)?~(?!0123456789ab)[0-9a-f]{12}$/);
  }
  await api.refused(410, "compacted", "GET", `${at}/watch?after=${elsewhere}&wait=1s`);
  await api.refused(410, "compacted", "GET", `${at}/events?after=${elsewhere}`);
  const read = await api.call("GET", `${at}/services/web`);
  assert.equal((await api.ok("GET", `${at}/services/web?after=${elsewhere}&wait=60s`)).revision, revision);
  const known = String(read.headers.etag);
  const foreign = `"${elsewhere}"`;
  const reads: readonly (readonly [string, number])[] = [
    [known, 304],
    [`"${revision}"`, 304],
    [foreign, 200],
    [`${foreign}, ${known}`, 304],
  ];
  for (const [tag, status] of reads)
    assert.equal(
      (await api.call("GET", `${at}/services/web`, undefined, { headers: { "if-none-match": tag } })).status,
      status,
      tag,
    );
  const change = (tag: string) =>
    api.call("PATCH", `${at}/services/web/instances/i1`, { zone: "z" }, { headers: { "if-match": tag } });
  assert.deepEqual([(await change(foreign)).status, (await change(known)).status], [412, 200]);
});

test("many subscriptions share one stream, and each commit says for whom it is", async () => {
  const at = `/v2/${nextAccount()}`;
  const body = {
    subscriptions: [
      { id: "web", service: "web" },
      { id: "web again", service: "web" },
      { id: "one key", key: "a/1" },
      { id: "keys", prefix: "a/" },
      { id: "other", service: "db" },
    ],
  };
  const stream = await open(`${at}/watch`, { method: "POST", body });
  assert.equal(stream.status, 200);
  await ready(stream);
  await put(at, "web", "i1");
  await api.ok("PUT", `${at}/config/a/1`, "v");
  await api.ok("PUT", `${at}/config/a/2`, "v");
  await put(at, "none", "i1");
  await api.ok("PUT", `${at}/config/b`, "v");
  const last = await put(at, "db", "i1");
  await stream.find((event) => revisionIn(event.id) === last.revision);
  assert.deepEqual(
    changes(stream).map((event) => event.json().subscriptions),
    [["web", "web again"], ["one key", "keys"], ["keys"], ["other"]],
  );
  for (const event of changes(stream)) assertShape("Commit", event.json());
  const everything = await open(`${at}/watch`, { method: "POST", body: { subscriptions: [{ id: "all" }], after: 0 } });
  await everything.find((event) => revisionIn(event.id) === last.revision || event.event === "resync");
});

test("subscriptions that are none are refused", async () => {
  const at = `/v2/${nextAccount()}/watch`;
  const bad: [object, RegExp][] = [
    [{ subscriptions: [] }, /must not be empty/],
    [{ subscriptions: [{ service: "x" }] }, /subscriptions\[0\]\.id is missing/],
    [{ subscriptions: [{ id: "a" }, { id: "a" }] }, /there twice/],
    [{ subscriptions: [{ id: "a", service: "x", key: "y" }] }, /one of service, key and prefix/],
    [{ subscriptions: [{ id: "a", service: 5 }] }, /service must be a string/],
    [{ subscriptions: [{ id: "a" }], after: -1 }, /after must be an integer/],
  ];
  for (const [body, reason] of bad) assert.match(await api.refused(400, "invalid", "POST", at, body), reason);
});

test("a long poll gives the commits after a position, at once or when they come", async () => {
  const at = `/v2/${nextAccount()}`;
  const first = await put(at, "web", "i1");
  await put(at, "db", "i1");
  const behind = await api.ok("GET", `${at}/watch?service=web&after=${first.revision - 1}&wait=20s`);
  assert.deepEqual(
    behind.commits.map((commit: { revision: number }) => commit.revision),
    [first.revision],
  );
  const poll = api.ok("GET", `${at}/watch?service=web&after=${behind.revision}&wait=20s`);
  await put(at, "db", "i2");
  const second = await put(at, "web", "i2");
  const woken = await poll;
  assert.equal(woken.commits[0].revision, second.revision);
  const empty = await api.ok("GET", `${at}/watch?service=none&after=${woken.revision}&wait=100ms`);
  assert.deepEqual(empty.commits, []);
  assert.ok(empty.revision >= woken.revision);
});

test("one account's stream shows nothing of another's", async () => {
  const mine = `/v2/${nextAccount()}`;
  const yours = `/v2/${nextAccount()}`;
  const stream = await open(`${mine}/watch`);
  await ready(stream);
  await put(yours, "web", "i1");
  const { revision } = await put(mine, "web", "i1");
  await stream.find((event) => revisionIn(event.id) === revision);
  assert.equal(changes(stream).length, 1);
});

test("one change reaches hundreds of streams and of subscriptions", async () => {
  const at = `/v2/${nextAccount()}`;
  const streams = await Promise.all(Array.from({ length: 300 }, () => open(`${at}/watch?service=web`)));
  const many = Array.from({ length: 100 }, (_, i) => ({ id: `s${i}`, service: i % 2 === 0 ? "web" : "db" }));
  const shared = await Promise.all(
    Array.from({ length: 10 }, () => open(`${at}/watch`, { method: "POST", body: { subscriptions: many } })),
  );
  await Promise.all([...streams, ...shared].map(ready));
  const { revision } = await put(at, "web", "i1");
  const got = await Promise.all(
    [...streams, ...shared].map((stream) =>
      stream.find(({ id, event }) => event === "change" && revisionIn(id) === revision),
    ),
  );
  const plain = new Set(got.slice(0, streams.length).map((event) => event.data));
  assert.equal(plain.size, 1);
  for (const event of got.slice(streams.length)) assert.equal(event.json().subscriptions.length, 50);
  for (const stream of [...streams, ...shared]) stream.close();
  await until(async () => (await api.call("GET", `${at}/services`)).status === 200);
});

test("a stop ends streams with their position and polls with what is there", async (context) => {
  const other = await startRollcall(context);
  const theirs = openApi(other.url);
  const { revision } = await theirs.ok("PUT", "/v2/default/config/k", "v");
  const watch = await openStream(context, `${other.url}/v2/default/watch`);
  const events = await openStream(context, `${other.url}/v2/default/events`);
  await Promise.all([watch, events].map(ready));
  const poll = theirs.ok("GET", "/v2/default/services/web?wait=60s");
  await until(async () => /watchers\S* 3/.test((await theirs.call("GET", "/metrics")).text));
  const stopped = other.stop();
  const bye = await watch.find((event) => event.event === "bye");
  assert.equal(bye.json().revision, revision);
  assert.equal(revisionIn(bye.id), revision);
  assert.match((await events.find((event) => event.event === "bye")).id, new RegExp(`^${revision}-`));
  assert.deepEqual((await poll).instances, []);
  assert.equal((await stopped).code, 0);
});

test("a client that does not read holds up nobody, and gets everything once it reads", async () => {
  const at = `/v2/${nextAccount()}`;
  const socket = connect(rollcall.port(), "127.0.0.1");
  after(() => socket.destroy());
  socket.setEncoding("utf8");
  let text = "";
  socket.on("data", (chunk: string) => {
    text += chunk;
  });
  socket.write(`GET ${at}/watch?key=big HTTP/1.1\r\nHost: h\r\n\r\n`);
  await until(() => text.includes("event: ready"));
  socket.pause();
  const total = 40;
  const quick = await open(`${at}/watch?key=big`);
  await ready(quick);
  for (let i = 0; i < total; i++) await api.ok("PUT", `${at}/config/big`, `${i} ${"x".repeat(500_000)}`);
  await until(() => changes(quick).length === total);
  const memory = /^process_resident_memory_bytes (\S+)/m.exec((await api.call("GET", "/metrics")).text)?.[1];
  assert.ok(Number(memory) < 700 * 1024 * 1024, `${memory} bytes in memory`);
  socket.resume();
  const revisions = () => [...text.matchAll(/^id: (\S+)\nevent: change$/gm)].map((match) => match[1]);
  await until(() => revisions().length === total, { timeoutMs: 20_000 });
  assert.deepEqual(
    revisions(),
    changes(quick).map((event) => event.id),
  );
});
