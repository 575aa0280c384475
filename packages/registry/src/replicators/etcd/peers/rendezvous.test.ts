import assert from "node:assert/strict";
import { test } from "node:test";
import { choose, hashOf } from "./rendezvous.ts";

const nodesOf = (names: readonly string[]) => names.map((name) => [name, hashOf(name)] as const);
const LEASES = Array.from({ length: 9000 }, (_, nth) => `default\0api/instance-${nth}`);

test("leases are spread evenly over nodes, whatever order these are known in", () => {
  const names = ["n1", "n2", "n3"];
  const counts = new Map(names.map((name) => [name, 0]));
  for (const lease of LEASES) {
    const keeper = choose(nodesOf(names), lease);
    assert.equal(choose(nodesOf(names.toReversed()), lease), keeper);
    counts.set(keeper, (counts.get(keeper) ?? 0) + 1);
  }
  for (const [name, count] of counts) assert.ok(count > 2700 && count < 3300, `${name} keeps ${count} of 9000`);
});

test("when a node goes only its leases move", () => {
  const all = nodesOf(["a", "b", "c", "d"]);
  const left = nodesOf(["a", "b", "d"]);
  for (const lease of LEASES) {
    const before = choose(all, lease);
    const after = choose(left, lease);
    assert.ok(before === "c" ? after !== "c" : after === before);
  }
  assert.equal(choose([], "x"), "");
});
