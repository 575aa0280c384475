/** npm's etcd3, as Node's users have it: against ours, through a restart. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { Etcd3, EtcdLeaseInvalidError, EtcdLockFailedError, type Watcher } from "etcd3";
import { until } from "../../harness/scope.ts";
import { startEtcd } from "./rig.ts";

const rollcall = await startEtcd({ after }, { dialects: "etcd" });

function open(): Etcd3 {
  const client = new Etcd3({ hosts: `127.0.0.1:${rollcall.port("etcd")}` });
  after(() => client.close());
  return client;
}

const client = open();

/** What a watcher is told, in its order. */
function follow(watcher: Watcher): readonly string[] {
  const told: string[] = [];
  watcher.on("put", ({ key, value }) => told.push(`put ${key} ${value}`));
  watcher.on("delete", ({ key }) => told.push(`delete ${key}`));
  return told;
}

test("it puts, reads, sorts, deletes, and compares before it writes", async () => {
  await client.put("kv/a").value("1");
  assert.equal((await client.put("kv/a").value(2).getPrevious()).value.toString(), "1");
  await client.put("kv/b").value(Buffer.from([0, 255]));
  assert.equal(await client.get("kv/a").number(), 2);
  assert.equal(await client.get("kv/none").string(), null);
  assert.deepEqual(await client.get("kv/b").buffer(), Buffer.from([0, 255]));
  assert.deepEqual(await client.getAll().prefix("kv/").keys(), ["kv/a", "kv/b"]);
  assert.deepEqual(await client.getAll().prefix("kv/").sort("Mod", "Descend").limit(1).keys(), ["kv/b"]);
  assert.equal(await client.getAll().prefix("kv/").count(), 2);
  const first = await client
    .if("kv/a", "Version", "==", 2)
    .and("kv/none", "Create", "==", 0)
    .then(client.put("kv/c").value("then"), client.get("kv/a"))
    .else(client.delete().key("kv/a"))
    .commit();
  assert.deepEqual([first.succeeded, first.responses.length], [true, 2]);
  const second = await client.if("kv/a", "Value", "!=", "2").then(client.delete().all()).commit();
  assert.equal(second.succeeded, false);
  const space = client.namespace("space/");
  await space.put("x").value("y");
  assert.deepEqual([await client.get("space/x").string(), await space.getAll().keys()], ["y", ["x"]]);
  assert.equal((await client.delete().prefix("kv/")).deleted, "3");
});

test("its leases keep keys alive, and take them along", async () => {
  const lease = client.lease(5);
  await lease.put("lease/a").value("1");
  await lease.keepaliveOnce();
  const id = await lease.grant();
  const told = await client.leaseClient.leaseTimeToLive({ ID: id, keys: true });
  assert.deepEqual(told.keys.map(String), ["lease/a"]);
  await lease.revoke();
  assert.equal(await client.get("lease/a").string(), null);
  const gone = client.lease(60, { autoKeepAlive: false });
  const goneId = await gone.grant();
  await client.leaseClient.leaseRevoke({ ID: goneId });
  await assert.rejects(gone.keepaliveOnce(), EtcdLeaseInvalidError);
  await assert.rejects(async () => await client.put("lease/b").lease(goneId).value("1"), /requested lease not found/);
});

test("its locks, elections and software transactions exclude one another", async () => {
  const other = open();
  const lock = await client.lock("lock").ttl(10).acquire();
  await assert.rejects(other.lock("lock").acquire(), EtcdLockFailedError);
  await lock.release();
  assert.equal(await other.lock("lock").do(async () => "held"), "held");

  const [one, two] = [client.election("chief", 10), other.election("chief", 10)];
  const observer = await two.observe();
  const elected: (string | undefined)[] = [];
  observer.on("change", (leader) => elected.push(leader));
  const first = one.campaign("one");
  await once(first, "elected");
  const second = two.campaign("two");
  await until(() => elected.includes("one"));
  await first.proclaim("one again");
  await until(() => elected.includes("one again"));
  await first.resign();
  await once(second, "elected");
  await until(() => elected.at(-1) === "two");
  assert.equal(await one.leader(), "two");
  await second.resign();
  await observer.cancel();

  await client.put("stm/n").value(0);
  const add = (): Promise<unknown> =>
    client.stm({ retries: 100 }).transact(async (tx) => {
      const n = await tx.get("stm/n").number();
      await tx.put("stm/n").value((n ?? 0) + 1);
    });
  await Promise.all(Array.from({ length: 5 }, add));
  assert.equal(await client.get("stm/n").number(), 5);
});

test("it asks who is there", async () => {
  const { members } = await client.cluster.memberList({});
  assert.ok(members.length === 1 && members[0]?.clientURLs.length);
  assert.match((await client.maintenance.status()).version, /^3\./);
  assert.deepEqual((await client.maintenance.alarm({ action: "Get" } as never)).alarms, []);
});

test("its watches go on where they were after a restart, and so does its lease", async () => {
  const watcher = await client.watch().prefix("watch/").create();
  const puts = await client.watch().prefix("watch/").only("put").create();
  const [all, some] = [follow(watcher), follow(puts)];
  await client.put("watch/a").value("1");
  await client.delete().key("watch/a");
  await until(() => all.length === 2 && some.length === 1);
  const lease = client.lease(30);
  await lease.put("watch/l").value("leased");
  await until(() => all.length === 3 && some.length === 2);

  await rollcall.restart();
  await until(() => client.put("watch/b").value("2").exec(), { what: "a put after the restart" });
  await until(() => all.at(-1) === "put watch/b 2" && some.at(-1) === "put watch/b 2");
  assert.deepEqual([...all].slice(0, 3), ["put watch/a 1", "delete watch/a", "put watch/l leased"]);
  assert.deepEqual(
    [...all].slice(3).filter((one) => one !== "put watch/b 2"),
    [],
  );
  await until(() => lease.keepaliveOnce(), { what: "a heartbeat after the restart" });
  const past = await client.watch().key("watch/a").startRevision("1").create();
  const seen = follow(past);
  await until(() => seen.length === 2);
  assert.deepEqual(seen, ["put watch/a 1", "delete watch/a"]);
  await Promise.all([watcher.cancel(), puts.cancel(), past.cancel()]);
  await lease.revoke();
});
