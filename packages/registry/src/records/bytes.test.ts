/** Numbers and strings as bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { number, text } from "./arbitrary-rig.ts";
import { ByteReader, ByteWriter, Torn } from "./bytes.ts";

const out = new ByteWriter();

test("numbers and strings of every size", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(number, text)), (parts) => {
      out.clear();
      for (const part of parts) typeof part === "number" ? out.number(part) : out.string(part);
      const input = new ByteReader(Buffer.from(out.bytes()));
      for (const part of parts) assert.equal(typeof part === "number" ? input.number() : input.string(), part);
      assert.ok(input.atEnd);
      assert.throws(() => input.byte(), Torn);
    }),
  );
  const long = `${"x".repeat(100_000)}\u{1f600}`;
  out.clear();
  out.string(long);
  assert.equal(new ByteReader(Buffer.from(out.bytes())).string(), long);
});
