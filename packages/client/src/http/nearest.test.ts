/** The nearest node first, another one while it is gone, and the nearest again. The network is made up, time passes by a jump. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Addresses } from "./addresses.ts";
import { Nearest } from "./nearest.ts";

/** Nodes that answer after so many ms; undefined: not at all. */
function open(delays: Record<string, number | undefined>, spread = true) {
  const asked: string[] = [];
  const answered: string[] = [];
  let jumpedMs = 0;
  const addresses = new Addresses(Object.keys(delays), spread);
  const nearest = new Nearest(
    addresses,
    async (input) => {
      const base = String(input).replace(/\/readyz$/, "");
      asked.push(base);
      const delay = delays[base];
      if (delay === undefined) throw new TypeError("fetch failed");
      await pause(delay);
      answered.push(base);
      return new Response("ok");
    },
    () => performance.now() + jumpedMs,
  );
  const jump = (): void => {
    jumpedMs += 400_000;
  };
  const look = async (): Promise<void> => {
    await nearest.due();
    await pause(400);
  };
  const lose = (base: string): void => {
    delays[base] = undefined;
    const [first] = addresses.round();
    assert.equal(first?.base, base);
    addresses.failed(first as { base: string }, true);
    addresses.answered(addresses.round()[0] as { base: string });
  };
  return { addresses, nearest, asked, answered, delays, jump, look, lose };
}

test("the first request waits for the nearest alone, wherever it stands; those in between are next", async () => {
  const { addresses, nearest, asked, answered, jump, look } = open({ far: 150, near: 5, middle: 60 });
  await Promise.all([nearest.due(), nearest.due()]);
  assert.equal(addresses.current.base, "near");
  assert.ok(!answered.includes("far"));
  assert.equal(nearest.due(), undefined);
  await look();
  assert.deepEqual(
    addresses.round().map(({ base }) => base),
    ["near", "middle", "far"],
  );
  assert.equal(asked.length, 6);
  jump();
  await look();
  assert.equal(asked.length, 6, "who is at the nearest does not look again");
});

test("when the nearest is lost the next one stands in for it, until it is back", async () => {
  const { addresses, asked, delays, jump, look, lose } = open({ far: 150, near: 5, middle: 60 });
  await look();
  lose("near");
  assert.equal(addresses.current.base, "middle");
  await look();
  assert.equal(asked.length, 6, "not at once");
  jump();
  await look();
  assert.equal(addresses.current.base, "middle", "it is still gone");
  delays.near = 5;
  jump();
  await look();
  assert.equal(addresses.current.base, "near");
});

test("of nodes in one place any may be the first; where none answers all stays as it was", async () => {
  const begun = new Set<string>();
  for (let nth = 0; nth < 40; nth++) {
    const { addresses, nearest } = open({ a: 0, b: 0, c: 400 });
    await nearest.due();
    begun.add(addresses.current.base);
  }
  assert.deepEqual([...begun].sort(), ["a", "b"]);
  const { addresses, nearest } = open({ a: undefined, b: undefined }, false);
  await nearest.due();
  assert.deepEqual(
    addresses.round().map(({ base }) => base),
    ["a", "b"],
  );
});
