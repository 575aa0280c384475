/** Consumers: noted without a commit, within bounds, gone in time, and saved at a stop. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openRig } from "../../../../../../test/harness/registry.ts";
import { CONSUMER_TTL_MS, NotedConsumers } from "./consumers.ts";

test("noting writes nothing, and one that is gone for too long is forgotten", async () => {
  const { core, registry, clock, pause } = await openRig();
  const consumers = new NotedConsumers(registry, clock);
  for (let i = 0; i < 300; i++) consumers.note("a", `c${i}`, "web", "");
  assert.equal(consumers.list("a").length, 300);
  const sinceMs = clock.now();
  pause(CONSUMER_TTL_MS - 1000);
  consumers.note("a", "c7", "web", "");
  pause(2000);
  const [left, ...others] = consumers.list("a");
  assert.deepEqual(others, []);
  assert.deepEqual([left?.consumer, left?.sinceMs], ["c7", sinceMs]);
  pause(CONSUMER_TTL_MS + 1);
  consumers.note("a", "c7", "web", "");
  assert.equal(consumers.list("a")[0]?.sinceMs, clock.now());
  assert.equal(core.numbers().revision, 0);
});

test("an account has a bound, all have one together, and names that are too long are not noted", async () => {
  const { registry, clock, pause } = await openRig();
  const consumers = new NotedConsumers(registry, clock);
  const fill = (account: string): number => {
    for (let i = 0; i < 3000; i++) consumers.note(account, `${i}`.padEnd(255, "\u{ffff}"), "web", "http");
    return consumers.list(account).length;
  };
  const first = fill("a");
  assert.ok(first > 1000 && first < 3000, `${first}`);
  consumers.note("b", "c", "web", "");
  consumers.note("b", "c".repeat(256), "web", "");
  consumers.note("b", "c", "web".repeat(100), "");
  assert.equal(consumers.list("b").length, 1);
  const counts = ["c", "d", "e", "f"].map(fill);
  assert.equal(counts[0], first);
  assert.ok((counts[3] as number) < first / 10, `${counts}`);
  // Those that go make room.
  pause(CONSUMER_TTL_MS + 1);
  assert.equal(fill("f"), first);
  // What an account may have fits into what is saved of it.
  await consumers.save();
  assert.equal(new NotedConsumers(registry, clock).list("f").length, first);
});

test("a stop saves the consumers of all accounts, and a start soon after goes on with them", async () => {
  const { registry, clock, pause, core } = await openRig();
  const consumers = new NotedConsumers(registry, clock);
  for (let i = 0; i < 1500; i++) consumers.note(`a${i}`, "shop \ud800 ü", "web", "http");
  const { sinceMs } = consumers.list("a0")[0] as { sinceMs: number };
  pause(1000);
  await consumers.save();
  assert.equal(
    registry.read((view) => view.account("a0")),
    undefined,
  );
  const after = new NotedConsumers(registry, clock);
  for (const account of ["a0", "a1499"])
    assert.deepEqual(
      after.list(account).map(({ bytes: _, seenMs: __, lastMs: ___, ...consumer }) => consumer),
      [{ consumer: "shop \ud800 ü", provider: "web", protocol: "http", sinceMs, source: "subscription" }],
    );
  pause(CONSUMER_TTL_MS + 1);
  const { revision } = core.numbers();
  const late = new NotedConsumers(registry, clock);
  assert.deepEqual(late.list("a0"), []);
  await late.save();
  assert.equal(core.numbers().revision, revision);
});
