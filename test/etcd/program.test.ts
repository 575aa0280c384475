/** The program with its registry in etcd. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startRollcall } from "../harness/program.ts";
import { until } from "../harness/scope.ts";
import { etcd, startCluster } from "./cluster-rig.ts";

const { skip } = etcd;

test("what was acknowledged outlives kill -9 and the data directory, and two programs show the same", {
  skip,
}, async (t) => {
  const [member] = await startCluster(t);
  const flags = (name: string) => ["--replicator", "etcd", "--etcd", member?.url ?? "", "--name", name];
  const one = await startRollcall(t, { flags: flags("n1") });
  const put = async (url: string, key: string): Promise<number> =>
    (await fetch(`${url}/v2/default/config/${key}`, { method: "PUT", body: "v" })).status;
  const get = async (url: string, key: string): Promise<number> =>
    (await fetch(`${url}/v2/default/config/${key}`)).status;
  assert.equal(await put(one.url, "a"), 201);
  const two = await startRollcall(t, { flags: flags("n2") });
  assert.equal(await get(two.url, "a"), 200);
  assert.equal(await put(two.url, "b"), 201);
  await until(async () => (await get(one.url, "b")) === 200);
  // What one has acknowledged, the other has when it is asked for what is current.
  for (let i = 0; i < 30; i++) {
    assert.equal(await put(i % 2 === 0 ? one.url : two.url, `c${i}`), 201);
    assert.equal(await get(i % 2 === 0 ? two.url : one.url, `c${i}?current`), 200);
    const instance = `v2/default/services/s/instances/i${i}`;
    const body = JSON.stringify({ address: "10.0.0.1", port: 80, ttl: "60s" });
    const headers = { "content-type": "application/json" };
    assert.equal((await fetch(`${one.url}/${instance}`, { method: "PUT", body, headers })).status, 201);
    assert.equal((await fetch(`${two.url}/${instance}/heartbeat`, { method: "POST" })).status, 200);
  }
  assert.equal((await fetch(`${two.url}/v2/default/services/s/instances/x/heartbeat`, { method: "POST" })).status, 404);
  await one.restart();
  assert.deepEqual([await get(one.url, "a"), await get(one.url, "b")], [200, 200]);
  assert.equal(await put(one.url, "c"), 201);
  await member?.kill();
  assert.deepEqual([await get(one.url, "a"), await get(one.url, "a?current")], [200, 503]);
  const status = (await (await fetch(`${one.url}/v2/_/status`)).json()) as { replicator: string };
  assert.equal(status.replicator, "etcd");
});

test("a start without an etcd, or with one that is not there, says so in a sentence", { skip }, async (t) => {
  await assert.rejects(startRollcall(t, { flags: ["--replicator", "etcd"] }), /needs etcd\.endpoints \(--etcd\)/);
  await assert.rejects(
    startRollcall(t, { flags: ["--replicator", "etcd", "--etcd", "http://127.0.0.1:9"] }),
    /the registry in etcd \(http:\/\/127\.0\.0\.1:9\) cannot be used: .*ECONNREFUSED/,
  );
});
