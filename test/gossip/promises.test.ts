/** What several nodes that gossip promise, one by one, in a network that the test holds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL_TOMBSTONES, type Command, LIMITS, leafOf, unitKey } from "../../packages/registry/src/core/index.ts";
import { type Node, World } from "../harness/gossip.ts";
import { accepted, register } from "../harness/registry.ts";

const put = (key: string, value = "v"): Command => ({ kind: "put", key, value });

async function openWorld(count = 3, tombstoneMs?: number): Promise<World> {
  const world = new World(count, 7, tombstoneMs);
  for (const name of world.names) await world.start(name);
  await world.pass(2000);
  return world;
}

function at(world: World, name: string): Node {
  const node = world.running.get(name);
  assert.ok(node, `${name} runs`);
  return node;
}

async function propose(world: World, name: string, command: Command): Promise<void> {
  const proposed = at(world, name).core.registry.propose("default", command);
  await world.settle();
  accepted(await proposed);
}

function idsAt(world: World, name: string): readonly string[] {
  return at(world, name).core.registry.read((view) =>
    [...(view.account("default")?.service("s")?.instances.keys() ?? [])].sort(),
  );
}

function valueAt(world: World, name: string, key: string): string | undefined {
  return at(world, name).core.registry.read((view) => view.entry("default", key)?.value);
}

/** How often the instance went at a node. */
async function endsAt(world: World, name: string, id: string): Promise<number> {
  const all = await at(world, name).core.registry.history(0, 100_000);
  assert.ok(all.ok);
  return all.value
    .flatMap(({ changes }) => changes)
    .filter((change) => change.kind === "instance" && change.before?.id === id && change.after === null).length;
}

/** Time goes on while the instance is renewed each second at a node. */
async function beat(world: World, name: string, ids: readonly string[], ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    const beats = at(world, name).core.registry.renewMany(
      "default",
      ids.map((id) => `s/${id}`),
    );
    await world.pass(1000);
    for (const ttlMs of await beats) assert.ok(ttlMs > 0, "it is renewed");
  }
}

test("what is written at one node is soon at all, and what is heard at another one is kept there", async () => {
  const world = await openWorld();
  await propose(world, "n0", register("s", "i", { ttlMs: 2000 }));
  await world.pass(200);
  for (const name of world.names) assert.deepEqual(idsAt(world, name), ["i"]);
  await beat(world, "n1", ["i"], 10_000);
  assert.deepEqual(
    world.names.map((name) => at(world, name).core.registry.read((view) => view.lease("default", "s/i")?.origin)),
    ["n1", "n1", "n1"],
  );
  world.kill("n0");
  await beat(world, "n1", ["i"], 20_000);
  await world.pass(3000);
  assert.deepEqual([await endsAt(world, "n1", "i"), await endsAt(world, "n2", "i")], [1, 1]);
  await world.close();
});

test("no side of a cut drops what it hears, not when it heals either", async () => {
  const world = await openWorld();
  await propose(world, "n0", register("s", "a", { ttlMs: 2000 }));
  await propose(world, "n2", register("s", "b", { ttlMs: 2000 }));
  world.cut((nth) => (nth === 2 ? 1 : 0));
  for (let i = 0; i < 25; i++) {
    const beats = [["n0", "s/a"] as const, ["n2", "s/b"] as const].map(([name, lease]) =>
      at(world, name).core.registry.renewMany("default", [lease]),
    );
    if (i === 3) await propose(world, "n1", register("s", "c", "permanent"));
    if (i === 3) await propose(world, "n2", register("s", "d", "permanent"));
    if (i === 15) {
      assert.deepEqual(
        world.names.map((name) => idsAt(world, name)),
        [
          ["a", "c"],
          ["a", "c"],
          ["b", "d"],
        ],
      );
      world.heal();
    }
    await world.pass(1000);
    for (const [ttlMs] of await Promise.all(beats)) assert.ok(ttlMs !== undefined && ttlMs > 0);
  }
  assert.deepEqual(world.differences(), []);
  assert.deepEqual(idsAt(world, "n1"), ["a", "b", "c", "d"]);
  const ends = [await endsAt(world, "n0", "a"), await endsAt(world, "n1", "a"), await endsAt(world, "n2", "b")];
  assert.deepEqual(ends, [0, 0, 0]);
  await world.close();
});

