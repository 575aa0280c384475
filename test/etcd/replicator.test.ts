/** A registry in etcd: what lies there, what happens when etcd does not answer, and several nodes over it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { type Command, LIMITS } from "../../packages/registry/src/core/index.ts";
import { Client } from "../../packages/registry/src/replicators/etcd/client/client.ts";
import { freeze } from "../harness/process.ts";
import { accepted, register } from "../harness/registry.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { etcd, type Member, startCluster } from "./cluster-rig.ts";
import { type EtcdNode, openEtcdNode } from "./node-rig.ts";
import { openRelay } from "./relay-rig.ts";

const { skip } = etcd;
const put = (key: string, value = "v"): Command => ({ kind: "put", key, value });
const urlsOf = (members: readonly Member[]): readonly string[] => members.map(({ url }) => url);

function pictureOf({ core }: EtcdNode): unknown {
  return core.registry.read((view) => ({
    revision: view.revision,
    keys: [...view.entries("default", "", "")],
    instances: [...(view.account("default")?.instances() ?? [])],
  }));
}

/** All nodes show the same. */
async function agree(nodes: readonly EtcdNode[]): Promise<void> {
  const latest = (): number[] => nodes.map(({ core }) => core.registry.read((view) => view.revision));
  await until(() => new Set(latest()).size === 1, { what: "all to have heard of all" });
  for (const node of nodes) assert.deepEqual(pictureOf(node), pictureOf(nodes[0] as EtcdNode));
}

/** Keys of etcd below this name. */
async function keysOf(client: Client, name: string): Promise<number> {
  const key = Buffer.from(`/test/${name}/`);
  const end = Buffer.from(`/test/${name}0`);
  return (await client.range({ key, end, keysOnly: true })).entries.length;
}

test("a commit larger than a request of etcd goes in parts, to those who follow and those who start", {
  skip,
}, async (t) => {
  const endpoints = urlsOf(await startCluster(t));
  const one = await openEtcdNode(t, { endpoints, origin: "n1" });
  const two = await openEtcdNode(t, { endpoints, origin: "n2" });
  const then = Array.from({ length: 4 }, (_, i) => put(`k${i}`, String(i).repeat(1_000_000)));
  accepted(await one.core.registry.propose("default", { kind: "when", guards: [], then, otherwise: [] }));
  accepted(await two.core.registry.propose("default", put("after")));
  await agree([one, two]);
  const three = await openEtcdNode(t, { endpoints, origin: "n3" });
  await agree([one, two, three]);
  for (const [after, changes] of [4, 1].entries()) {
    const history = await three.core.registry.history(after, 1);
    assert.equal(history.ok && history.value[0]?.changes.length, changes);
  }
});

test("rows are brought up to date, old history is forgotten with its parts, and a start reads the rest", {
  skip,
}, async (t) => {
  const endpoints = urlsOf(await startCluster(t));
  const client = new Client({ endpoints });
  t.after(() => client.close());
  const retention = { bytesMax: 200_000 };
  const one = await openEtcdNode(t, { endpoints, origin: "n1", retention });
  const { registry } = one.core;
  // The longest that there are: a row of each goes to etcd as it is.
  const long = "l".repeat(LIMITS.keyBytesMax - 1);
  const then = Array.from({ length: 2 }, (_, i) => put(`${long}${i}`, "x".repeat(LIMITS.valueBytesMax)));
  accepted(await registry.propose("default", { kind: "when", guards: [], then, otherwise: [] }));
  for (let i = 0; i < 300; i++) {
    const command = i % 3 === 0 ? register("s", `i${i}`) : put(`k${i % 50}`, "y".repeat(2000));
    accepted(await registry.propose("default", command));
  }
  accepted(await registry.propose("default", { kind: "delete", from: "k1", to: "k2" }));
  await until(async () => registry.floor > 0 && (await keysOf(client, "part")) === 0, { what: "old history to go" });
  const groups = await keysOf(client, "log");
  assert.ok(groups > 0 && groups < 200, `${groups} groups`);
  assert.ok((await keysOf(client, "row")) > 100);
  const two = await openEtcdNode(t, { endpoints, origin: "n2", retention });
  await agree([one, two]);
  assert.equal(two.core.registry.floor, registry.floor);
  await one.close();
  // The duty is the other's now.
  const { floor } = two.core.registry;
  for (let i = 0; i < 200; i++) accepted(await two.core.registry.propose("default", put(`l${i}`, "z".repeat(2000))));
  await until(() => two.core.registry.floor > floor);
  await two.close();
  const three = await openEtcdNode(t, { endpoints, origin: "n3", retention });
  assert.equal(
    three.core.registry.read((view) => view.entry("default", "l199")?.value.length),
    2000,
  );
  assert.equal(
    three.core.registry.read((view) => view.entry("default", "k10")),
    undefined,
  );
});

