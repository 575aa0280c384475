/** Which instances an index of labels remembers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { accepted, openRig, register } from "../../../../../../test/harness/registry.ts";
import { LabelIndex } from "./label-index.ts";

const DAY_MS = 86_400_000;

test("an instance that lapsed is remembered for its time, whatever the system's clock does", async (t) => {
  const rig = await openRig();
  const index = new LabelIndex(rig.registry, rig.clock, { whenNoneHealthy: "held", heldMs: 60_000 });
  t.after(() => index.close());
  accepted(await rig.registry.propose("default", register("api", "a", { ttlMs: 1000 })));
  rig.setClock(400 * DAY_MS);
  await rig.pass(2500);
  for (const byMs of [-800 * DAY_MS, 400 * DAY_MS, 400 * DAY_MS]) {
    rig.setClock(byMs);
    assert.equal(index.lapsed("default", "api").length, 1);
  }
  rig.pause(60_000);
  assert.equal(index.lapsed("default", "api").length, 0);
});
