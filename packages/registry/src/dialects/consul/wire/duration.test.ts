/** Durations as Go reads and writes them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";

test("durations are read as Go reads them", () => {
  const cases: readonly (readonly [text: string, ms: number | undefined])[] = [
    ["10s", 10_000],
    ["1h2m3.5s", 3_723_500],
    ["300ms", 300],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["1.s", 1000],
    ["10us", 0.01],
    ["10µs", 0.01],
    ["0", 0],
    ["-1s", -1000],
    ["+1s", 1000],
    ["", undefined],
    ["10", undefined],
    ["s", undefined],
    ["1 s", undefined],
    ["1d", undefined],
    ["--1s", undefined],
    ["1s!", undefined],
    ["9999999999h", undefined],
    ["1s".repeat(100), undefined],
  ];
  for (const [text, ms] of cases) {
    const read = parseDuration(text);
    assert.equal(read.ok ? read.value : undefined, ms, text);
  }
});

test("durations are written as Go writes them", () => {
  const cases: readonly (readonly [ms: number, text: string])[] = [
    [0, "0s"],
    [10_000, "10s"],
    [90_000, "1m30s"],
    [60_000, "1m0s"],
    [3_600_000, "1h0m0s"],
    [250, "250ms"],
    [1500, "1.5s"],
    [0.25, "250µs"],
    [-1000, "-1s"],
  ];
  for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
});

test("what is written is read again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), (ms) => {
      const read = parseDuration(formatDuration(ms));
      assert.ok(read.ok && Math.abs(read.value - ms) < 1e-3);
    }),
  );
});
