/** Answers put together from pieces that were deflated apart are ordinary gzip. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { crc32, gunzipSync } from "node:zlib";
import fc from "fast-check";
import { deflateFragment, joinGzip } from "../../packages/registry/src/dialects/eureka/fetch/gzip.ts";

const pieces = fc.array(
  fc.oneof(
    fc.string({ unit: "binary", maxLength: 200 }),
    fc.string({ maxLength: 20 }).map((text) => text.repeat(500)),
    fc.constant(","),
  ),
  { maxLength: 12 },
);

test("the pieces come back, one after the other", () => {
  fc.assert(
    fc.property(pieces, fc.constantFrom(1, 6, 9), (texts, level) => {
      const whole = Buffer.from(texts.map((text) => Buffer.from(text).toString("latin1")).join(""), "latin1");
      const joined = joinGzip(texts.map((text) => deflateFragment(text, level)));
      assert.deepEqual(gunzipSync(joined), whole);
      assert.equal(joined.readUInt32LE(joined.length - 8), crc32(whole));
      assert.equal(joined.readUInt32LE(joined.length - 4), whole.length);
    }),
  );
});

test("a piece may stand at many places, and long ones may follow each other", () => {
  const comma = deflateFragment(",");
  const long = deflateFragment("abcdefghij".repeat(300_000));
  const parts = [comma, long, comma, long, comma, comma];
  const text = gunzipSync(joinGzip(parts)).toString();
  assert.equal(text.length, 6_000_004);
  assert.equal(text.slice(2_999_996, 3_000_006), "fghij,abcd");
  assert.equal(gunzipSync(joinGzip([])).length, 0);
});

test("gzip itself takes it", () => {
  const texts = Array.from({ length: 200 }, (_, index) => `{"name":"APP-${index}","text":"${"é".repeat(index * 10)}"}`);
  const result = spawnSync("gzip", ["-dc"], { input: joinGzip(texts.map((text) => deflateFragment(text))) });
  assert.equal(result.status, 0, String(result.stderr));
  assert.equal(result.stdout.toString(), texts.join(""));
});
