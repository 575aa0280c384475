/** Event ids. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeEventCursor, toEventId } from "./commits.ts";

test("event ids are cursors", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 999_999 }), (revision, index) =>
      assert.deepEqual(decodeEventCursor(toEventId(revision, index)), { revision, index }),
    ),
  );
  for (const bad of ["", "a", "1-", "-1", "1-2-3", "1-x", "99999999999999999"])
    assert.equal(decodeEventCursor(bad), undefined);
});

test("any text is a cursor or undefined", () => {
  fc.assert(fc.property(fc.string(), (text) => void decodeEventCursor(text)));
});
