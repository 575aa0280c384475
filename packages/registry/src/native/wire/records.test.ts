/** Records as answers show them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keyOf } from "../../../../../test/harness/registry.ts";
import { toKeyBody } from "./records.ts";

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array).toString("latin1"));

test("a value survives its way into an answer", () => {
  fc.assert(
    fc.property(bytes, bytes, (key, value) => {
      const body = toKeyBody(keyOf(key, { value }));
      const text =
        body.value === null ? Buffer.from(body.valueBase64 ?? "", "base64") : Buffer.from(body.value, "utf8");
      assert.equal(text.toString("latin1"), value);
      const name = body.keyBase64 === undefined ? Buffer.from(body.key, "utf8") : Buffer.from(body.keyBase64, "base64");
      assert.equal(name.toString("latin1"), key);
    }),
  );
});