test("when a keeper vanishes its leases have one more ttl, and end once", async () => {
  const world = await openWorld();
  await propose(world, "n0", register("s", "gone", { ttlMs: 6000 }));
  await propose(world, "n0", register("s", "moves", { ttlMs: 6000 }));
  await world.pass(1000);
  world.kill("n0");
  await world.pass(13_000);
  assert.deepEqual(idsAt(world, "n2"), ["gone", "moves"]);
  await beat(world, "n2", ["moves"], 15_000);
  for (const name of ["n1", "n2"]) {
    assert.deepEqual(idsAt(world, name), ["moves"]);
    assert.deepEqual([await endsAt(world, name, "gone"), await endsAt(world, name, "moves")], [1, 0]);
  }
  await world.start("n0");
  await beat(world, "n2", ["moves"], 4000);
  assert.deepEqual(idsAt(world, "n0"), ["moves"], "its former keeper raises nobody");
  assert.equal(await endsAt(world, "n1", "gone"), 1);
  await world.close();
});

test("a node that lost its data gets all back, and writes on above its former stamps", async () => {
  const world = await openWorld();
  for (let i = 0; i < 100; i++) await propose(world, "n1", put(`k${i}`, "old"));
  world.kill("n1", true);
  world.setClock("n1", -3_600_000);
  await world.start("n1");
  await world.pass(3000);
  assert.deepEqual(world.differences(), []);
  await propose(world, "n1", put("k7", "new"));
  await world.pass(1000);
  assert.deepEqual(
    world.names.map((name) => valueAt(world, name, "k7")),
    ["new", "new", "new"],
  );
  await world.close();
});

test("a node that was gone for longer than tombstones are kept raises no dead, and keeps what it wrote alone", async () => {
  const world = await openWorld(3, 20_000);
  for (const key of ["dead", "stays"]) await propose(world, "n0", put(key));
  await propose(world, "n2", register("s", "dead", "permanent"));
  await world.pass(3000);
  world.cut((nth) => (nth === 2 ? 1 : 0));
  await world.pass(1000);
  await propose(world, "n2", put("alone"));
  await propose(world, "n0", { kind: "delete", from: "dead" });
  await propose(world, "n1", { kind: "deregister", instance: { service: "s", id: "dead" } });
  await world.pass(90_000);
  const left = at(world, "n0").core.registry.read((view) => [
    ...view.entries("default", ALL_TOMBSTONES.from, ALL_TOMBSTONES.to),
  ]);
  assert.deepEqual(left, [], "the tombstones are gone");
  world.kill("n2");
  await world.start("n2");
  world.heal();
  await world.pass(10_000);
  assert.deepEqual(world.differences(), []);
  assert.deepEqual(
    world.names.map((name) => idsAt(world, name)),
    [[], [], []],
  );
  for (const key of ["dead", "stays", "alone"])
    assert.equal(valueAt(world, "n1", key), key === "dead" ? undefined : "v", key);
  await world.close();
});

test("nodes that do not reach each other hear of each other through a third one", async () => {
  const world = await openWorld();
  world.part("n0", "n1");
  await propose(world, "n0", register("s", "i", { ttlMs: 2000 }));
  await beat(world, "n0", ["i"], 30_000);
  assert.deepEqual(idsAt(world, "n1"), ["i"]);
  assert.equal(await endsAt(world, "n1", "i"), 0, "its keeper is known to be there");
  await world.pass(8000);
  assert.deepEqual(
    world.names.map((name) => idsAt(world, name)),
    [[], [], []],
    "and its word that the lease ran out comes through the third one, too",
  );
  await world.close();
});

