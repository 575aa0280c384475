import assert from "node:assert/strict";
import { test } from "node:test";
import type { InstanceBody } from "../../shapes.ts";
import { type BalanceOptions, Balancer } from "./balancer.ts";

const instance = (id: string, more: Partial<InstanceBody> = {}) =>
  ({ id, address: "10.0.0.1", port: 80, weight: 100, zone: "", status: "passing", ...more }) as InstanceBody;

function balancer(instances: readonly InstanceBody[], options: BalanceOptions = {}): Balancer {
  const made = new Balancer(options);
  made.set(instances);
  return made;
}

/** How often each was picked. */
function count(made: Balancer, calls: number, key?: (nth: number) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let nth = 0; nth < calls; nth++) {
    const id = made.pick(key?.(nth))?.id ?? "none";
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts;
}

/** Calls that fail, each over at once, until `id` has had so many. */
function fail(made: Balancer, id: string, times: number): void {
  for (let had = 0; had < times; ) {
    const taken = made.take();
    taken?.done(taken.instance.id !== id);
    if (taken?.instance.id === id) had++;
  }
}

/** Within one: each begins anywhere in its turn. */
function isAbout(actual: number | undefined, expected: number): void {
  assert.ok(Math.abs((actual ?? 0) - expected) <= 1, `${actual} instead of about ${expected}`);
}

const ABC = ["a", "b", "c"].map((id) => instance(id));

test("nobody is picked of nobody", () => {
  for (const balance of ["round-robin", "least-pending", "rendezvous"] as const) {
    assert.equal(balancer([], { balance }).pick("k"), undefined);
    assert.equal(balancer([], { balance, near: { zone: "z" } }).take(), undefined);
  }
});

test("least pending: the one with the fewest calls under way for its weight, in turn when all are as free", () => {
  const made = balancer([instance("a"), instance("b", { weight: 200 })], { balance: "least-pending" });
  assert.deepEqual(count(made, 300), { b: 300 }, "one call costs the stronger one half as much");
  const first = made.take();
  assert.equal(first?.instance.id, "b");
  // 1 of 100 and 2 of 200 are as much: then each as often as its weight says.
  const next = count(made, 300);
  assert.ok(Math.abs((next.b ?? 0) - 200) <= 1, JSON.stringify(next));
  const held = [made.take(), made.take(), made.take(), made.take(), made.take()].map((taken) => taken?.instance.id);
  assert.deepEqual(held.filter((id) => id === "a").length, 2);
  first?.done(true);
  first?.done(true);
  assert.deepEqual(
    made.standings().map(({ instance: { id }, pending }) => [id, pending]),
    [
      ["a", 2],
      ["b", 3],
    ],
  );
});

test("rendezvous: a key stays, a change moves only its own share, keys spread by weight", () => {
  const many = Array.from({ length: 10 }, (_, i) => instance(`i-${i}`, { weight: i === 0 ? 200 : 100 }));
  const made = balancer(many, { balance: "rendezvous" });
  const keys = Array.from({ length: 11_000 }, (_, i) => `user-${i}`);
  const before = keys.map((key) => made.pick(key)?.id);
  assert.deepEqual(
    keys.map((key) => made.pick(key)?.id),
    before,
  );
  const counts = count(made, keys.length, (nth) => keys[nth] as string);
  for (const { id, weight } of many) {
    const share = (counts[id] ?? 0) / weight;
    assert.ok(share > 8.5 && share < 11.5, `${id} has ${counts[id]}`);
  }
  made.set(many.slice(1).reverse());
  keys.forEach((key, i) => {
    if (before[i] !== "i-0") assert.equal(made.pick(key)?.id, before[i]);
    else assert.notEqual(made.pick(key)?.id, "i-0");
  });
});

