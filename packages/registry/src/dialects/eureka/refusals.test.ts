/** Every refusal has an answer. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Refusal } from "../../core/index.ts";
import { STATUS } from "./refusals.ts";

test("every refusal of the registry has a status, and none says that all is well", () => {
  const refusals = Object.keys(STATUS) as Refusal[];
  assert.equal(refusals.length, 11);
  for (const refusal of refusals) assert.ok(STATUS[refusal] >= 400, refusal);
});
