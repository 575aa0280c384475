/** Words by stamp: who has all up to one stamp gets what came after, and all of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Ledger } from "./ledger.ts";

const word = (id: string, stampMs: number) => ({ service: "s", id, stampMs, goneUntilMs: null });

test("stamps of this node only grow, and are above all that is known of an instance", () => {
  const ledger = new Ledger("a", ["b"]);
  ledger.put("b", word("x", 5000));
  const stamps: number[] = [];
  for (const [id, now] of [
    ["x", 10],
    ["y", 10],
    ["x", 20_000],
    ["z", 3],
  ] as const) {
    ledger.stamp({ service: "s", id }, now, null);
    stamps.push(ledger.lastOf("a"));
  }
  assert.deepEqual(stamps, [5001, 5002, 20_000, 20_001]);
  assert.deepEqual(
    [...ledger.after("a", 5001)].map(({ id }) => id),
    ["y", "x", "z"],
  );
});

test("the last writer wins, and of two at one time the same at every node", () => {
  const ledger = new Ledger("b", ["a", "c"]);
  ledger.stamp({ service: "s", id: "x" }, 100, null);
  assert.equal(ledger.isNews("a", "s/x", 99), false);
  assert.equal(ledger.isNews("a", "s/x", 100), false);
  assert.equal(ledger.isNews("c", "s/x", 100), true);
  assert.equal(ledger.isNews("a", "s/x", 101), true);
  assert.equal(ledger.isNews("b", "s/x", 100), false);
});

test("one word for each instance, in the order of stamps, in whatever order they came", () => {
  const writes = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 50 })), { maxLength: 80 });
  fc.assert(
    fc.property(writes, fc.integer({ min: 0, max: 50 }), (all, after) => {
      const ledger = new Ledger("a", ["b"]);
      const known = new Map<string, number>();
      for (const [id, stampMs] of all) {
        ledger.put("b", word(`${id}`, stampMs));
        known.set(`${id}`, stampMs);
      }
      const found = [...ledger.after("b", after)].map(({ id, stampMs }) => [id, stampMs] as const);
      assert.deepEqual(new Map(found), new Map([...known].filter(([, stampMs]) => stampMs > after)));
      const stamps = found.map(([, stampMs]) => stampMs);
      assert.deepEqual(
        stamps,
        stamps.toSorted((one, other) => one - other),
      );
    }),
  );
});

test("heartbeats leave nothing behind, and ends are forgotten in their time", () => {
  const ledger = new Ledger("a", []);
  for (let beat = 0; beat < 10_000; beat++) ledger.stamp({ service: "s", id: "x" }, beat, null);
  assert.equal([...ledger.after("a", 0)].length, 1);
  ledger.stamp({ service: "s", id: "gone" }, 0, 700);
  ledger.forget(700);
  assert.equal([...ledger.after("a", 0)].length, 2);
  ledger.forget(701);
  assert.deepEqual(
    [...ledger.after("a", 0)].map(({ id }) => id),
    ["x"],
  );
  assert.equal(ledger.lastOf("a"), 10_001);
});
