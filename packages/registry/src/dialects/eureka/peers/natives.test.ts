/** Instances that this server beats for. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, recordOf, register } from "../../../../../../test/harness/registry.ts";
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

test("on several nodes each speaks for those whose leases it keeps, and one for all that need no heartbeats", async () => {
  const { registry } = await openRig();
  for (const id of ["here", "there"]) accepted(await registry.propose("default", register("api", id)));
  accepted(await registry.propose("default", register("api", "permanent", "permanent")));
  accepted(await registry.propose("default", register("api", "timeless", { ttlMs: Number.POSITIVE_INFINITY })));
  const toldBy = (isOnDuty: boolean): string =>
    registry.read((view) => {
      const natives = new Natives();
      natives.scan(view.account("default"), 0);
      const pulse = (lease: string) => (lease === "api/here" ? registry.pulse("default", lease) : undefined);
      const told: string[] = [];
      natives.due({ account: view.account("default"), pulse, isOnDuty, nowMs: 10_000 }, (_, id) => told.push(id));
      return told.sort().join(" ");
    });
  assert.equal(toldBy(true), "here permanent timeless");
  assert.equal(toldBy(false), "here");
});
