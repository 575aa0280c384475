/** Locks and elections by gRPC, asked of the started program. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { until } from "../../harness/scope.ts";
import { bytes, Client, pairs, type Told, text } from "./client.ts";
import { startEtcd } from "./rig.ts";

const GRANT = "/etcdserverpb.Lease/LeaseGrant";
const REVOKE = "/etcdserverpb.Lease/LeaseRevoke";
const LOCK = "/v3lockpb.Lock/Lock";
const UNLOCK = "/v3lockpb.Lock/Unlock";
const election = (name: string): string => `/v3electionpb.Election/${name}`;

const program = await startEtcd({ after });
const client = Client.dial({ after }, program.port("etcd"));
const grant = async (): Promise<bigint> => (await client.ask(GRANT, { TTL: 60n })).ID;
const keys = async (prefix: string): Promise<string> =>
  pairs((await client.range(`${prefix}/`, `${prefix}0`, { sortTarget: 2 })).kvs);

test("a lock goes from one to the next, in the order in which they came", async () => {
  const [a, b, c] = [await grant(), await grant(), await grant()];
  const order: string[] = [];
  const lock = async (lease: bigint, who: string): Promise<Told> => {
    const told = await client.ask(LOCK, { name: bytes("lock"), lease });
    order.push(who);
    return told;
  };
  const first = await lock(a, "a");
  assert.equal(text(first.key), `lock/${a.toString(16)}`);
  assert.deepEqual((await lock(a, "a again")).key, first.key);
  const second = lock(b, "b");
  await until(async () => (await keys("lock")).split(" ").length === 2, { what: "b in line" });
  const third = lock(c, "c");
  await until(async () => (await keys("lock")).split(" ").length === 3, { what: "c in line" });
  await client.ask(UNLOCK, { key: first.key });
  await second;
  assert.deepEqual(order, ["a", "a again", "b"]);
  // The end of its lease lets go as well.
  await client.ask(REVOKE, { ID: b });
  const { key } = await third;
  await client.ask(UNLOCK, { key });
  assert.equal(await keys("lock"), "");
});

test("who gives up, or whose lease ends, leaves the line", async () => {
  const [a, b, c] = [await grant(), await grant(), await grant()];
  const held = await client.ask(LOCK, { name: bytes("q"), lease: a });
  const hasty = client.with({ "grpc-timeout": "300m" });
  assert.match(await hasty.refusal(LOCK, { name: bytes("q"), lease: b }), /^(4 |1 )/);
  await until(async () => (await keys("q")).split(" ").length === 1, { what: "b gone" });
  const lost = client.refusal(LOCK, { name: bytes("q"), lease: c });
  await until(async () => (await keys("q")).split(" ").length === 2, { what: "c in line" });
  await client.ask(REVOKE, { ID: c });
  await client.ask(UNLOCK, { key: held.key });
  assert.equal(await lost, "2 mutex: session is expired");
  assert.equal(
    await client.refusal(LOCK, { name: bytes("q"), lease: 404n }),
    "5 etcdserver: requested lease not found",
  );
  const { key } = await client.ask(LOCK, { name: bytes("q") });
  assert.match(text(key), /^q\/[0-9a-f]+$/);
});

test("an election: campaign, proclaim, leader, observe, resign", async () => {
  const name = bytes("e");
  const [a, b] = [await grant(), await grant()];
  assert.equal(await client.refusal(election("Leader"), { name }), "2 election: no leader");
  const observing = client.open(election("Observe"));
  observing.send({ name });
  const { leader, header } = await client.ask(election("Campaign"), { name, lease: a, value: bytes("a1") });
  assert.deepEqual(
    [text(leader.name), text(leader.key), leader.lease, leader.rev],
    ["e", `e/${a.toString(16)}`, a, header.revision],
  );
  assert.equal(text((await observing.next()).kv.value), "a1");
  const other = client.ask(election("Campaign"), { name, lease: b, value: bytes("b1") });
  await until(async () => (await keys("e")).split(" ").length === 2, { what: "b in line" });
  assert.equal(text((await client.ask(election("Leader"), { name })).kv.value), "a1");
  await client.ask(election("Proclaim"), { leader, value: bytes("a2") });
  assert.equal(text((await observing.next()).kv.value), "a2");
  const { leader: same } = await client.ask(election("Campaign"), { name, lease: a, value: bytes("a3") });
  assert.equal(same.rev, leader.rev);
  assert.equal(text((await observing.next()).kv.value), "a3");
  await client.ask(election("Resign"), { leader });
  assert.equal(text((await other).leader.key), `e/${b.toString(16)}`);
  assert.equal(text((await observing.next()).kv.value), "b1");
  assert.equal(await client.refusal(election("Proclaim"), { leader, value: bytes("a4") }), "2 election: not leader");
  await client.ask(election("Resign"), { leader });
  assert.equal(text((await client.ask(election("Leader"), { name })).kv.value), "b1");
  assert.equal(await client.refusal(election("Resign")), '2 "leader" field must be provided');
  observing.stream.close();
});
