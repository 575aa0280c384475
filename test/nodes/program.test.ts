/** Three programs over one etcd are one registry, whichever of them is asked. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startRegistry } from "../../packages/registry/src/bin/embed.ts";
import type { Rollcall } from "../harness/program.ts";
import { startRollcall } from "../harness/program.ts";
import { openStream, request, type Stream } from "../harness/requests.ts";
import { temporaryDirectory, until } from "../harness/scope.ts";
import { startReceiver } from "../hooks/receiver.ts";
import { ask, etcd, startNodes } from "./rig.ts";

const { skip } = etcd;
const INSTANCE = { address: "10.0.0.1", port: 80, ttl: "30s" };

/** As on hosts of their own. */
const each = (nth: number) => ["--host", `127.0.0.${nth}`];
const all = await startNodes({ after }, 3, { each });
const [a, b, c] = all.nodes as [Rollcall, Rollcall, Rollcall];

interface Listed {
  readonly instances: readonly { readonly id: string }[];
}

async function idsAt(node: Rollcall, service: string): Promise<readonly string[]> {
  const answer = await ask(node, "GET", `services/${service}`);
  return answer.status === 404 ? [] : answer.json<Listed>().instances.map(({ id }) => id);
}

test("what is registered at one node is renewed at another and read at a third", { skip }, async () => {
  for (const [nth, node] of [a, b, c].entries()) {
    const id = `i${nth}`;
    assert.equal((await ask(node, "PUT", `services/any/instances/${id}`, INSTANCE)).status, 201);
    assert.ok((await idsAt(node, "any")).includes(id), "it is read where it was written, at once");
    for (const other of [a, b, c]) {
      await until(async () => (await idsAt(other, "any")).includes(id));
      const beat = await ask(other, "POST", `leases/any%2F${id}/renew`);
      assert.deepEqual([beat.status, beat.json().ttlMs], [200, 30_000], beat.text);
      const none = await ask(other, "POST", `leases/any%2Fnone${nth}/renew`);
      assert.equal(none.status, 404, none.text);
    }
  }
  const renewed = await ask(c, "POST", "leases/renew", { leases: ["any/i0", "any/i1", "any/i2", "any/none"] });
  assert.deepEqual(renewed.json(), { renewed: 3, missing: ["any/none"] });
});

test("commands at all nodes at once are made one after the other, each answered where it was asked", {
  skip,
}, async () => {
  const rounds = 20;
  const answers = await Promise.all(
    [a, b, c].flatMap((node) =>
      Array.from({ length: rounds }, (_, nth) =>
        ask(node, "PUT", `config/key${nth}`, "v", { "if-none-match": "*" }).then(({ status }) => status),
      ),
    ),
  );
  assert.equal(answers.filter((status) => status === 201).length, rounds, answers.join(" "));
  assert.equal(answers.filter((status) => status === 412).length, 2 * rounds, answers.join(" "));
  const pages = await Promise.all(
    [a, b, c].map(async (node) => {
      await until(async () => (await ask(node, "GET", "config?prefix=key")).json().keys.length === rounds);
      return (await ask(node, "GET", "config?prefix=key")).json().keys;
    }),
  );
  assert.deepEqual(pages[1], pages[0]);
  assert.deepEqual(pages[2], pages[0]);
});

test("that nodes stand on different hosts is no difference of settings", { skip }, async () => {
  for (const node of [a, b, c]) {
    assert.deepEqual((await request(`${node.url}/v2/_/status`)).json().differences, []);
    assert.deepEqual(
      node.logs.filter(({ msg }) => /configured otherwise/.test(String(msg))),
      [],
    );
  }
});

test("plans travel: a patch, a limit and a transaction at a node that forwards", { skip }, async () => {
  assert.equal((await ask(b, "PUT", "services/plans/instances/p", INSTANCE)).status, 201);
  const patched = await ask(b, "PATCH", "services/plans/instances/p", { tags: ["x"] });
  assert.equal(patched.status, 200, patched.text);
  assert.equal((await ask(b, "GET", "services/plans/instances/p")).json().tags[0], "x");
  const same = await ask(b, "PATCH", "services/plans/instances/p", { tags: ["x"] });
  assert.equal(same.status, 200, same.text);
  const missing = await ask(b, "PATCH", "services/plans/instances/none", { tags: ["x"] });
  assert.equal(missing.status, 404, missing.text);
  const transaction = await ask(b, "POST", "transactions", {
    then: [{ put: { key: "t1", value: "v" } }, { get: { key: "t1" } }, { put: { key: "t2", value: "v" } }],
  });
  assert.equal(transaction.status, 200, transaction.text);
  const { succeeded, results } = transaction.json();
  assert.equal(succeeded, true);
  assert.deepEqual(
    [results[0].put, results[1].get.keys[0].value, results[2].put],
    [{ key: "t1", version: 1 }, "v", { key: "t2", version: 1 }],
  );
});

test("a second process of a node's name is refused with a sentence, and so is a link beyond loopback without a key", {
  skip,
}, async () => {
  await assert.rejects(all.start("n1"), /another process is the node n1: each needs a name of its own \(--name\)/);
  const exposed = ["--replicator", "etcd", "--etcd", "http://127.0.0.1:9", "--link-host", "0.0.0.0"];
  await assert.rejects(startRollcall({ after }, { flags: exposed }), /without a key: anyone who reaches it/);
});