test("while etcd is away reads go on and changes wait; all of them are done once", { skip }, async (t) => {
  const members = await startCluster(t);
  const node = await openEtcdNode(t, { endpoints: urlsOf(members), patienceMs: 60_000 });
  const { registry } = node.core;
  const add = (i: number) =>
    registry.propose("default", { kind: "put", key: "n/", value: String(i), numbered: { digits: 4 } });
  const answers = Array.from({ length: 20 }, (_, i) => add(i));
  await until(() => registry.read((view) => view.revision) > 0);
  await members[0]?.kill();
  answers.push(...Array.from({ length: 20 }, (_, i) => add(20 + i)));
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(registry.read((view) => view.revision) < 40);
  await members[0]?.start();
  answers.push(...Array.from({ length: 20 }, (_, i) => add(40 + i)));
  const revisions = (await Promise.all(answers)).map((outcome) => accepted(outcome).revision);
  assert.equal(new Set(revisions).size, 60);
  const values = registry.read((view) => [...view.entries("default", "n/", "n0")].map(({ value }) => Number(value)));
  assert.deepEqual(
    values.sort((a, b) => a - b),
    Array.from({ length: 60 }, (_, i) => i),
  );
  await until(() => node.replicator.refusing === null);
});

test("a change of which etcd gave no answer in time is unknown, and shown when it was done", { skip }, async (t) => {
  const members = await startCluster(t);
  const node = await openEtcdNode(t, { endpoints: urlsOf(members), patienceMs: 300 });
  const { registry } = node.core;
  accepted(await registry.propose("default", put("a")));
  await freeze(members[0]?.program.child ?? {});
  const outcome = await registry.propose("default", put("b"));
  assert.ok(!outcome.ok && outcome.refusal === "unknown", JSON.stringify(outcome));
  assert.match(String(node.replicator.refusing), /did not answer/);
  members[0]?.program.child.kill("SIGCONT");
  // The member wakes with the transaction before it.
  await until(async () => (await registry.propose("default", put("c"))).ok);
  const other = await openEtcdNode(t, { endpoints: urlsOf(members), origin: "n2" });
  await agree([node, other]);
  assert.equal(node.replicator.refusing, null);
});

test("an etcd whose database is full is named in a sentence, and nothing is said to be done", { skip }, async (t) => {
  const members = await startCluster(t, 1, ["--quota-backend-bytes", "3000000"]);
  const node = await openEtcdNode(t, { endpoints: urlsOf(members), patienceMs: 0 });
  const { registry } = node.core;
  let outcome = await registry.propose("default", put("k0"));
  for (let i = 1; outcome.ok && i < 20; i++)
    outcome = await registry.propose("default", put(`k${i}`, "x".repeat(500_000)));
  assert.ok(
    !outcome.ok && outcome.refusal === "unavailable" && /its database is full/.test(outcome.detail),
    JSON.stringify(outcome).slice(0, 200),
  );
  assert.match(String(node.replicator.refusing), /its database is full/);
  const { revision } = { revision: registry.read((view) => view.revision) };
  const other = await openEtcdNode(t, { endpoints: urlsOf(members), origin: "n2" }).catch(() => null);
  if (other !== null)
    assert.equal(
      other.core.registry.read((view) => view.revision),
      revision,
    );
});

