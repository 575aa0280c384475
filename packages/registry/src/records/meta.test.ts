/** Rows about the store. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeMeta, encodeMeta } from "./meta.ts";
import { FORMAT } from "./sealed.ts";

test("rows about the store: JSON, and a newer format is told apart from damage", () => {
  const stored = encodeMeta({ revision: 7 });
  assert.deepEqual(decodeMeta(stored, "x"), { ok: true, value: { revision: 7 } });
  const newer = Buffer.from(stored);
  newer[0] = FORMAT + 1;
  const refused = decodeMeta(newer, "x");
  assert.ok(!refused.ok);
  assert.equal(refused.refusal, "unsupported");
  assert.match(refused.detail, /newer version/);
});

test("whatever the bytes, decoding refuses and never throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (some) => {
      decodeMeta(Buffer.from(some), "x");
    }),
  );
});
