/** Clients of ZooKeeper at three nodes: sessions that move, zxids that go on, and watches of what others change. */
import assert from "node:assert/strict";
import type { Rollcall } from "../harness/program.ts";
import type { Scope } from "../harness/scope.ts";
import { FLAGS, pack } from "../zookeeper/codec.ts";
import { Client, type Hello } from "../zookeeper/rig.ts";

type Three = readonly [Rollcall, Rollcall, Rollcall];

function open(scope: Scope, node: Rollcall, said: Hello = {}): Promise<Client> {
  return Client.open(scope, node.port("zookeeper"), { timeoutMs: 30_000, ...said });
}

/** Nothing is waited for between two steps but what a client of the original waits for, too. */
export async function sessions(scope: Scope, nodes: Three): Promise<void> {
  const [a, b, c] = nodes;
  const [first, watcher, numbers] = [await open(scope, a), await open(scope, b), await open(scope, c)];
  await first.create("/zk");
  await first.create("/zk/e", "here", FLAGS.ephemeral);
  for (const client of [watcher, numbers]) await client.must("sync", pack("s", "/"));
  assert.equal((await watcher.get("/zk/e", true)).stat.ephemeralOwner, first.greeting?.session);
  // Each at another node, all numbered in one row.
  const made = await Promise.all(
    Array.from({ length: 30 }, (_, nth) =>
      ([first, watcher, numbers][nth % 3] as Client).create("/zk/n-", "", FLAGS.sequential),
    ),
  );
  assert.equal(new Set(made).size, 30);
  assert.ok(made.includes("/zk/n-0000000030"), made.join());
  // The session goes from node to node; each old connection is closed, and what was seen is there at once.
  let [at, version] = [first, 0];
  for (const node of [b, c, a]) {
    const { zxid } = await at.must("setData", pack("ssi", "/zk/e", String(version), version));
    const { session, password } = at.greeting ?? assert.fail();
    const next = await open(scope, node, { session, password, lastZxid: zxid });
    await at.closed();
    assert.equal(next.greeting?.session, session);
    const { data, stat } = await next.get("/zk/e");
    assert.deepEqual([data, stat.version, stat.ephemeralOwner], [String(version), version + 1, session]);
    [at, version] = [next, version + 1];
  }
  await watcher.get("/zk/e", true);
  await at.code("closeSession");
  assert.deepEqual(await watcher.heard(2), ["3 /zk/e", "2 /zk/e"]);
}

/** A session at another node and its node, through the end of the first; what is written after it is told. */
export async function watches(scope: Scope, [, b, c]: Three): Promise<() => Promise<void>> {
  const [owner, watcher] = [await open(scope, b), await open(scope, c)];
  await owner.create("/witness", "", FLAGS.ephemeral);
  await watcher.must("sync", pack("s", "/"));
  await watcher.must("addWatch", pack("si", "/witness", 1));
  return async () => {
    let error = -4;
    // Who decides has gone: until another does, the answer is that of a lost connection.
    while (error === -4) error = await owner.code("setData", pack("ssi", "/witness", "after", -1));
    assert.equal(error, 0);
    assert.deepEqual(await watcher.heard(1), ["3 /witness"]);
    assert.equal((await watcher.get("/witness")).stat.ephemeralOwner, owner.greeting?.session);
  };
}
