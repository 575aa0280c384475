/** What holds for several nodes that share one order, whatever they share it through. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Command, type Core, ownLease } from "../../packages/registry/src/core/index.ts";
import { accepted, register } from "../harness/registry.ts";
import { type NodeRig, openNode, pass, SharedOrder, settle } from "../harness/shared-order.ts";

const put = (key: string, value = "v"): Command => ({ kind: "put", key, value });

/** Nodes of one order, each with an instance of service s that it keeps: of a the id is `a`. */
async function openNodes(...names: string[]): Promise<{ order: SharedOrder; rigs: NodeRig[] }> {
  const order = new SharedOrder();
  const rigs = await Promise.all(names.map((name) => openNode(order, name)));
  for (const { core, node } of rigs) accepted(await core.registry.propose("default", register("s", node.name)));
  await settle();
  return { order, rigs };
}

function idsAt({ registry }: Core): readonly string[] {
  return registry.read((view) => [...(view.account("default")?.service("s")?.instances.keys() ?? [])].sort());
}

async function endsOf({ registry }: Core, lease: string): Promise<number> {
  const all = await registry.history(0, 10_000);
  assert.ok(all.ok);
  const changes = all.value.flatMap((commit) => commit.changes);
  return changes.filter((change) => change.kind === "lease" && change.before?.id === lease && change.after === null)
    .length;
}

test("all see one order, and of guarded changes at two nodes one is made", async () => {
  const { rigs } = await openNodes("a", "b", "c");
  const outcomes = await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      (rigs[i % 3] as NodeRig).core.registry.propose("default", {
        kind: "put",
        key: `k${Math.floor(i / 3)}`,
        value: String(i % 3),
        ifAbsent: true,
      }),
    ),
  );
  await settle();
  assert.equal(outcomes.filter(({ ok }) => ok).length, 20);
  const pictures = rigs.map(({ core }) => core.registry.read((view) => [...view.entries("default", "", "")]));
  assert.equal(pictures[0]?.length, 20);
  assert.deepEqual(pictures[1], pictures[0]);
  assert.deepEqual(pictures[2], pictures[0]);
});

test("a change that lost the race is decided again: what it was guarded by may not hold any more", async () => {
  const { rigs } = await openNodes("a", "b");
  const outcomes = await Promise.all(
    rigs.map(({ core, node }) =>
      core.registry.propose("default", {
        kind: "when",
        guards: [{ on: "version", key: "k", is: "=", than: 0 }],
        then: [put("k", node.name)],
        otherwise: [put("second", node.name)],
      }),
    ),
  );
  await settle();
  assert.deepEqual(outcomes.map((outcome) => accepted(outcome).revision).sort(), [3, 4]);
  for (const { core } of rigs)
    assert.deepEqual(
      core.registry.read((view) => [...view.entries("default", "", "")].map(({ key, origin }) => [key, origin])),
      [
        ["k", "a"],
        ["second", "b"],
      ],
    );
});

