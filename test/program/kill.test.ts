/** kill -9 at any moment loses no acknowledged change and shows no half of another. `npm run soak` does it longer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { killAndCheck } from "./kill-load.ts";

test("25 kills under load lose nothing", async (t) => {
  const ledger = await killAndCheck(t, { kills: 25 });
  t.diagnostic(`${ledger.writes} acknowledged writes, revision ${ledger.revision}`);
  assert.ok(ledger.writes > 250, `only ${ledger.writes} writes: the load was too small to tell anything`);
});
