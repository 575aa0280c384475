/** What the original writes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCounts } from "./answer.ts";

test("maps are written as Go does: sorted by bytes, safe in HTML", () => {
  const counts = new Map([
    ["é", 1],
    ["Z", 2],
    ["a<", 3],
    ["\u{1f600}", 4],
    ["\uffee", 5],
  ]);
  const text = [...encodeCounts(counts)].join("");
  assert.equal(text, '{"Z":2,"a\\u003c":3,"é":1,"\uffee":5,"\u{1f600}":4}\n');
});
