/** Counting requests. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Rates, WINDOW_MS } from "./rates.ts";

test("requests are counted per account and window", () => {
  const rates = new Rates();
  assert.equal(rates.count("a", 0).used, 1);
  assert.equal(rates.count("a", WINDOW_MS - 1).used, 2);
  assert.equal(rates.count("b", 0).used, 1);
  assert.equal(rates.count("a", WINDOW_MS).used, 1);
  for (let i = 0; i < 30_000; i++) rates.count(`many-${i}`, WINDOW_MS);
  assert.equal(rates.count("a", WINDOW_MS + 1).used <= 2, true);
});
