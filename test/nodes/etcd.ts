/** Clients of etcd at three nodes: watches of what others change, leases kept alive anywhere, and lines across nodes. */
import assert from "node:assert/strict";
import { bytes, CallFailed, Client, KV, pairs, type Talk, type Told, text } from "../etcd/dialect/client.ts";
import type { Rollcall } from "../harness/program.ts";
import { type Scope, until } from "../harness/scope.ts";

type Three = readonly [Rollcall, Rollcall, Rollcall];

const LEASE = "/etcdserverpb.Lease/Lease";
const LOCK = "/v3lockpb.Lock/";
const UNAVAILABLE = 14;

const dial = (scope: Scope, nodes: Three): readonly [Client, Client, Client] =>
  nodes.map((node) => Client.dial(scope, node.port("etcd"))) as unknown as [Client, Client, Client];

async function watch(client: Client, key: string, startRevision: bigint): Promise<Talk> {
  const talk = client.open("/etcdserverpb.Watch/Watch");
  talk.send({ requestUnion: { case: "createRequest", value: { key: bytes(key), startRevision } } });
  assert.equal((await talk.next()).created, true);
  return talk;
}

/** Renews once, by a stream of its own; undefined when nobody knows. */
async function beat(client: Client, ID: bigint): Promise<bigint | undefined> {
  const talk = client.open(`${LEASE}KeepAlive`);
  talk.send({ ID });
  talk.stream.end();
  return (await talk.next())?.TTL;
}

/** Nothing is waited for between two steps: what one node has acknowledged the next one knows. */
export async function walk(scope: Scope, nodes: Three): Promise<void> {
  const clients = dial(scope, nodes);
  const [a, b, c] = clients;
  const first = (await a.put("etcd/a", "0")).header.revision;
  const talks = await Promise.all([b, c].map((client) => watch(client, "etcd/a", first)));
  const revisions = [first];
  for (let nth = 1; nth <= 12; nth++)
    revisions.push((await (clients[nth % 3] as Client).put("etcd/a", `${nth}`)).header.revision);
  for (const talk of talks) {
    const heard: Told[] = [];
    while (heard.length < revisions.length) heard.push(...(await talk.next()).events);
    assert.deepEqual(
      heard.map(({ kv }) => [text(kv.value), kv.modRevision]),
      revisions.map((at, nth) => [`${nth}`, at]),
    );
    talk.stream.close();
  }
  for (const client of [a, b, c]) {
    const { ID } = await a.ask(`${LEASE}Grant`, { TTL: 20n });
    await b.put("etcd/leased", "1", { lease: ID });
    assert.deepEqual([await beat(b, ID), await beat(c, ID)], [20n, 20n]);
    const shown = await c.ask(`${LEASE}TimeToLive`, { ID, keys: true });
    assert.deepEqual([shown.grantedTTL, shown.keys.map(text)], [20n, ["etcd/leased"]]);
    assert.ok(shown.TTL >= 15n);
    await client.ask(`${LEASE}Revoke`, { ID });
    assert.equal((await b.range("etcd/leased")).count, 0n);
    assert.equal(await beat(c, ID), 0n);
  }
  await members(nodes, clients);
}

async function members(nodes: Three, clients: readonly Client[]): Promise<void> {
  const known = await Promise.all(clients.map((client) => client.ask("/etcdserverpb.Cluster/MemberList")));
  const urls = nodes.map((node) => `http://127.0.0.1:${node.port("etcd")}`);
  for (const { members } of known) {
    assert.deepEqual(new Set(members.flatMap(({ clientURLs }: Told) => clientURLs)), new Set(urls));
    assert.deepEqual(members.map(({ ID }: Told) => ID).sort(), known[0].members.map(({ ID }: Told) => ID).sort());
  }
  const statuses = await Promise.all(clients.map((client) => client.ask("/etcdserverpb.Maintenance/Status")));
  assert.equal(new Set(statuses.map(({ leader }) => leader)).size, 1);
  assert.equal(new Set(statuses.map(({ header }) => header.memberId)).size, 3);
  const { revision } = (await (clients[0] as Client).put("etcd/hashed", "1")).header;
  await Promise.all(clients.map((client) => client.range("etcd/hashed")));
  const hashes = clients.map((client) => client.ask("/etcdserverpb.Maintenance/HashKV", { revision }));
  assert.equal(new Set((await Promise.all(hashes)).map(({ hash }) => hash)).size, 1);
}

