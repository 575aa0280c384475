/** Lookups: noted once each, forgotten after a day, within a bound that the latest ones keep. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Lookups } from "./lookups.ts";

test("a lookup is noted once, with the time of the last, and the oldest gives way", () => {
  let nowMs = 1_000_000;
  const lookups = new Lookups({ now: () => nowMs, monotonic: () => nowMs });
  const seen = () => lookups.list("a").map(({ service, dialect, address }) => `${service} ${dialect} ${address}`);
  lookups.note("a", "dns", "web", "::ffff:10.0.0.1");
  nowMs += 5000;
  lookups.note("a", "consul", "web", "10.0.0.1");
  lookups.note("a", "dns", "web", "10.0.0.1");
  for (const [service, address] of [
    ["", "10.0.0.1"],
    ["web", ""],
    ["w".repeat(256), "10.0.0.1"],
  ] as const)
    lookups.note("a", "dns", service, address);
  assert.deepEqual(seen(), ["web consul 10.0.0.1", "web dns 10.0.0.1"]);
  const [, again] = lookups.list("a");
  assert.deepEqual([again?.sinceMs, again?.seenMs], [1_000_000, 1_005_000]);
  assert.deepEqual(lookups.list("b"), []);
  nowMs += 1000;
  for (let nth = 0; nth < 9_999; nth++) lookups.note("a", "dns", "db", `10.0.${nth >> 8}.${nth & 255}`);
  assert.equal(seen().length, 10_000);
  assert.ok(!seen().includes("web consul 10.0.0.1"));
  assert.ok(seen().includes("web dns 10.0.0.1"));
  nowMs += 24 * 3600 * 1000 + 1;
  assert.deepEqual(seen(), []);
  for (let account = 0; account < 6; account++)
    for (let nth = 0; nth < 10_000; nth++) lookups.note(`n${account}`, "dns", "db", `${nth}`);
  const all = Array.from({ length: 6 }, (_, account) => lookups.list(`n${account}`).length);
  assert.deepEqual(all, [10_000, 10_000, 10_000, 10_000, 10_000, 0]);
});