test("an etcd that was emptied, begun anew or set back is refused, at once and at the next start", {
  skip,
}, async (t) => {
  const members = await startCluster(t);
  const endpoints = urlsOf(members);
  const node = await openEtcdNode(t, { endpoints });
  accepted(await node.core.registry.propose("default", put("a")));
  await members[0]?.kill();
  await members[0]?.start({ empty: true });
  await until(() => node.broken.length > 0, { what: "the node to notice" });
  assert.match(node.broken[0] ?? "", /was emptied/);
  const late = await node.core.registry.propose("default", put("b"));
  assert.ok(!late.ok && late.refusal === "unavailable");
  assert.equal(
    node.core.registry.read((view) => view.entry("default", "b")),
    undefined,
  );
  await node.close();
  const { dataDir } = node;
  await assert.rejects(openEtcdNode(t, { endpoints, dataDir }), /was emptied.*remove .*etcd\.known/);
  const fresh = await openEtcdNode(t, { endpoints });
  await assert.rejects(openEtcdNode(t, { endpoints, dataDir }), /holds another registry/);
  const client = new Client({ endpoints });
  t.after(() => client.close());
  await client.transact({ guards: [], then: [{ kind: "delete", key: Buffer.from("/"), end: Buffer.from("0") }] });
  await until(() => fresh.broken.length > 0);
});

test("many at several nodes: nobody's change is lost, guards hold, and all show the same", { skip }, async (t) => {
  const endpoints = urlsOf(await startCluster(t));
  const nodes = await Promise.all(["n1", "n2", "n3"].map((origin) => openEtcdNode(t, { endpoints, origin })));
  const outcomes = await Promise.all(
    nodes.flatMap(({ core }, at) =>
      Array.from({ length: 100 }, (_, i) =>
        core.registry.propose("default", { kind: "put", key: `k${i % 70}`, value: `${at}`, ifAbsent: true }),
      ),
    ),
  );
  assert.equal(outcomes.filter(({ ok }) => ok).length, 70);
  assert.ok(outcomes.every((outcome) => outcome.ok || outcome.refusal === "exists"));
  await agree(nodes);
  const barrier = await nodes[1]?.core.registry.barrier();
  assert.ok(barrier?.ok);
});

test("a node that was cut off reads what etcd has forgotten from the log, and when that is gone the state", {
  skip,
}, async (t) => {
  const [member] = await startCluster(t);
  const url = member?.url ?? "";
  const client = new Client({ endpoints: [url] });
  t.after(() => client.close());
  const relay = await openRelay(t, url);
  const one = await openEtcdNode(t, { endpoints: [url], origin: "n1", retention: { bytesMax: 100_000 } });
  const two = await openEtcdNode(t, { endpoints: [relay.url], origin: "n2", patienceMs: 60_000 });
  const { registry } = one.core;
  const write = async (name: string, count: number, size: number): Promise<void> => {
    for (let i = 0; i < count; i++) accepted(await registry.propose("default", put(`${name}${i}`, "x".repeat(size))));
  };
  await write("a", 10, 10);
  await agree([one, two]);
  relay.cut();
  const mine = two.core.registry.propose("default", put("mine"));
  await write("b", 50, 10);
  const compactAll = async (): Promise<void> =>
    client.compact((await client.range({ key: Buffer.from("x") })).revision);
  await compactAll();
  relay.mend();
  accepted(await mine);
  await agree([one, two]);
  assert.ok(!two.logged.some((line) => /the whole state anew/.test(line)));
  relay.cut();
  const second = two.core.registry.propose("default", put("second"));
  const { floor } = registry;
  await write("c", 100, 3000);
  accepted(await registry.propose("default", { kind: "delete", from: "a", to: "b" }));
  await until(() => registry.floor > floor + 60, { what: "history to go" });
  await compactAll();
  relay.mend();
  accepted(await second);
  await agree([one, two]);
  assert.ok(two.logged.some((line) => /the whole state anew/.test(line)));
  accepted(await two.core.registry.propose("default", put("third")));
  await agree([one, two]);
});