test("a lease that is renewed at another node lives, and its pulse is told there", async () => {
  const { rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  for (let i = 0; i < 10; i++) {
    await pass(rigs, 1000);
    assert.deepEqual(await b.core.registry.renew("default", "s/a"), { ok: true, value: { ttlMs: 3000 } });
  }
  assert.deepEqual(idsAt(a.core), ["a"], "nobody renewed that of b");
  assert.deepEqual(idsAt(b.core), ["a"]);
  assert.equal(b.core.registry.pulse("default", "s/a"), undefined);
  const [there, none] = await b.core.registry.pulses("default", ["s/a", "s/b"]);
  assert.deepEqual([there?.beats, none], [10, undefined]);
  assert.deepEqual(there, a.core.registry.pulse("default", "s/a"));
  assert.deepEqual([...(await b.core.registry.renewMany("default", ["s/a", "s/b"]))], [3000, 0]);
});

test("what is registered again at another node was heard", async () => {
  const { rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  for (let i = 0; i < 5; i++) {
    await pass(rigs, 2000);
    const { commit } = accepted(await b.core.registry.propose("default", register("s", "a")));
    assert.equal(commit, null);
  }
  assert.deepEqual(idsAt(a.core), ["a"]);
  assert.equal(a.core.registry.pulse("default", "s/a")?.beats, 5);
});

test("after a barrier a node has what was acknowledged at another one before", async () => {
  const { rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  for (let i = 0; i < 50; i++) {
    const { revision } = accepted(await a.core.registry.propose("default", put("k", String(i))));
    const reached = await b.core.registry.barrier();
    assert.ok(reached.ok && reached.value >= revision);
    assert.equal(
      b.core.registry.read((view) => view.entry("default", "k")?.value),
      String(i),
    );
  }
  b.node.isLate = true;
  accepted(await a.core.registry.propose("default", put("k")));
  const given = new AbortController();
  const waiting = b.core.registry.barrier(given.signal);
  await settle();
  given.abort();
  const late = await waiting;
  assert.ok(!late.ok && late.refusal === "unavailable");
  b.node.isCut = true;
  const refused = await b.core.registry.barrier();
  assert.ok(!refused.ok && refused.refusal === "unavailable");
  assert.equal(a.core.registry.line, b.core.registry.line);
});

test("while its keeper is not reached a lease is neither renewed nor said to be gone", async () => {
  const { rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  a.node.isCut = true;
  const refused = await b.core.registry.renew("default", "s/a");
  assert.ok(!refused.ok && refused.refusal === "unavailable");
  assert.deepEqual([...(await b.core.registry.renewMany("default", ["s/a", "s/b", "s/c"]))], [-1, 3000, 0]);
  assert.deepEqual(await b.core.registry.pulses("default", ["s/a"]), [undefined]);
});

test("a lease that a node has not heard of yet is renewed there, and one that nobody can tell of is not said to be gone", async () => {
  const { rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  b.node.isLate = true;
  accepted(await a.core.registry.propose("default", register("s", "new")));
  const renewed = b.core.registry.renew("default", "s/new");
  await settle();
  b.node.isLate = false;
  b.node.hear();
  assert.deepEqual(await renewed, { ok: true, value: { ttlMs: 3000 } });
  b.node.isCut = true;
  assert.deepEqual([...(await b.core.registry.renewMany("default", ["s/none", "s/b"]))], [-1, 3000]);
});

test("a heartbeat that comes while the end of its lease is under way is not answered as good", async () => {
  const { rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  await pass(rigs, 2900);
  for (const { core, time } of rigs)
    for (let ticks = 0; ticks < 3; ticks++) {
      time.monotonic += 100;
      core.tick();
    }
  const [here, many, there] = await Promise.all([
    a.core.registry.renew("default", "s/a"),
    a.core.registry.renewMany("default", ["s/a", "s/c"]),
    b.core.registry.renew("default", "s/a"),
  ]);
  assert.ok(!here.ok && here.refusal === "not-found", JSON.stringify(here));
  assert.deepEqual([...many], [0, 0]);
  assert.ok(!there.ok && there.refusal === "unavailable", JSON.stringify(there));
  await settle();
  assert.deepEqual(idsAt(a.core), []);
});

test("a lease outlives its keeper by a ttl, or by what it is renewed", async () => {
  const { order, rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  accepted(await a.core.registry.propose("default", register("s", "silent")));
  await settle();
  await pass(rigs, 2000);
  await b.core.registry.renew("default", "s/b");
  order.leave(a.node);
  for (let i = 0; i < 2; i++) {
    await pass([b], 1400);
    assert.equal(idsAt(b.core).length, 3, "it has a full ttl at the node that took it over");
    await b.core.registry.renewMany("default", ["s/a", "s/b"]);
  }
  await pass([b], 600);
  assert.deepEqual(idsAt(b.core), ["a", "b"]);
  assert.equal(b.core.registry.pulse("default", "s/a")?.beats, 2);
});

test("a keeper that slept ends nothing that another one keeps", async () => {
  const { order, rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  order.leave(a.node);
  for (let i = 0; i < 4; i++) {
    await pass([b], 1000);
    await b.core.registry.renewMany("default", ["s/a", "s/b"]);
  }
  // It wakes: for itself the lease has lapsed, and it does not know yet that it is not there any more.
  await pass([a], 4000);
  a.node.hear();
  await settle();
  assert.deepEqual(
    [idsAt(a.core), idsAt(b.core)],
    [
      ["a", "b"],
      ["a", "b"],
    ],
  );
  assert.equal(await endsOf(b.core, ownLease({ service: "s", id: "a" })), 0);
});

test("a lease that lapses at two nodes ends once, and none ends at a node that is not sure of it", async () => {
  const { order, rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  a.node.isSure = false;
  b.node.isSure = false;
  await pass(rigs, 5000);
  assert.deepEqual(idsAt(a.core), ["a", "b"]);
  a.node.isSure = true;
  order.leave(a.node);
  order.enter(a.node);
  b.node.isSure = true;
  await pass(rigs, 6000);
  assert.deepEqual([idsAt(a.core), idsAt(b.core)], [[], []]);
  assert.deepEqual([await endsOf(a.core, "s/a"), await endsOf(a.core, "s/b")], [1, 1]);
});

test("when nodes come back their leases do, with a full ttl; held ones are counted by all", async () => {
  const { order, rigs } = await openNodes("a", "b");
  const [a, b] = rigs as [NodeRig, NodeRig];
  await pass(rigs, 2500);
  accepted(await a.core.registry.propose("default", { kind: "hold", leases: ["s/a"], reason: "r" }));
  await b.core.registry.renew("default", "s/b");
  await settle();
  assert.deepEqual([a.core.numbers().heldLeases, b.core.numbers().heldLeases], [1, 1]);
  order.leave(a.node);
  await pass([b], 1000);
  assert.equal(b.core.registry.pulse("default", "s/a")?.beats, 0);
  a.node.term = order.enter(a.node);
  assert.equal(b.core.registry.pulse("default", "s/a"), undefined);
  assert.ok((await b.core.registry.renew("default", "s/a")).ok);
  await settle();
  assert.deepEqual([a.core.numbers().heldLeases, b.core.numbers().heldLeases], [0, 0]);
  accepted(await b.core.registry.propose("default", { kind: "end", lease: "s/a", cause: "closed" }));
  await settle();
  assert.deepEqual(idsAt(a.core), ["b"]);
});
