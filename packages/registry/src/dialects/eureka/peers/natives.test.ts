/** Instances that this server beats for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordOf } from "../../../../../../test/harness/registry.ts";
import { Natives } from "./natives.ts";

test("a copy that comes later is the newer one to peers, also when the clock went back", () => {
  const natives = new Natives();
  const times = [1_800_000_000_000, 1_700_000_000_000, 1_700_000_000_000, 1_700_000_005_000, 1_900_000_000_000];
  const dirty = times.map((stampMs, nowMs) => {
    const record = recordOf("api", "a", { stampMs, via: "http" });
    natives.learn(record, true, nowMs);
    return natives.dirtyOf(record) ?? 0;
  });
  assert.deepEqual(
    dirty.slice(1).map((at, i) => at > (dirty[i] as number)),
    [true, true, true, true],
  );
  assert.equal(dirty.at(-1), 1_900_000_000_000);
});