test("a leader that dies is noticed by nobody but the clock", { skip }, async (t) => {
  const members = await startCluster(t, 3);
  const endpoints = urlsOf(members);
  const nodes = await Promise.all(
    ["n1", "n2"].map((origin, i) =>
      openEtcdNode(t, { endpoints: [...endpoints.slice(i), ...endpoints.slice(0, i)], origin, patienceMs: 60_000 }),
    ),
  );
  const isLeader = async ({ url }: Member): Promise<boolean> => {
    const answer = await fetch(`${url}/metrics`);
    return /^etcd_server_is_leader 1$/m.test(await answer.text());
  };
  const leaders = await Promise.all(members.map(isLeader));
  let isOver = false;
  const write = async ({ core }: EtcdNode, name: string): Promise<number> => {
    let done = 0;
    for (; !isOver; done++) accepted(await core.registry.propose("default", put(`${name}${done}`)));
    return done;
  };
  const writing = nodes.map((node, i) => write(node, `w${i}-`));
  await until(() => nodes[1]?.core.registry.read((view) => view.revision > 50));
  await members[leaders.indexOf(true)]?.kill();
  const at = nodes[0]?.core.registry.read((view) => view.revision) ?? 0;
  await until(() => nodes.every(({ core }) => core.registry.read((view) => view.revision > at + 50)), {
    timeoutMs: 30_000,
  });
  isOver = true;
  const done = await Promise.all(writing);
  await agree(nodes);
  const count = nodes[0]?.core.registry.read((view) => [...view.entries("default", "", "")].length);
  assert.equal(
    count,
    done.reduce((a, b) => a + b, 0),
  );
});

test("leases end once, by the node that granted them, or by another one when that is gone", { skip }, async (t) => {
  const endpoints = urlsOf(await startCluster(t));
  const [one, two] = await Promise.all([
    openEtcdNode(t, { endpoints, origin: "n1" }),
    openEtcdNode(t, { endpoints, origin: "n2" }),
  ]);
  accepted(await one.core.registry.propose("default", register("s", "a", { ttlMs: 3000 })));
  accepted(await two.core.registry.propose("default", register("s", "b", { ttlMs: 3000 })));
  await agree([one, two]);
  const elsewhere = await two.core.registry.renew("default", "s/a");
  assert.ok(!elsewhere.ok && elsewhere.refusal === "unavailable");
  assert.ok((await one.core.registry.renew("default", "s/a")).ok);
  await one.close();
  const timer = setInterval(() => void two.core.tick(), 50);
  t.after(() => clearInterval(timer));
  await until(async () => (await two.core.registry.renew("default", "s/a")).ok, { what: "the lease to be kept here" });
  await until(() => two.core.registry.read((view) => view.instance("default", "s", "b")) === undefined);
  await until(() => two.core.registry.read((view) => view.instance("default", "s", "a")) === undefined);
});

test("two processes of one name are refused, and one that was killed is waited for", { skip }, async (t) => {
  const endpoints = urlsOf(await startCluster(t));
  const relay = await openRelay(t, endpoints[0] as string);
  const one = await openEtcdNode(t, { endpoints: [relay.url] });
  await assert.rejects(openEtcdNode(t, { endpoints }), /another process is the node n1: each needs a name/);
  // As if it were killed.
  relay.cut();
  const again = await openEtcdNode(t, { endpoints });
  accepted(await again.core.registry.propose("default", put("a")));
  relay.mend();
  await agree([one, again]);
  assert.equal(one.replicator.keeping?.keeper, null);
});