test("later writes of a node are newer, over a restart and a clock that was set back", async () => {
  const world = await openWorld();
  await propose(world, "n0", put("k", "first"));
  await world.pass(1000);
  world.kill("n0");
  world.setClock("n0", -3_600_000);
  await world.start("n0");
  await propose(world, "n0", put("k", "second"));
  await propose(world, "n0", { kind: "delete", from: "l" });
  await propose(world, "n0", put("l", "1"));
  await propose(world, "n0", { kind: "delete", from: "l" });
  await propose(world, "n0", put("l", "2"));
  await world.pass(2000);
  assert.deepEqual(
    world.names.map((name) => [valueAt(world, name, "k"), valueAt(world, name, "l")]),
    [
      ["second", "2"],
      ["second", "2"],
      ["second", "2"],
    ],
  );
  await world.close();
});

test("who is cut off from most of the others knows it", async () => {
  const world = await openWorld();
  const isCut = () => world.names.map((name) => at(world, name).port.status().isPartitioned);
  assert.deepEqual(isCut(), [false, false, false]);
  await world.pass(10_000);
  world.cut((nth) => (nth === 0 ? 1 : 0));
  await world.pass(12_000);
  assert.deepEqual(isCut(), [true, false, false]);
  const cluster = () => at(world, "n0").port.cluster?.() ?? assert.fail();
  const alone = cluster();
  assert.ok(alone.isPartitioned && alone.lagMs >= 10_000);
  for (const { isPresent, isReached, heardMs, lag } of alone.nodes.slice(1)) {
    assert.deepEqual([isPresent, isReached, lag?.changes], [false, false, null]);
    assert.ok((heardMs ?? 0) >= 10_000 && (lag?.ms ?? 0) >= 10_000);
  }
  for (const key of ["a", "b", "c"]) await propose(world, "n1", put(key));
  world.heal();
  await world.pass(5000);
  assert.deepEqual(isCut(), [false, false, false]);
  const joined = cluster();
  assert.deepEqual([joined.lagRevisions, joined.lagMs, joined.isPartitioned], [0, 0, false]);
  assert.deepEqual(
    joined.nodes.map(({ lag }) => lag),
    [null, { changes: 0, ms: 0 }, { changes: 0, ms: 0 }],
  );
  await world.close();
});

test("heartbeats that come by turns at several nodes make no writes", async () => {
  const world = await openWorld();
  await propose(world, "n0", register("s", "i", { ttlMs: 2000 }));
  await world.pass(1000);
  const before = at(world, "n0").core.registry.read((view) => view.account("default")?.revision);
  for (let i = 0; i < 9; i++) await beat(world, `n${i % 3}`, ["i"], 1000);
  assert.equal(
    at(world, "n0").core.registry.read((view) => view.account("default")?.revision),
    before,
  );
  assert.equal(await endsAt(world, "n2", "i"), 0);
  await world.close();
});

test("of a keeper that is gone few silent leases are not protected as many", async () => {
  const world = await openWorld(7);
  for (const id of ["a", "b", "c"]) await propose(world, "n0", register("s", id, { ttlMs: 2000 }));
  await world.pass(1000);
  world.kill("n0");
  await world.pass(20_000);
  for (const name of world.names.slice(1)) assert.deepEqual(idsAt(world, name), [], `${name} holds none`);
  await world.close();
});

test("what is too long for one message is copied in parts, whichever node has it", async () => {
  const world = await openWorld(2);
  const value = "v".repeat(LIMITS.valueBytesMax);
  const leaf = leafOf(unitKey({ kind: "key", key: "0" }));
  const alike: string[] = [];
  for (let i = 0; alike.length < 40; i++)
    if (leafOf(unitKey({ kind: "key", key: String(i) })) === leaf) alike.push(String(i));
  world.cut((nth) => nth);
  for (const [nth, key] of alike.entries()) await propose(world, `n${nth % 2}`, put(key, value));
  world.heal();
  await world.pass(12_000);
  assert.deepEqual(world.differences(), []);
  for (const name of world.names)
    assert.deepEqual(
      alike.filter((key) => valueAt(world, name, key)?.length !== value.length),
      [],
      name,
    );
  await world.close();
});
