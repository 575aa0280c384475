/** How the command line puts times into words. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toAge, toLeft } from "./output.ts";

const NOW_MS = Date.parse("2026-01-01T00:00:00Z");
const at = (deltaMs: number): string => new Date(NOW_MS + deltaMs).toISOString();

test("what is to come is no age, and what is over is not to come", () => {
  assert.equal(toAge(at(-5000), NOW_MS), "5s");
  assert.equal(toAge(at(5000), NOW_MS), "0s");
  assert.equal(toAge(null, NOW_MS), "-");
  assert.equal(toLeft(at(90_000), NOW_MS), "1m");
  assert.equal(toLeft(at(-90_000), NOW_MS), "0s");
});