test("a node that the others have given up renews nothing until it is there again", { skip }, async (t) => {
  const endpoints = urlsOf(await startCluster(t));
  const relay = await openRelay(t, endpoints[0] as string);
  const one = await openEtcdNode(t, { endpoints, origin: "n1" });
  const two = await openEtcdNode(t, { endpoints: [relay.url], origin: "n2" });
  accepted(await two.core.registry.propose("default", register("s", "b", { ttlMs: 60_000 })));
  await agree([one, two]);
  assert.ok((await two.core.registry.renew("default", "s/b")).ok);
  relay.cut();
  await until(async () => !(await two.core.registry.renew("default", "s/b")).ok, { what: "it to be unsure" });
  await until(async () => (await one.core.registry.renew("default", "s/b")).ok, { what: "the other to take over" });
  relay.mend();
  await until(async () => (await two.core.registry.renew("default", "s/b")).ok, { what: "it to be there again" });
  assert.ok(!(await one.core.registry.renew("default", "s/b")).ok);
});

test("parts of a group that was given up are swept, and those of others stay", { skip }, async (t) => {
  const endpoints = urlsOf(await startCluster(t));
  const client = new Client({ endpoints });
  t.after(() => client.close());
  let aheadMs = 0;
  const clock = { now: () => Date.now(), monotonic: () => performance.now() + aheadMs };
  const node = await openEtcdNode(t, { endpoints, clock });
  const then = [put("a", "x".repeat(1_000_000)), put("b", "y".repeat(1_000_000))];
  accepted(await node.core.registry.propose("default", { kind: "when", guards: [], then, otherwise: [] }));
  const orphan = Buffer.from("/test/part/gone-1/0000");
  await client.transact({ guards: [], then: [{ kind: "put", key: orphan, value: orphan }] });
  const parts = await keysOf(client, "part");
  const timer = setInterval(() => {
    aheadMs += 6 * 60_000;
  }, 3000);
  t.after(() => clearInterval(timer));
  await until(async () => (await keysOf(client, "part")) === parts - 1, { timeoutMs: 30_000 });
  assert.equal((await client.range({ key: orphan })).entries.length, 0);
});

test("a registry in an etcd with users goes on when they have changed since its login", { skip }, async (t) => {
  const folder = temporaryDirectory(t);
  const [secret, open] = [join(folder, "key.pem"), join(folder, "public.pem")];
  for (const args of [
    ["genrsa", "-out", secret, "2048"],
    ["rsa", "-in", secret, "-pubout", "-out", open],
  ])
    assert.equal(spawnSync("openssl", args).status, 0);
  // Tokens of this kind say which users they know of.
  const tokens = `jwt,pub-key=${open},priv-key=${secret},sign-method=RS256,ttl=10m`;
  const [member] = await startCluster(t, 1, ["--auth-token", tokens]);
  const post = async (path: string, body: unknown, token = ""): Promise<{ token?: string }> => {
    const headers = token === "" ? {} : { Authorization: token };
    const answer = await fetch(`${member?.url}/v3/auth/${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    assert.ok(answer.ok, await answer.clone().text());
    return (await answer.json()) as { token?: string };
  };
  const user = { name: "root", password: "secret" };
  await post("user/add", user);
  await post("user/grant", { user: "root", role: "root" });
  await post("enable", {});
  const endpoints = [member?.url ?? ""];
  const one = await openEtcdNode(t, { endpoints, user, origin: "n1" });
  const two = await openEtcdNode(t, { endpoints, user, origin: "n2" });
  accepted(await one.core.registry.propose("default", put("a")));
  await agree([one, two]);
  const { token } = await post("authenticate", user);
  await post("user/add", { name: "other", password: "x" }, token);
  accepted(await one.core.registry.propose("default", put("b")));
  await agree([one, two]);
});
