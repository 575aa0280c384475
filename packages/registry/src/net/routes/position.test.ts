/** Positions that clients keep. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodePosition, ELSEWHERE, encodePosition, toMark } from "./position.ts";

const mark = toMark("0f8b2c1d-9a7e-4c55-8f21-aa00bb11cc22");

test("a position is read back in its own order, and told apart in any other", () => {
  assert.equal(encodePosition(42, mark), "42~0f8b2c1d9a7e");
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.uuid(), (revision, line) => {
      const text = encodePosition(revision, mark);
      assert.deepEqual(decodePosition(text, mark), { revision, index: undefined });
      const other = toMark(line);
      if (other !== mark) assert.deepEqual(decodePosition(text, other), { revision: ELSEWHERE, index: undefined });
    }),
  );
  assert.deepEqual(decodePosition(`7-3${mark}`, mark), { revision: 7, index: 3 });
});

test("a position without a mark counts in the order at hand, and what is none is undefined", () => {
  assert.deepEqual(decodePosition("42", mark), { revision: 42, index: undefined });
  assert.deepEqual(decodePosition("42-1", mark), { revision: 42, index: 1 });
  for (const bad of ["", "a", "-1", "1-", "1-x", "1-2-3", "1~", `1${mark}~`, "1~é", "99999999999999999", `${mark}1`])
    assert.equal(decodePosition(bad, mark), undefined, bad);
  fc.assert(fc.property(fc.string(), (text) => void decodePosition(text, mark)));
});