/** A lock that is waited for at another node, and a lease that is kept there, through the end of the first node. */
export async function locks(scope: Scope, nodes: Three): Promise<() => Promise<void>> {
  const [a, b, c] = dial(scope, nodes);
  const { ID } = await a.ask(`${LEASE}Grant`, { TTL: 30n });
  const { ID: other } = await b.ask(`${LEASE}Grant`, { TTL: 300n });
  const { key } = await b.ask(`${LOCK}Lock`, { name: bytes("etcd/lock"), lease: ID });
  const waiting = c.ask(`${LOCK}Lock`, { name: bytes("etcd/lock"), lease: other });
  const talk = await watch(c, text(key), 0n);
  return async () => {
    // Who decides has gone: until another does, it may be that nobody knows, but not that the lease is gone.
    await until(async () => {
      const ttl = await beat(b, ID);
      assert.ok(ttl === 30n || ttl === undefined, String(ttl));
      return ttl === 30n;
    });
    await until(() => unlocked(b, key), { what: "unlocked" });
    assert.equal((await talk.next()).events[0].type, 1);
    assert.equal(text((await waiting).key), `etcd/lock/${other.toString(16)}`);
  };
}

/** False while the answer is that nobody decides. */
async function unlocked(client: Client, key: Uint8Array): Promise<boolean> {
  try {
    await client.ask(`${LOCK}Unlock`, { key });
    return (await client.ask(KV.range, { key })).count === 0n;
  } catch (error) {
    if (error instanceof CallFailed && error.code === UNAVAILABLE) return false;
    throw error;
  }
}

const ROUNDS = 30;

/** Keys are read as soon as they are written elsewhere, the past and its end are the same, and one of many wins. */
export async function keys(scope: Scope, nodes: Three): Promise<void> {
  const clients = dial(scope, nodes);
  const [a, b, c] = clients;
  let seen = 0n;
  let first = 0n;
  for (let nth = 0; nth < ROUNDS; nth++) {
    const [writer, reader] = [clients[nth % 3] as Client, clients[(nth + 1) % 3] as Client];
    const { header } = await writer.put("nodes/key", String(nth));
    assert.ok(header.revision > seen);
    const told = await reader.range("nodes/key");
    assert.equal(pairs(told.kvs), `nodes/key=${nth}`);
    assert.ok(told.header.revision >= header.revision);
    [seen, first] = [told.header.revision, first || header.revision];
  }
  const heads = await Promise.all(clients.map(async (client) => (await client.range("x")).header));
  assert.equal(new Set(heads.map(({ clusterId }) => clusterId)).size, 1);
  assert.equal(new Set(heads.map(({ memberId }) => memberId)).size, 3);
  // The past is the same everywhere, and so is its end.
  for (const client of clients)
    assert.equal(pairs((await client.range("nodes/key", "", { revision: first })).kvs), "nodes/key=0");
  await b.ask(KV.compact, { revision: first + 1n });
  for (const client of [b, c, a]) {
    await client.range("x");
    assert.match(await client.refusal(KV.range, { key: bytes("nodes/key"), revision: first }), /has been compacted/);
  }
  // Each wants to be the one who makes it.
  const compare = [{ key: bytes("nodes/one"), target: 1, targetUnion: { case: "createRevision", value: 0n } }];
  const tries = Array.from({ length: ROUNDS }, (_, nth) => {
    const put = { case: "requestPut", value: { key: bytes("nodes/one"), value: bytes(String(nth)) } };
    return (clients[nth % 3] as Client).ask(KV.txn, { compare, success: [{ request: put }] });
  });
  const won = (await Promise.all(tries)).flatMap(({ succeeded }, nth) => (succeeded ? [nth] : []));
  assert.equal(won.length, 1);
  assert.equal(pairs((await c.range("nodes/one")).kvs), `nodes/one=${won[0]}`);
}
