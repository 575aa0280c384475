/** The SDK against a running registry, over real sockets. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient, RollcallError, type WatchItem } from "@rollcall/client";
import { freePort } from "../harness/ports.ts";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";

const server = await startRollcall({ after });
const rollcall = createClient({ url: server.url });

const spec = (service: string, id: string) => ({ service, id, address: "10.0.0.1", port: 8080, ttl: "10s" });

async function rejected(promise: Promise<unknown>): Promise<RollcallError> {
  const error = await promise.then(
    () => assert.fail("should have been refused"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof RollcallError, String(error));
  return error;
}

/** Takes items until one fits. */
async function take(items: AsyncGenerator<WatchItem, void>, fits: (item: WatchItem) => boolean): Promise<WatchItem> {
  for (;;) {
    const next = await items.next();
    assert.ok(!next.done, "the watch ended");
    if (fits(next.value)) return next.value;
  }
}

test("what is registered is found with all that was said of it", async () => {
  const body = { tags: ["a"], meta: { rack: "7" }, version: "1.2", zone: "east", protocol: "http", weight: 5 };
  const registered = await rollcall.registerOnce({ ...spec("found", "f-1"), ...body });
  assert.equal(registered.created, true);
  assert.equal(registered.ttlMs, 10_000);
  assert.equal((await rollcall.registerOnce({ ...spec("found", "f-1"), ...body })).created, false);
  const { instances } = await rollcall.service("found", { tags: ["a"], meta: { rack: "7" }, status: "healthy" });
  assert.equal(instances.length, 1);
  assert.deepEqual({ ...instances[0], ...body }, instances[0]);
  assert.equal((await rollcall.service("found", { zone: "west" })).instances.length, 0);
  assert.equal((await rollcall.instance("found", "f-1"))?.port, 8080);
  assert.equal(await rollcall.instance("found", "f-2"), null);
  assert.ok((await rollcall.services()).services.some((one) => one.service === "found" && one.instances === 1));
  assert.ok((await rollcall.instances({ limit: 1 })).instances.length === 1);
  assert.equal((await rollcall.explain("found", "f-1")).present, true);
  assert.equal(await rollcall.deregister("found", "f-1"), true);
  assert.equal(await rollcall.deregister("found", "f-1"), false);
});

test("names with every kind of character reach the registry as they are", async () => {
  const names = ["a b", "ä%2F", "a?b#c", "x:y@z", "…", "%", "a+b", "a&b=c"];
  for (const name of names) {
    await rollcall.registerOnce(spec(name, name));
    assert.equal((await rollcall.instance(name, name))?.id, name);
    assert.equal((await rollcall.service(name)).service, name);
    await rollcall.deregister(name, name);
  }
});

test("configuration keys with slashes, dots and blanks are themselves", async () => {
  for (const key of ["a/b", "a//b", "/a", "a/../b", "./a", "a b/ü", "a%2fb", "q?x=1#y"]) {
    await rollcall.config.put(key, key);
    assert.equal((await rollcall.config.get(key))?.value, key, key);
    assert.equal((await rollcall.config.delete(key)).deleted, 1);
    assert.equal(await rollcall.config.get(key), null);
  }
  assert.equal((await rejected(rollcall.config.put("..", "x"))).code, "invalid");
});

