/** Leases by gRPC, asked of the started program. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { request } from "../../harness/requests.ts";
import { until } from "../../harness/scope.ts";
import { bytes, Client, type Fields, KV, pairs, type Told, text } from "./client.ts";
import { startEtcd } from "./rig.ts";

const LEASE = {
  grant: "/etcdserverpb.Lease/LeaseGrant",
  revoke: "/etcdserverpb.Lease/LeaseRevoke",
  keepAlive: "/etcdserverpb.Lease/LeaseKeepAlive",
  timeToLive: "/etcdserverpb.Lease/LeaseTimeToLive",
  list: "/etcdserverpb.Lease/LeaseLeases",
};
const WATCH = "/etcdserverpb.Watch/Watch";
const MISSING = "5 etcdserver: requested lease not found";

const program = await startEtcd({ after });
let client = Client.dial({ after }, program.port("etcd"));
const grant = (TTL: bigint, ID = 0n): Promise<Told> => client.ask(LEASE.grant, { TTL, ID });
const look = (ID: bigint, keys = true): Promise<Told> => client.ask(LEASE.timeToLive, { ID, keys });
const listed = async (): Promise<readonly bigint[]> =>
  (await client.ask(LEASE.list)).leases.map(({ ID }: Told) => ID).sort();

test("granted with and without an id, within etcd's limits", async () => {
  const own = await grant(60n);
  assert.ok(own.ID > 0n);
  assert.equal(own.TTL, 60n);
  const named = await grant(0n, 77n);
  assert.deepEqual([named.ID, named.TTL, named.error], [77n, 2n, ""]);
  assert.equal((await grant(-5n, -8n)).ID, -8n);
  assert.equal((await grant(9_000_000_000n, 2n ** 62n)).TTL, 9_000_000_000n);
  const refusals: readonly [Fields, string][] = [
    [{ TTL: 9_000_000_001n }, "11 etcdserver: too large lease TTL"],
    [{ TTL: 60n, ID: 77n }, "9 etcdserver: lease already exists"],
  ];
  for (const [fields, told] of refusals) assert.equal(await client.refusal(LEASE.grant, fields), told);
  assert.deepEqual(await listed(), [own.ID, -8n, 77n, 2n ** 62n].sort());
  for (const ID of [own.ID, -8n, 77n, 2n ** 62n]) await client.ask(LEASE.revoke, { ID });
  assert.deepEqual(await listed(), []);
  assert.equal(await client.refusal(LEASE.revoke, { ID: 77n }), MISSING);
  assert.equal(await client.refusal(KV.put, { key: bytes("l/x"), lease: 77n }), MISSING);
});

test("shown with its keys, and with what is left of its time", async () => {
  const { ID } = await grant(100n);
  for (const key of ["l/b", "l/a"]) await client.put(key, "1", { lease: ID });
  const shown = await look(ID);
  assert.deepEqual([shown.grantedTTL, shown.keys.map(text)], [100n, ["l/a", "l/b"]]);
  assert.ok(shown.TTL > 90n && shown.TTL <= 100n, String(shown.TTL));
  assert.deepEqual((await look(ID, false)).keys, []);
  const [kv] = (await client.range("l/a")).kvs;
  assert.equal(kv.lease, ID);
  await client.put("l/a", "detached");
  assert.deepEqual((await look(ID)).keys.map(text), ["l/b"]);
  const gone = await look(123_456n);
  assert.deepEqual([gone.ID, gone.TTL, gone.grantedTTL], [123_456n, -1n, 0n]);
  await client.ask(LEASE.revoke, { ID });
  assert.equal(pairs((await client.range("l/", "l0")).kvs), "l/a=detached");
});

test("heartbeats are answered in their order, on one stream for many leases", async () => {
  const ids = await Promise.all([1n, 2n, 3n].map(async (nth) => (await grant(10n * nth)).ID));
  const talk = client.open(LEASE.keepAlive);
  for (const ID of [...ids, 999n, ...ids]) talk.send({ ID });
  const told: [bigint, bigint][] = [];
  for (let nth = 0; nth < 7; nth++) {
    const { ID, TTL, header } = await talk.next();
    assert.ok(header.revision > 0n);
    told.push([ID, TTL]);
  }
  const good = ids.map((id, nth): [bigint, bigint] => [id, 10n * BigInt(nth + 1)]);
  assert.deepEqual(told, [...good, [999n, 0n], ...good]);
  talk.stream.end();
  assert.equal((await talk.ended).code, 0);
  for (const ID of ids) await client.ask(LEASE.revoke, { ID });
});

test("kept by heartbeats; without them all its keys go in one revision", async () => {
  const { ID } = await grant(2n);
  const { ID: kept } = await grant(2n);
  await client.put("e/kept", "1", { lease: kept });
  for (let nth = 0; nth < 20; nth++) await client.put(`e/${nth}`, "1", { lease: ID });
  const watch = client.open(WATCH);
  watch.send({ requestUnion: { case: "createRequest", value: { key: bytes("e/"), rangeEnd: bytes("e0") } } });
  assert.equal((await watch.next()).created, true);
  const beats = client.open(LEASE.keepAlive);
  const beating = setInterval(() => beats.send({ ID: kept }), 300);
  const { events } = await watch.next();
  clearInterval(beating);
  const names = events.map(({ kv }: Told) => text(kv.key));
  assert.deepEqual(names, names.slice().sort());
  assert.equal(new Set(events.map(({ kv }: Told) => kv.modRevision)).size, 1);
  assert.equal(names.length, 20);
  assert.equal(pairs((await client.range("e/", "e0")).kvs), "e/kept=1");
  assert.equal((await look(ID)).TTL, -1n);
  watch.stream.close();
  beats.stream.close();
  await client.ask(LEASE.revoke, { ID: kept });
});

test("leases outlive a kill -9, with all their time, and other protocols see their keys", async () => {
  const { ID } = await grant(30n);
  await client.put("r/a", "1", { lease: ID });
  await program.restart();
  client = Client.dial({ after }, program.port("etcd"));
  const shown = await look(ID);
  assert.deepEqual([shown.grantedTTL, shown.keys.map(text)], [30n, ["r/a"]]);
  assert.ok(shown.TTL >= 25n);
  const seen = await request(`${program.url}/v2/default/leases/${ID}`);
  assert.equal(seen.status, 200, seen.text);
  await client.ask(LEASE.revoke, { ID });
  await until(async () => (await request(`${program.url}/v2/default/config/r%2Fa`)).status === 404, {
    what: "the end",
  });
});