test("zone first: all stay while the zone bears them, spill over in proportion, leave when it is gone", () => {
  const zones = (near: number, far: number) => [
    ...Array.from({ length: near }, (_, i) => instance(`near-${i}`, { zone: "near" })),
    ...Array.from({ length: far }, (_, i) => instance(`far-${i}`, { zone: "far" })),
  ];
  const away = (counts: Record<string, number>) =>
    Object.entries(counts).reduce((sum, [id, times]) => sum + (id.startsWith("far") ? times : 0), 0);
  for (const balance of ["round-robin", "least-pending", "rendezvous"] as const) {
    const key = balance === "rendezvous" ? (nth: number) => `k${nth}` : undefined;
    const options = { balance, near: { zone: "near" }, outliers: { failures: 1, ejectMs: 60_000, shareMax: 1 } };
    const made = balancer(zones(4, 4), options);
    assert.equal(away(count(made, 1000, key)), 0);
    fail(made, "near-0", 1);
    assert.equal(away(count(made, 1000, key)), 0, "3 of 4 with a headroom of 1.4");
    fail(made, "near-1", 1);
    // 2 of 4 bear 70 %.
    const spilled = away(count(made, 1000, key));
    assert.ok(Math.abs(spilled - 300) <= (key ? 60 : 1), `${balance}: ${spilled}`);
    fail(made, "near-2", 1);
    fail(made, "near-3", 1);
    assert.equal(away(count(made, 1000, key)), 1000);
    assert.ok(away(count(balancer(zones(1, 4), { ...options, near: { zone: "near", min: 2 } }), 1000, key)) > 500);
    assert.equal(away(count(balancer(zones(0, 4), options), 100, key)), 100);
  }
});

test("what fails is ejected for a while that doubles, on probation when back, never more than the share", (t) => {
  let nowMs = 1000;
  t.mock.method(performance, "now", () => nowMs);
  const made = balancer(ABC, { outliers: { failures: 3, ejectMs: 1000, ejectMsMax: 3000, shareMax: 0.5 } });
  fail(made, "a", 2);
  isAbout(count(made, 300).a, 100);
  fail(made, "a", 1);
  const without = count(made, 300);
  assert.equal(without.a, undefined);
  isAbout(without.b, 150);
  assert.deepEqual(
    made.standings().map(({ ejectedForMs }) => ejectedForMs),
    [1000, 0, 0],
  );
  // A second one would be more than half.
  fail(made, "b", 10);
  isAbout(count(made, 300).b, 150);
  nowMs += 1000;
  isAbout(count(made, 300).a, 100);
  fail(made, "a", 1);
  assert.equal(count(made, 300).a, undefined, "one failure is enough now");
  nowMs += 1999;
  assert.equal(count(made, 300).a, undefined, "for twice as long");
  nowMs += 1;
  assert.ok(count(made, 300).a);
  fail(made, "a", 1);
  nowMs += 2999;
  assert.equal(count(made, 300).a, undefined, "and never longer than the longest");
  nowMs += 1;
  for (let i = 0; i < 10; i++) made.take()?.done(true);
  fail(made, "a", 2);
  assert.ok(count(made, 300).a, "a success ends the probation");
  // Another process in its place is not to blame.
  assert.equal(made.standings()[0]?.failures, 2);
  made.set([instance("a", { port: 81 }), ...ABC.slice(1)]);
  assert.equal(made.standings()[0]?.failures, 0);
});

test("one alone is never ejected, and when all are, all are picked", () => {
  const alone = balancer(ABC.slice(0, 1), { outliers: { failures: 1, shareMax: 0.9 } });
  fail(alone, "a", 5);
  assert.equal(alone.pick()?.id, "a");
  const all = balancer(ABC.slice(0, 2), { outliers: { failures: 1, shareMax: 1 } });
  fail(all, "a", 1);
  fail(all, "b", 1);
  isAbout(count(all, 10).a, 5);
  const never = balancer(ABC, { outliers: false });
  fail(never, "a", 100);
  isAbout(count(never, 300).a, 100);
});