test("errors carry the problem's type, status and detail", async () => {
  const invalid = await rejected(rollcall.registerOnce({ ...spec("errors", "e"), weight: -1 }));
  assert.equal(invalid.status, 400);
  assert.equal(invalid.code, "invalid");
  assert.match(invalid.type, /^https:\/\/rollcall\.dev\/problems\//);
  assert.match(invalid.detail, /weight/);
  assert.equal(invalid.transient, false);
  const missing = await rejected(rollcall.leases.renew("nobody"));
  assert.equal(missing.code, "not-found");
  const twice = rollcall
    .registerOnce(spec("errors", "e"))
    .then(() => rollcall.registerOnce(spec("errors", "e"), { ifAbsent: true }));
  assert.equal((await rejected(twice)).code, "exists");
  const away = await rejected(createClient({ url: `http://127.0.0.1:${await freePort()}` }).status());
  assert.equal(away.code, "unreachable");
  assert.equal(away.transient, true);
  assert.match(away.message, /connection refused/);
});

test("keys are put, compared, listed, watched and changed together", async () => {
  const { config } = rollcall;
  const first = await config.put("conf/a", "1", { ifRevision: 0 });
  assert.equal((await rejected(config.put("conf/a", "2", { ifRevision: 0 }))).code, "exists");
  const second = await config.put("conf/a", new Uint8Array([0, 255]), { ifRevision: first.revision });
  assert.equal((await rejected(config.delete("conf/a", { ifRevision: first.revision }))).code, "conflict");
  assert.equal((await config.get("conf/a"))?.valueBase64, "AP8=");
  const done = await config.transaction({
    guards: [{ key: "conf/a", revision: second.revision }],
    then: [{ put: { key: "conf/b", value: "x" } }, { get: { prefix: "conf/" } }],
  });
  assert.equal(done.succeeded, true);
  assert.deepEqual(
    (await config.list({ prefix: "conf/" })).keys.map((one) => one.key),
    ["conf/a", "conf/b"],
  );
  const items = config.watch({ prefix: "conf/", after: done.revision });
  await config.put("conf/c", "3");
  const item = await take(items, (one) => one.kind === "commit");
  const [change] = item.kind === "commit" ? item.commit.changes : [];
  assert.ok(change?.kind === "key" && change.after?.value === "3", "the kind of a change tells its shape");
  assert.equal(change.key, "conf/c");
  await items.return();
  assert.equal((await config.deletePrefix("conf/")).deleted, 3);
});

test("leases are granted, renewed one by one and together, and ended", async () => {
  const { leases } = rollcall;
  const granted = await Promise.all([leases.grant({ ttl: "5s" }), leases.grant({ ttl: 5, meta: { who: "test" } })]);
  const names = granted.map((one) => one.lease);
  assert.deepEqual(await leases.renew(names[0] as string), { ttlMs: 5000 });
  assert.deepEqual(await leases.renewMany([...names, "nobody"]), { renewed: 2, missing: ["nobody"] });
  assert.deepEqual((await leases.get(names[1] as string)).meta, { who: "test" });
  await rollcall.registerOnce({ service: "leased", id: "l", address: "h", lease: names[0] as string });
  await leases.end(names[0] as string);
  assert.equal(await rollcall.instance("leased", "l"), null);
  assert.ok((await leases.list()).leases.every((one) => one.lease !== names[0]));
  assert.deepEqual((await leases.held()).leases, []);
});

test("a session keeps its lease alive beyond the ttl and tells when it is ended", async () => {
  const { lease } = await rollcall.leases.grant({ ttl: "1s" });
  const session = rollcall.leases.session(lease);
  await until(async () => (await rollcall.leases.get(lease)).beats >= 4, { what: "four beats of the session" });
  await rollcall.leases.end(lease);
  const ended = await session.ended;
  assert.ok(ended instanceof RollcallError && ended.code === "not-found", String(ended));
});

test("a closed session lets the ttl run", async () => {
  const { lease } = await rollcall.leases.grant({ ttl: "1s" });
  const session = rollcall.leases.session(lease);
  await until(async () => (await rollcall.leases.get(lease)).beats > 0);
  session.close();
  assert.equal(await session.ended, undefined);
  await until(async () => (await rejected(rollcall.leases.get(lease))).code === "not-found", {
    what: "the lease to end",
  });
});

test("a watch sees every commit in order, and many subscriptions share a connection", async () => {
  const one = rollcall.watch({ service: "w-a" });
  const many = rollcall.watchMany({
    subscriptions: [
      { id: "A", service: "w-a" },
      { id: "K", prefix: "w/" },
    ],
  });
  await Promise.all([take(one, (item) => item.kind === "ready"), take(many, (item) => item.kind === "ready")]);
  for (const id of ["1", "2", "3"]) await rollcall.registerOnce(spec("w-a", id));
  await rollcall.config.put("w/k", "v");
  for (const id of ["1", "2", "3"]) {
    const item = await take(one, (candidate) => candidate.kind === "commit");
    const ids =
      item.kind === "commit"
        ? item.commit.changes.filter((change) => change.kind === "instance").map((change) => change.id)
        : [];
    assert.deepEqual(ids, [id]);
  }
  const keyed = await take(
    many,
    (item) => item.kind === "commit" && item.commit.changes.some((change) => change.kind === "key"),
  );
  assert.ok(keyed.kind === "commit");
  assert.deepEqual(keyed.commit.subscriptions, ["K"]);
  await Promise.all([one.return(), many.return()]);
});

test("an aborted watch ends quietly", async () => {
  const stop = new AbortController();
  const items = rollcall.watch({ signal: stop.signal });
  await take(items, (item) => item.kind === "ready");
  const next = items.next();
  stop.abort();
  assert.equal((await next).done, true);
});

test("events come by page and as they happen", async () => {
  await rollcall.registerOnce(spec("ev", "1"));
  const page = await rollcall.eventsPage({ types: ["instance.registered"], limit: 1 });
  assert.equal(page.events[0]?.service, "ev");
  const stop = new AbortController();
  const feed = rollcall.events({ after: page.cursor, types: ["instance.*"], signal: stop.signal });
  const next = feed.next();
  await rollcall.deregister("ev", "1");
  const event = (await next).value;
  assert.ok(event);
  assert.equal(event.type, "instance.deregistered");
  assert.equal(event.instance, "1");
  stop.abort();
});

test("the trio's endpoints are followed, and consumers are known", async () => {
  const endpoint = {
    application: "trio_p",
    protocol: "http",
    addr: "127.0.0.1:8080",
    meta: { idc: "shanghai", tag: "read" },
  };
  await rollcall.trio.register(endpoint);
  const stop = new AbortController();
  const subscription = rollcall.subscribe([{ provider: "trio_p", protocol: "http", meta: { tag: "read" } }], {
    application: "trio_c",
    signal: stop.signal,
  });
  const first = (await subscription.next()).value;
  assert.deepEqual(first?.endpoints, [endpoint]);
  const change = subscription.next();
  await rollcall.trio.unregister(endpoint);
  assert.deepEqual((await change).value?.endpoints, []);
  stop.abort();
  assert.ok(
    (await rollcall.consumers()).consumers.some((one) => one.consumer === "trio_c" && one.provider === "trio_p"),
  );
});

test("a check's result and an operator's word show in the status", async () => {
  await rollcall.registerOnce({ ...spec("checked", "c"), checks: [{ id: "ping", status: "passing" }] });
  await rollcall.report("checked", "c", "ping", { status: "critical", output: "no answer" });
  assert.equal((await rollcall.instance("checked", "c"))?.status, "critical");
  await rollcall.override("checked", "c", "passing");
  assert.equal((await rollcall.instance("checked", "c"))?.status, "passing");
  await rollcall.override("checked", "c", null);
  assert.equal((await rollcall.instance("checked", "c"))?.status, "critical");
});

test("administration: status, backup stream, compaction", async () => {
  const status = await rollcall.status();
  assert.equal(status.ready, true);
  assert.equal(status.replicator, "embedded");
  const { bytes, body } = await rollcall.admin.backup();
  let length = 0;
  for await (const piece of body as unknown as AsyncIterable<Uint8Array>) length += piece.length;
  assert.equal(length, bytes);
  const before = await rollcall.config.put("compact", "1");
  await rollcall.config.put("compact", "2");
  assert.equal((await rollcall.admin.compact(before.revision)).revision, before.revision);
  const items = rollcall.watch({ after: before.revision - 1 });
  const item = await take(items, () => true);
  assert.equal(item.kind, "resync");
  assert.ok(item.kind === "resync" && item.compacted >= before.revision);
  await items.return();
});
