/** Protection over several nodes: none of them sees enough by itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Commit } from "../../packages/registry/src/core/index.ts";
import { accepted, register } from "../harness/registry.ts";
import { type NodeRig, openNode, pass, SharedOrder } from "../harness/shared-order.ts";

const TTL_MS = 10_000;

interface Fleet {
  readonly order: SharedOrder;
  readonly rigs: readonly NodeRig[];
  /** Time goes on, and these beat every three seconds. */
  beat(ids: readonly string[], ms: number): Promise<void>;
  /** How many are listed, and how many of them are held. */
  count(): readonly [listed: number, held: number];
  commits(): Promise<readonly Commit[]>;
}

/** So many instances of one service, registered at the nodes in turn, which have beaten for a while. */
async function openFleet(names: readonly string[], size: number): Promise<Fleet & { readonly ids: readonly string[] }> {
  const order = new SharedOrder();
  const rigs = await Promise.all(names.map((name) => openNode(order, name)));
  const ids = Array.from({ length: size }, (_, i) => `i${i}`);
  const at = (nth: number): NodeRig => rigs[nth % rigs.length] as NodeRig;
  for (const [nth, id] of ids.entries())
    accepted(await at(nth).core.registry.propose("default", register("s", id, { ttlMs: TTL_MS }, { address: id })));
  const fleet: Fleet = {
    order,
    rigs,
    async beat(those, ms) {
      for (let left = ms; left > 0; left -= 3000) {
        await at(0).core.registry.renewMany(
          "default",
          those.map((id) => `s/${id}`),
        );
        await pass(rigs, Math.min(left, 3000));
      }
    },
    count: () =>
      at(0).core.registry.read((view) => {
        const all = [...(view.account("default")?.service("s")?.instances.values() ?? [])];
        return [all.length, all.filter(({ held }) => held !== null).length];
      }),
    async commits() {
      const all = await at(0).core.registry.history(0, 100_000);
      assert.ok(all.ok);
      return all.value;
    },
  };
  await fleet.beat(ids, 30_000);
  assert.deepEqual(fleet.count(), [size, 0]);
  return { ...fleet, ids };
}

for (const size of [30, 15])
  test(`when all ${size} of three nodes fall silent at once, all are held`, async () => {
    const fleet = await openFleet(["a", "b", "c"], size);
    await fleet.beat([], 15_000);
    assert.deepEqual(fleet.count(), [size, size]);
    const held = fleet.rigs.map(({ core }) => core.numbers().heldLeases);
    assert.deepEqual(held, [size, size, size]);
    await fleet.beat(fleet.ids, 3000);
    assert.deepEqual(fleet.count(), [size, 0]);
  });

test("when a node hears none of those that it keeps, they are held, though most of all are there", async () => {
  const fleet = await openFleet(["a", "b", "c"], 36);
  const others = fleet.ids.filter((_, nth) => nth % 3 !== 2);
  await fleet.beat(others, 15_000);
  assert.deepEqual(fleet.count(), [36, 12]);
  const { rigs } = fleet;
  const reason = rigs[0]?.core.registry.read((view) => view.instance("default", "s", "i2")?.held?.reason);
  assert.match(String(reason), /^12 of 12 instances of account default that this node keeps /);
});

test("a few of many end, wherever they are kept", async () => {
  const fleet = await openFleet(["a", "b", "c"], 36);
  await fleet.beat(fleet.ids.slice(12), 18_000);
  assert.deepEqual(fleet.count(), [24, 0]);
});

test("instances that others stand in for are not held, though those were registered at other nodes", async () => {
  const fleet = await openFleet(["a", "b", "c"], 24);
  const [{ core }] = fleet.rigs as [NodeRig];
  const next = Array.from({ length: 12 }, (_, i) => `next${i}`);
  for (const id of next)
    accepted(await core.registry.propose("default", register("s", id, { ttlMs: TTL_MS }, { address: id })));
  await fleet.beat(next, 24_000);
  assert.deepEqual(fleet.count(), [12, 0]);
  const causes = (await fleet.commits()).flatMap(({ changes }) => changes.map(({ cause }) => cause));
  assert.ok(!causes.includes("held"), "they were held for a while");
});

test("what a node takes over ends if nobody renews it, and none that is renewed does", async () => {
  const fleet = await openFleet(["a", "b", "c"], 30);
  const [a, b, c] = fleet.rigs as [NodeRig, NodeRig, NodeRig];
  fleet.order.leave(c.node);
  const alive = fleet.ids.filter((id) => id !== "i2" && id !== "i5");
  for (let i = 0; i < 8; i++) {
    await a.core.registry.renewMany(
      "default",
      alive.map((id) => `s/${id}`),
    );
    await pass([a, b], 3000);
  }
  assert.deepEqual(fleet.count(), [28, 0]);
  // Without the third node, each keeps half of them, and all of those fall silent.
  await fleet.beat([], 15_000);
  assert.deepEqual(fleet.count(), [28, 28]);
});
