/** A registry moves from a node of its own into etcd, is brought back when etcd lost it, and moves back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { type Client, createClient, type RollcallError } from "@rollcall/client";
import { Client as Etcd } from "../../packages/registry/src/replicators/etcd/client/client.ts";
import { commandLine, run } from "../cli/rig.ts";
import { startRollcall } from "../harness/program.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { etcd, startCluster } from "./cluster-rig.ts";

const { skip } = etcd;

/** Something of everything, and what is gone again. Answers the token of an administrator. */
async function fill(url: string): Promise<string> {
  const open = createClient({ url });
  const { lease } = await open.leases.grant({ ttl: "10m", meta: { who: "db" } });
  for (let i = 0; i < 20; i++) await open.config.put(`app/${i}`, `value ${i}`, i < 5 ? { lease } : {});
  await open.config.put("app/binary", new Uint8Array([0, 255, 1]));
  await open.config.put("long", "x".repeat(900_000));
  for (let i = 0; i < 30; i++) {
    const meta = { nth: String(i) };
    await open.registerOnce({ service: "api", id: `a${i}`, address: "10.0.0.1", port: 80, ttl: "10m", meta });
  }
  await open.registerOnce({ service: "db", id: "shared", address: "10.0.0.2", lease });
  await open.override("api", "a3", "draining");
  await open.deregister("api", "a29");
  await open.config.delete("app/19");
  await open.admin.accounts.set("shop", { keysMax: 7 });
  const { token } = await open.admin.tokens.create({ name: "root", account: null, role: "admin" });
  const shop = createClient({ url, token, account: "shop" });
  await shop.config.put("k", "of the shop");
  await shop.registerOnce({ service: "till", id: "1", address: "10.0.0.3", ttl: "0" });
  return token;
}

/** All that there is, as clients see it; heartbeats are not in it. */
async function readAll(url: string, token: string) {
  const whole = async (client: Client) => ({
    instances: (await client.instances()).instances,
    keys: (await client.config.list()).keys,
    leases: (await client.leases.list()).leases.map(({ lease, ttlMs, meta, own, grantedAt }) => ({
      lease,
      ttlMs,
      meta,
      own,
      grantedAt,
    })),
  });
  const client = createClient({ url, token });
  return {
    default: await whole(client),
    shop: await whole(createClient({ url, token, account: "shop" })),
    accounts: await client.admin.accounts.list(),
    tokens: await client.admin.tokens.list(),
  };
}

/** What `status` and `doctor` say of a node alone and its etcd. */
async function looksWell(client: Client, url: string, flags: string[], env: Record<string, string>): Promise<void> {
  const seen = await until(async () => (await client.status()).cluster?.etcd[0], { what: "etcd to be looked at" });
  assert.deepEqual([seen.url, seen.name, seen.leader, seen.alarms], [url, "m0", true, []]);
  const [self, ...others] = (await client.status()).cluster?.nodes ?? [];
  assert.deepEqual([self?.node, self?.self, self?.duty, self?.leases, others], ["n1", true, true, 30, []]);
  const { stdout } = await run(["doctor", ...flags, "-o", "json"], { env });
  const { findings } = JSON.parse(stdout) as { findings: { name: string; verdict: string }[] };
  const about = findings.filter(({ name }) => name.startsWith("etcd")).map((one) => `${one.name}: ${one.verdict}`);
  const looked = ["etcd: good", "etcd access: note", "etcd room: good", "etcd registry: good", "etcd past: good"];
  assert.deepEqual(about, [...looked, "etcd clocks: good"]);
}

test("a backup goes into etcd and out of it with all that there was, and revives an etcd that was emptied", {
  skip,
}, async (t) => {
  const [member] = await startCluster(t);
  const endpoint = member?.url ?? "";
  const into = ["--replicator", "etcd", "--etcd", endpoint];
  const folder = temporaryDirectory(t);
  const [first, second] = [join(folder, "first"), join(folder, "second")];
  const alone = await startRollcall(t);
  const token = await fill(alone.url);
  const env = { ROLLCALL_TOKEN: token };
  const before = await readAll(alone.url, token);
  await commandLine(alone.url).cli(["backup", first], 0, { env });
  const was = (await createClient({ url: alone.url, token }).status()).revision;
  await alone.stop();

  const restored = await run(["restore", first, ...into]);
  assert.match(restored.stdout, /^restored [\d.]+ [KM]iB to etcd: revision 10000\d+, saved \S+\n$/, restored.stderr);
  const flags = [...into, "--name", "n1"];
  const node = await startRollcall(t, { flags });
  assert.deepEqual(await readAll(node.url, token), before);
  const client = createClient({ url: node.url, token });
  const { revision, floor } = await client.status();
  assert.ok(revision > was + 900_000_000 && floor > was, `${revision}, ${floor}`);
  assert.equal((await client.watch({ after: was }).next()).value?.kind, "resync");

  await looksWell(client, endpoint, [...into, "--data", node.data, "--url", node.url], env);

  const inUse = await run(["restore", first, ...into, "--force"]);
  assert.deepEqual([inUse.code, inUse.stderr], [2, "rollcall: it is in use by the node n1: stop all nodes first\n"]);
  await client.config.put("later", "v");
  const after = await readAll(node.url, token);
  await commandLine(node.url).cli(["backup", second], 0, { env });
  await node.stop();
  const refused = await run(["restore", first, ...into]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /there is a registry at http:\S+ below \/rollcall\/, up to revision \d+; with --force/);

  // All of it is gone from etcd: the node that knew it says so, and what to do.
  const store = new Etcd({ endpoints: [endpoint] });
  t.after(() => store.close());
  const everything = { key: Buffer.from("/rollcall/"), end: Buffer.from("/rollcall0") };
  await store.transact({ guards: [], then: [{ kind: "delete", ...everything }] });
  const start = await run(["serve", ...flags, "--data", node.data, "--http-port", "0", "--dialects", "http"]);
  assert.match(start.stderr, /was emptied[^\n]*rollcall restore <backup file> --replicator etcd/);
  const revived = await run(["restore", second, ...into, "--data", node.data]);
  assert.equal(revived.code, 0, revived.stderr);
  await node.restart();
  assert.deepEqual(await readAll(node.url, token), after);
  assert.ok((await client.status()).revision > revision + 900_000_000);
  // And it goes on from there.
  await client.config.put("later", "w");
  await node.restart();
  assert.equal((await client.config.get("later"))?.version, 2);

  const data = join(folder, "data");
  const back = await run(["restore", second, "--data", data]);
  assert.equal(back.code, 0, back.stderr);
  const again = await startRollcall(t, { data });
  assert.deepEqual(await readAll(again.url, token), after);
  const gone = createClient({ url: again.url, account: "shop" }).config.get("k");
  await assert.rejects(gone, (error: RollcallError) => error.status === 401);
});