test("registries within another program are nodes as well, each with a free port for the others", {
  skip,
}, async (t) => {
  const endpoints = all.members.map(({ url }) => url).join(",");
  const [one, two] = await Promise.all(
    ["e1", "e2"].map((name) =>
      startRegistry({ replicator: "etcd", etcd: { endpoints }, name, data: temporaryDirectory(t) }),
    ),
  );
  assert.ok(one && two);
  t.after(() => Promise.all([one.close(), two.close()]).then(() => {}));
  assert.equal((await ask(one, "PUT", "config/embedded", "v")).status, 201);
  await until(async () => (await ask(two, "GET", "config/embedded")).status === 200);
});

/** A connection that holds the lease of an instance. */
async function holdAt(node: Rollcall, key: string, account = "default"): Promise<Stream> {
  const path = `/v2/${account}/leases/${encodeURIComponent(key)}/session?linger=2s`;
  const session = await openStream({ after }, node.url + path);
  await session.find(({ event }) => event === "ready");
  return session;
}

test("a session lingers at any node as at the lease's keeper, and not while another node has one", {
  skip,
}, async () => {
  for (const [keeper, holder, other] of [
    [a, b, a],
    [b, b, c],
  ] as const) {
    assert.equal((await ask(keeper, "PUT", "services/held/instances/i", { ...INSTANCE, ttl: "10m" })).status, 201);
    await until(async () => (await idsAt(holder, "held")).length === 1 && (await idsAt(other, "held")).length === 1);
    const first = await holdAt(holder, "held/i");
    const second = await holdAt(other, "held/i");
    first.close();
    await new Promise((resolve) => setTimeout(resolve, 3000));
    assert.deepEqual(await idsAt(a, "held"), ["i"], "another node holds it");
    second.close();
    for (const node of [a, b, c]) await until(async () => (await idsAt(node, "held")).length === 0);
  }
});

test("many sessions that end together are held, whichever nodes keep their leases", { skip }, async () => {
  const sessions: Stream[] = [];
  // Of an account of their own, or protection would hold others as well.
  const at = ({ url }: Rollcall, path: string) => `${url}/v2/many/services/many${path}`;
  for (let nth = 0; nth < 15; nth++) {
    const node = [a, b, c][nth % 3] as Rollcall;
    const body = { ...INSTANCE, port: 8000 + nth, ttl: "10m" };
    assert.equal((await request(at(node, `/instances/m${nth}`), { method: "PUT", body })).status, 201);
    sessions.push(await holdAt(node, `many/m${nth}`, "many"));
  }
  // Who came in the same moment might stand in for another.
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const session of sessions) session.close();
  type Held = Record<"instances", readonly { readonly held: unknown }[]>;
  await until(async () => {
    const { instances } = (await request(at(a, ""))).json<Held>();
    return instances.every(({ held }) => held !== null);
  });
  assert.equal((await request(at(b, ""))).json<Held>().instances.length, 15);
});

test("a keeper that is killed is followed by another: its leases have a full ttl, and commands go on", {
  skip,
}, async () => {
  const receiver = await startReceiver({ after });
  assert.equal((await ask(b, "PUT", "hooks/h", { url: receiver.url, types: ["key.*"] })).status, 201);
  const told = (): readonly unknown[] => receiver.events().map(({ key }) => key);
  assert.equal((await ask(c, "PUT", "config/before-kill", "v")).status, 201);
  await until(() => told().length > 0, { what: "the hook to be told" });
  assert.deepEqual(told(), ["before-kill"], "one node tells it");
  // Long enough for a busy machine to start a node again in it.
  assert.equal((await ask(a, "PUT", "services/kept/instances/beating", { ...INSTANCE, ttl: "5m" })).status, 201);
  assert.equal((await ask(a, "PUT", "services/kept/instances/silent", { ...INSTANCE, ttl: "5s" })).status, 201);
  await a.kill();
  // The first has the duty: the others find out what came of what they had sent, and one of them decides.
  const done = await Promise.all([b, c].map((node) => ask(node, "PUT", "config/after-kill", "v")));
  assert.ok(
    done.every(({ status }) => status === 201 || status === 200),
    done.map(({ text }) => text).join(),
  );
  // Its keeper is not reached until the others know that it is gone: never 404.
  await until(async () => {
    const beat = await ask(c, "POST", "leases/kept%2Fbeating/renew");
    assert.notEqual(beat.status, 404, beat.text);
    return beat.status === 200;
  });
  await until(
    async () => {
      const beat = await ask(b, "POST", "leases/kept%2Fbeating/renew");
      assert.notEqual(beat.status, 404, beat.text);
      return !(await idsAt(b, "kept")).includes("silent");
    },
    { intervalMs: 500 },
  );
  await until(async () => !(await idsAt(c, "kept")).includes("silent"));
  // What the first one told may not have been noted: then it comes again.
  await until(() => told().length >= 3);
  assert.deepEqual([...new Set(told())], ["before-kill", "after-kill"]);
  await a.restart();
  for (const node of [a, b, c]) assert.deepEqual(await idsAt(node, "kept"), ["beating"]);
});
