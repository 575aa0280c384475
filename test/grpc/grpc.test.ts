/** The grpc dialect, over sockets, by the client of @grpc/grpc-js. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { until } from "../harness/scope.ts";
import { Client, frameOf, Raw, startGrpc, type Told } from "./rig.ts";

const scope = { after };
const rollcall = await startGrpc(scope);
const client = new Client(scope, rollcall.port("grpc"));
const url = `${rollcall.url}/v2/default`;

const instance = (service: string, id: string, more: object = {}): object => ({
  service,
  id,
  instance: { address: "10.0.0.1", port: 8080, ttl: { seconds: 30 }, ...more },
});

async function native(path: string): Promise<Told> {
  return (await fetch(`${url}${path}`)).json();
}

test("what is registered is found here and by the native API, and goes", async () => {
  const more = { tags: ["blue"], meta: { a: "b" }, zone: "z1", weight: 7, checks: [{ id: "c", kind: "reported" }] };
  const registered = await client.ask("Catalog/Register", instance("web", "w1", more));
  assert.equal(registered.created, true);
  assert.equal(registered.ttlMs, 30_000);
  const { instances, position, revision } = await client.ask("Catalog/Discover", { service: "web" });
  assert.equal(instances.length, 1);
  assert.match(position, /^\d+~/);
  assert.equal(revision, registered.revision);
  const [shown] = instances;
  const asJson = await native("/services/web/instances/w1");
  for (const name of ["id", "address", "port", "zone", "weight", "status", "lease", "ttlMs", "via", "modRevision"])
    assert.equal(shown[name], asJson[name], name);
  assert.deepEqual([shown.tags, shown.meta, shown.via], [["blue"], { a: "b" }, "grpc"]);
  assert.equal(
    new Date(Number(shown.createdAt.seconds) * 1000 + shown.createdAt.nanos / 1e6).toISOString(),
    asJson.createdAt,
  );
  await client.ask("Catalog/Report", { service: "web", id: "w1", check: "c", status: "critical", output: "no" });
  assert.deepEqual((await client.ask("Catalog/Discover", { service: "web", statuses: ["healthy"] })).instances, []);
  await client.ask("Catalog/Override", { service: "web", id: "w1", status: "draining", reason: "moving" });
  const [overridden] = (await client.ask("Catalog/Discover", { service: "web" })).instances;
  assert.deepEqual([overridden.override.status, overridden.override.reason], ["draining", "moving"]);
  const explained = await client.ask("Catalog/Explain", { service: "web", id: "w1" });
  assert.match(explained.summary, /shown as draining by an operator's override/);
  assert.equal(explained.keptAliveBy.lease, registered.lease);
  await client.ask("Catalog/Deregister", { service: "web", id: "w1" });
  const gone = await client.ask("Catalog/Explain", { service: "web", id: "w1" });
  assert.deepEqual([gone.present, gone.gone.reason, gone.last.id], [false, "deregistered by request", "w1"]);
});

test("pages of a service and of services lead on to the next", async () => {
  for (let nth = 0; nth < 5; nth++) await client.ask("Catalog/Register", instance("paged", `p${nth}`));
  const seen: string[] = [];
  for (let from = ""; ; ) {
    const page = await client.ask("Catalog/Discover", { service: "paged", limit: 2, from, current: true });
    seen.push(...page.instances.map(({ id }: Told) => id));
    from = page.next;
    if (from === "") break;
  }
  assert.deepEqual(seen, ["p0", "p1", "p2", "p3", "p4"]);
  const { services } = await client.ask("Catalog/ListServices", { limit: 1, from: "paged" });
  assert.deepEqual([services[0].service, services[0].instances, services[0].statuses.passing], ["paged", 5, 5]);
});

test("refusals have codes, and details for programs", async () => {
  const taken = instance("taken", "t");
  const { revision } = await client.ask("Catalog/Register", taken);
  const cases: readonly [name: string, request: object, refused: RegExp][] = [
    ["Catalog/Register", { ...taken, ifAbsent: true }, /^6 /],
    ["Catalog/Register", { ...taken, ifRevision: revision + 1 }, /^10 the instance is not at the revision/],
    ["Catalog/Register", { service: "s", id: "i" }, /^3 field address is missing/],
    ["Catalog/Register", instance("s", "i", { weight: 70_000 }), /^3 field weight must be/],
    ["Catalog/Register", instance("s", "i", { lease: "none", ttl: null }), /^5 /],
    ["Catalog/Discover", { service: "s", statuses: ["ill"] }, /^3 status must be healthy or one of/],
    ["Catalog/Discover", { service: "s", limit: 10_001 }, /^3 limit must be/],
    ["Catalog/Discover", { account: "not legal!" }, /^3 /],
    ["Catalog/Explain", { service: "s", id: "i" }, /^5 there is no instance i of service s/],
    ["Catalog/Report", { service: "s", id: "i", check: "c", status: "ill" }, /^3 field status must be/],
    ["Leases/Grant", { ttl: { seconds: 0 } }, /^3 field ttl must be/],
    ["Leases/End", { lease: "none" }, /^5 /],
    ["Config/Get", { key: Buffer.from("none") }, /^5 there is no such key/],
    ["Config/Put", { key: Buffer.from("\0a") }, /^7 keys that begin with byte 0 are reserved/],
    ["Config/Delete", {}, /^3 key or prefix is missing/],
    ["Config/Transact", { then: [{}] }, /^3 then\[0\]: put, delete or get is missing/],
    ["Endpoints/Register", { endpoint: { application: "a", protocol: "http", addr: "x" } }, /^3 field addr must be/],
  ];
  for (const [name, request, refused] of cases) assert.match(await client.refusal(name, request), refused, name);
  const failed = await client.ask("Config/Get", { key: Buffer.from("none") }).catch((error: Told) => error);
  const details = failed.metadata.get("grpc-status-details-bin")[0].toString("latin1");
  assert.match(details, /google\.rpc\.ErrorInfo.*NOT_FOUND.*rollcall\.dev/s);
  for (const name of ["Catalog/Watch", "Catalog/Events"])
    assert.match(await client.follow(name, { after: "nonsense" }).ended, /^3 after must be a position/);
});

test("a stream of heartbeats keeps alive what it names, and what it holds until it ends", async () => {
  const ttl = { seconds: 1 };
  const { lease: named } = await client.ask("Leases/Grant", { ttl: { seconds: 20 }, meta: { who: "me" } });
  const { lease: held } = await client.ask("Catalog/Register", instance("beats", "b1", { ttl }));
  const beats = client.talk("Leases/KeepAlive");
  beats.call.write({ leases: [named, "none"] });
  beats.call.write({ leases: [held], hold: true });
  const first = await beats.next();
  assert.deepEqual(
    first.beats.map(({ lease, ttlMs, state }: Told) => [lease, ttlMs, state]),
    [
      [named, 20_000, "BEAT_STATE_RENEWED"],
      ["none", 0, "BEAT_STATE_MISSING"],
    ],
  );
  assert.deepEqual((await beats.next()).beats[0].ttlMs, 1000);
  const events = client.follow("Catalog/Events", { services: ["beats"], types: ["instance.*"] });
  assert.equal((await events.next()).ready, true);
  const seen = (await native(`/leases/${encodeURIComponent(held)}`)).beats;
  await until(async () => (await native(`/leases/${encodeURIComponent(held)}`)).beats > seen + 5, {
    what: "two times to live by the open stream",
  });
  beats.call.end();
  assert.match(await beats.ended, /^0 /);
  const { events: ended } = await events.next();
  assert.equal(ended[0].type, "instance.expired");
  assert.equal(ended[0].change.instance.before.id, "b1");
  // What is held and ends by a request is told.
  const again = client.talk("Leases/KeepAlive");
  again.call.write({ leases: [named], hold: true });
  await again.next();
  await client.ask("Leases/End", { lease: named });
  again.call.write({ leases: [named] });
  assert.equal((await again.next()).beats[0].state, "BEAT_STATE_MISSING");
  again.call.write({ account: "other" });
  assert.match(await again.ended, /^3 the account must be the same/);
  events.call.cancel();
});

test("a watch tells every commit, goes on from a position, and says when that is gone", async () => {
  const watch = client.follow("Catalog/Watch", { services: ["seen"], prefixes: [Buffer.from("seen/")] });
  const { ready, position } = await watch.next();
  assert.equal(ready, true);
  await client.ask("Catalog/Register", instance("seen", "s1"));
  await client.ask("Config/Put", { key: Buffer.from("seen/é"), value: Buffer.from([0, 255]) });
  const told: Told[] = [];
  while (told.length < 2) told.push(...(await watch.next()).commits);
  const [came, put] = told.map(({ changes: [change] }) => change);
  assert.equal(came.instance.after.id, "s1");
  assert.deepEqual(told[0].by, { token: null, dialect: "grpc", address: "127.0.0.1", _address: "address" });
  assert.deepEqual([put.what, put.key.key.toString(), [...put.key.after.value]], ["key", "seen/é", [0, 255]]);
  watch.call.cancel();
  const later = client.follow("Catalog/Watch", { services: ["seen"], after: position });
  const replayed = await later.next();
  assert.equal(replayed.commits[0].changes[0].instance.after.id, "s1");
  later.call.cancel();
  const lost = client.follow("Catalog/Watch", { after: "7~another" });
  assert.equal((await lost.next()).resync, true);
  assert.equal((await lost.next()).ready, true);
  lost.call.cancel();
});

test("configuration is written by comparison, and changed all or none", async () => {
  const key = Buffer.from("app/rate");
  const { revision } = await client.ask("Config/Put", { key, value: Buffer.from("1"), ifRevision: 0 });
  assert.match(await client.refusal("Config/Put", { key, value: Buffer.from("2"), ifRevision: 0 }), /^6 /);
  assert.match(await client.refusal("Config/Put", { key, value: Buffer.from("2"), ifRevision: revision - 1 }), /^10 /);
  const guards = [{ key, revision, value: Buffer.from("1") }];
  const then = [{ put: { key, value: Buffer.from("2") } }, { get: { prefix: Buffer.from("app/") } }];
  const done = await client.ask("Config/Transact", { guards, then });
  assert.equal(done.succeeded, true);
  assert.equal(done.results[1].get.entries[0].value.toString(), "2");
  const otherwise = [{ delete: { key } }];
  const undone = await client.ask("Config/Transact", { guards, then, otherwise });
  assert.deepEqual([undone.succeeded, undone.results[0].delete.deleted], [false, 1]);
  for (const name of ["a", "b", "c"]) await client.ask("Config/Put", { key: Buffer.from(`list/${name}`) });
  const page = await client.ask("Config/List", { prefix: Buffer.from("list/"), limit: 2 });
  assert.deepEqual(
    page.entries.map((entry: Told) => entry.key.toString()),
    ["list/a", "list/b"],
  );
  const rest = await client.ask("Config/List", { prefix: Buffer.from("list/"), from: page.next });
  assert.deepEqual(
    rest.entries.map((entry: Told) => entry.key.toString()),
    ["list/c"],
  );
  assert.equal((await client.ask("Config/Delete", { prefix: Buffer.from("list/") })).deleted, 3);
});

test("the trio pushes all endpoints whenever they change", async () => {
  const endpoint = { application: "trio", protocol: "http", addr: "127.0.0.1:80", meta: { idc: "sh" } };
  const heard = client.follow("Endpoints/Subscribe", { subscribes: [{ provider: "trio" }], application: "shop" });
  assert.deepEqual((await heard.next()).endpoints, []);
  const { version, lease } = await client.ask("Endpoints/Register", { endpoint });
  assert.equal(lease !== undefined && lease !== "", true);
  assert.deepEqual(await heard.next(), { version, endpoints: [endpoint] });
  // Another client knows that version, and hears nothing until there is another.
  const known = client.follow("Endpoints/Subscribe", { subscribes: [{ provider: "trio" }], version });
  await client.ask("Endpoints/Unregister", { endpoint });
  assert.deepEqual((await heard.next()).endpoints, []);
  assert.deepEqual((await known.next()).endpoints, []);
  for (const one of [heard, known]) one.call.cancel();
});

test("what is no message, or too much, is refused, and harms nobody", async (t) => {
  const raw = new Raw(t, rollcall.port("grpc"));
  const codes = (bytes: Buffer) =>
    Promise.all(["Catalog/Register", "Leases/KeepAlive", "Catalog/Watch"].map((name) => raw.code(name, bytes)));
  // A field that goes beyond the end, a kind that there is not, a varint without an end, a text that is none.
  for (const bytes of [[0x0a, 0x7f, 1], [0x0f], [0x10, ...Array(11).fill(0xff)]])
    assert.deepEqual(await codes(frameOf(Buffer.from(bytes))), [13, 13, 13], bytes.toString());
  assert.deepEqual(await codes(frameOf(Buffer.alloc(8)).subarray(0, 9)), [13, 13, 13]);
  assert.deepEqual(await codes(frameOf(Buffer.alloc(4), 7)), [13, 13, 13]);
  assert.deepEqual(await codes(Buffer.from([0, 0xff, 0xff, 0xff, 0xff])), [8, 8, 8]);
  const bomb = frameOf(gzipSync(Buffer.alloc(50_000_000)), 1);
  assert.equal(await raw.code("Catalog/Register", bomb, { "grpc-encoding": "gzip" }), 8);
  assert.equal(await raw.code("Catalog/Nothing", frameOf(Buffer.alloc(0))), 12);
  // More leases than a request may name.
  assert.equal(await raw.code("Leases/KeepAlive", frameOf(Buffer.alloc(2 * 10_001, Buffer.from([0x12, 0])))), 3);
  const many = Array.from({ length: 1001 }, (_, nth) => `s${nth}`);
  assert.match(await client.follow("Catalog/Watch", { services: many }).ended, /^3 more than 1000 services/);
  const until1 = client.ask("Catalog/Discover", { service: "x" }, { deadlineMs: -1 });
  assert.equal((await until1.catch((error: Told) => error)).code, 4);
});

test("watchers that never read are parked, and thousands of streams on a connection end with it", async (t) => {
  const rssMb = (): number =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${rollcall.pid}/status`, "utf8"))?.[1]) / 1024;
  const deaf = new Raw(t, rollcall.port("grpc"), 0);
  const streams = Array.from({ length: 1500 }, () => deaf.open("Catalog/Watch"));
  for (const stream of streams) stream.end(frameOf(Buffer.alloc(0)));
  const open = async () => {
    const text = await (await fetch(`${rollcall.url}/metrics`)).text();
    return Number(/^rollcall_watchers\{dialect="grpc"\} (\d+)/m.exec(text)?.[1] ?? 0);
  };
  await until(async () => (await open()) === 1500, { what: "1500 watches" });
  const before = rssMb();
  const value = Buffer.alloc(500_000, "v");
  for (let nth = 0; nth < 20; nth++) await client.ask("Config/Put", { key: Buffer.from("deaf"), value });
  assert.ok(rssMb() - before < 400, `${rssMb() - before} MB more`);
  deaf.session.destroy();
  await until(async () => (await open()) === 0, { what: "no watches" });
});

test("tokens let in, and streams end with theirs", async () => {
  const api = `${rollcall.url}/v2/_/tokens`;
  const make = async (account: string | null, role: string, token = "") => {
    const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
    const body = JSON.stringify({ name: role, account, role });
    return (await (await fetch(api, { method: "POST", headers, body })).json()) as { id: string; token: string };
  };
  const admin = await make(null, "admin");
  const reader = await make("team", "reader", admin.token);
  assert.match(await client.refusal("Catalog/Discover", { service: "web" }), /^16 /);
  const seen = new Client(scope, rollcall.port("grpc"), { token: reader.token });
  assert.equal(await seen.refusal("Catalog/Discover", { service: "web" }), "0");
  assert.match(await seen.refusal("Catalog/Discover", { account: "default", service: "web" }), /^7 /);
  assert.match(await seen.refusal("Catalog/Register", instance("web", "w")), /^7 /);
  const beats = seen.talk("Leases/KeepAlive");
  beats.call.write({ leases: ["a"] });
  assert.match(await beats.ended, /^7 /);
  const watch = seen.follow("Catalog/Watch");
  assert.equal((await watch.next()).ready, true);
  await fetch(`${api}/${reader.id}`, { method: "DELETE", headers: { authorization: `Bearer ${admin.token}` } });
  assert.match(await watch.ended, /^(16|7) /);
  // At the stop the last word is a position.
  const all = new Client(scope, rollcall.port("grpc"), { token: admin.token });
  const last = all.follow("Catalog/Watch");
  await last.next();
  const stopped = rollcall.stop();
  const { position, ready, commits } = await last.next();
  assert.deepEqual([ready, commits], [false, []]);
  assert.match(position, /^\d+~/);
  assert.match(await last.ended, /^14 the registry is stopping/);
  await stopped;
});
