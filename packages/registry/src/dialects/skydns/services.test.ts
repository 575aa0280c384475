/** Which services a list is of. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { patternIn } from "./services.ts";

test("a pattern is the first query, and all where there is none that can be decoded", () => {
  assert.equal(patternIn("query=a%2Eb&query=c"), "a.b");
  for (const search of ["", "query=", "query=%zz", "other=a"]) assert.equal(patternIn(search), "*", search);
});
