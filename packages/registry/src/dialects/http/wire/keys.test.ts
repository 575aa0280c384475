/** Keys in paths. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromKeyCursor, toKeyCursor } from "../../../native/wire/records.ts";
import { decodeKey } from "./keys.ts";

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array).toString("latin1"));

function toPath(key: string): string {
  return key.replace(/[^A-Za-z0-9/]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

test("a key survives its way into a path and out of it", () => {
  fc.assert(fc.property(bytes, (key) => assert.deepEqual(decodeKey(toPath(key)), { ok: true, value: key })));
  fc.assert(fc.property(bytes, (key) => assert.equal(fromKeyCursor(toKeyCursor(key)), key)));
  assert.equal(fromKeyCursor(toKeyCursor("base64:AAAA")), "base64:AAAA");
});

test("any path is a key or refused in words", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const decoded = decodeKey(text);
      fromKeyCursor(text);
      assert.ok(decoded.ok || decoded.detail !== "");
    }),
  );
});
