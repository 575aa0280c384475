import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromPlain, toPlain } from "./plain.ts";

function there(value: unknown): unknown {
  return fromPlain(JSON.parse(JSON.stringify(toPlain(value))));
}

test("plain data comes back as it was, by way of JSON", () => {
  const values = [
    null,
    { ttlMs: Number.POSITIVE_INFINITY, least: Number.NEGATIVE_INFINITY, none: Number.NaN },
    { missing: undefined, list: [undefined, 1] },
    new Map<unknown, unknown>([["a", new Set([1, "b"])]]),
    { "~": "number", v: "1" },
    { bytes: "\xff\x00\x7f", big: 12345678901234567890n, pattern: /a+/giu },
  ];
  for (const value of values) assert.deepEqual(there(value), value);
  assert.deepEqual(there(new Uint8Array([0, 255])), Buffer.from([0, 255]));
});

test("anything that JSON says all of comes back as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      assert.equal(JSON.stringify(there(JSON.parse(text))), text);
    }),
  );
});

test("what is no plain data is not written, and what nobody wrote is not read", () => {
  assert.throws(() => toPlain(() => {}), TypeError);
  assert.throws(() => toPlain({ of: new (class Thing {})() }), TypeError);
  for (const wrong of [
    { "~": "function", v: "" },
    { "~": "map", v: 1 },
    { "~": "bytes", v: null },
  ])
    assert.throws(() => fromPlain(wrong), TypeError);
});
