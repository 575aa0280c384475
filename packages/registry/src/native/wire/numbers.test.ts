/** Durations, revisions, and how long it has been. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeCount, decodeDuration } from "./numbers.ts";
import { sayDuration } from "./reasons.ts";

test("durations are read as they are written", () => {
  const cases: [unknown, number | undefined][] = [
    ["500ms", 500],
    ["10s", 10_000],
    ["1.5s", 1500],
    ["5m", 300_000],
    ["2h", 7_200_000],
    [30, 30_000],
    [0, 0],
    ["30", 30_000],
    ["", undefined],
    ["-1s", undefined],
    ["1d", undefined],
    [-1, undefined],
    [Number.NaN, undefined],
    [null, undefined],
    ["1e3s", undefined],
  ];
  for (const [value, ms] of cases) assert.equal(decodeDuration(value), ms, String(value));
  for (const [ms, text] of [
    [850, "850 ms"],
    [10_200, "10.2 s"],
    [300_000, "5 min"],
    [7_200_000, "2 h"],
  ] as const)
    assert.equal(sayDuration(ms), text);
});

test("any text is a number or undefined", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      for (const number of [decodeDuration(text), decodeCount(text)])
        assert.ok(number === undefined || number >= 0, text);
    }),
  );
});
