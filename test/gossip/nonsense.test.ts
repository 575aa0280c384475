/** What another node sends that no node of ours would: it ends nothing, and stays out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceRecord, Unit } from "../../packages/registry/src/core/index.ts";
import { HEAD_BYTES, seal } from "../../packages/registry/src/records/sealed.ts";
import { unitsOf } from "../../packages/registry/src/replicators/gossip/book.ts";
import {
  encodeQuestion,
  encodeUnits,
  type Placed,
  type Question,
} from "../../packages/registry/src/replicators/gossip/messages.ts";
import { chance, World } from "../harness/gossip.ts";
import { accepted, register } from "../harness/registry.ts";

async function openWorld(): Promise<{ world: World; units: readonly Placed[] }> {
  const world = new World(2, 3);
  for (const name of world.names) await world.start(name);
  await world.pass(1000);
  const registry = world.running.get("n0")?.core.registry;
  assert.ok(registry);
  for (const command of [
    register("s", "i", { ttlMs: 600_000 }),
    { kind: "put", key: "k", value: "v" },
    { kind: "grant", lease: "l", ttlMs: 600_000, via: "test" },
    register("s", "m", { lease: "l" }),
  ] as const) {
    const proposed = registry.propose("default", command);
    await world.settle();
    accepted(await proposed);
  }
  await world.pass(2000);
  const units = registry.read((view) => [...unitsOf(view)]);
  return { world, units };
}

test("units that no client could have written stay out, and the rest of the message is merged", async () => {
  const { world, units } = await openWorld();
  const stampMs = 1_000_000_000 + 1e6;
  const known = units.find(({ unit }) => unit.kind === "instance" && unit.own !== null)?.unit;
  assert.ok(known?.kind === "instance" && known.own !== null);
  const { own } = known;
  const instance = (more: Partial<InstanceRecord>): Unit => ({
    ...{ kind: "instance", record: { ...known.record, stampMs, id: "new", lease: null, ...more }, own: null },
  });
  const key = units.find(({ unit }) => unit.kind === "key")?.unit;
  assert.ok(key?.kind === "key");
  const bad: readonly Placed[] = [
    { account: "default", unit: instance({ stampMs: 2 ** 52 }) },
    { account: "default", unit: instance({ stampMs: 0.5 }) },
    { account: "default", unit: instance({ stampMs: -1 }) },
    { account: "default", unit: instance({ id: "a/b" }) },
    { account: "default", unit: instance({ service: "" }) },
    { account: "a b", unit: instance({}) },
    {
      account: "default",
      unit: { ...known, record: { ...known.record, stampMs }, own: { ...own, ttlMs: Number.NaN } },
    },
    { account: "default", unit: { kind: "lease", record: { ...own, id: "m", own: false, stampMs, ttlMs: 0 } } },
    { account: "default", unit: { kind: "key", record: { ...key.record, stampMs, key: "\0gossip\x00000kx" } } },
    { account: "_rollcall", unit: { kind: "key", record: { ...key.record, stampMs, key: "\0gossip\x01" } } },
    {
      account: "default",
      unit: { kind: "gone", of: { kind: "key", key: "k" }, stampMs: 1e15, origin: "n9", cause: "put" },
    },
  ];
  const before = world.picture("n1");
  for (const one of bad) await world.inject("n1", "gossip/units", encodeUnits([one], stampMs), "n0");
  await world.pass(3000);
  assert.deepEqual(world.picture("n1"), before);
  const good = { account: "default", unit: instance({ id: "good" }) };
  const answer = await Promise.all([
    world.inject("n1", "gossip/given", encodeUnits([...bad, good], stampMs), "n0"),
    world.settle(),
  ]);
  assert.deepEqual([...(answer[0] ?? [])], [1]);
  await world.pass(3000);
  for (const name of world.names) assert.equal(world.picture(name).size, before.size + 1);
  await world.close();
});

test("questions that ask for more than there is are refused", async () => {
  const { world } = await openWorld();
  const leaf = { leaf: 1, known: [] };
  const many: readonly Question[] = [
    { kind: "groups", groups: new Array<number>(10_000).fill(1) },
    { kind: "leaves", line: "x", boundMs: 0, leaves: new Array<typeof leaf>(10_000).fill(leaf) },
  ];
  for (const question of many)
    await assert.rejects(world.inject("n1", "gossip/compare", encodeQuestion(question), "n0"), /more than there is/);
  await world.close();
});

test("no bytes end a node, or keep it from merging", async () => {
  const { world, units } = await openWorld();
  const random = chance(11);
  const below = (end: number): number => Math.floor(random() * end);
  const whole = encodeUnits(units, world.nowMs);
  const question = encodeQuestion({ kind: "leaves", line: "x", boundMs: 0, leaves: [{ leaf: 1, known: [] }] });
  for (let nth = 0; nth < 600; nth++) {
    const bytes = Buffer.from(nth % 3 === 0 ? question : whole);
    for (let i = below(4); i >= 0; i--) bytes[HEAD_BYTES + below(bytes.length - HEAD_BYTES)] = below(256);
    const channel = nth % 3 === 0 ? "gossip/compare" : "gossip/units";
    await world.inject("n1", channel, seal(bytes), "n0").catch((error: Error) => assert.equal(error.name, "Error"));
    if (nth % 100 === 0) await world.pass(200);
  }
  for (const [channel, text] of [
    ["gossip/beat", "null"],
    ["gossip/beat", '[["n0","x",9007199254740991,"",0,0,0],[1],{}]'],
    ["gossip/word", "leases/silent"],
    ["gossip/renew", '["default",["s/i"]]'],
  ] as const)
    await world.inject("n1", channel, Buffer.from(text), "n9").catch(() => undefined);
  await world.pass(20_000);
  assert.deepEqual(world.differences(), []);
  await world.close();
});
