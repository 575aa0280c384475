/** What is compressed in parts is one whole to whoever unpacks it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { zip } from "./gzip.ts";
import { type Body, toBuffer } from "./parts.ts";

function unzipped(body: Body): string {
  const zipped = zip(body);
  assert.ok(zipped !== undefined);
  const bytes =
    typeof zipped === "string" || Buffer.isBuffer(zipped)
      ? toBuffer(zipped)
      : Buffer.concat([...zipped].map((part) => toBuffer(part)));
  return gunzipSync(bytes).toString();
}

test("bodies of all kinds come out as they were, and short ones stay", () => {
  const long = "täglich ".repeat(100_000);
  const bytes = Buffer.from("x".repeat(20_000));
  for (const [body, text] of [
    ["a".repeat(10_000), "a".repeat(10_000)],
    [bytes, bytes.toString()],
    [bytes, bytes.toString()],
    [long, long],
    [["a", "", Buffer.from("b"), long], `ab${long}`],
    [[], ""],
  ] as [Body, string][])
    assert.equal(unzipped(body), text);
  assert.equal(zip("short"), undefined);
  assert.equal(zip(Buffer.alloc(100)), undefined);
});
