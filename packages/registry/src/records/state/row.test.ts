/** Rows of the state come back as they went in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { row } from "../arbitrary-rig.ts";
import { ByteWriter } from "../bytes.ts";
import { decodeRow, encodeRow } from "./row.ts";

const out = new ByteWriter();

test("a row of the state comes back as it went in", () => {
  fc.assert(
    fc.property(row, (one) => {
      const decoded = decodeRow(Buffer.from(encodeRow(out, one)));
      assert.ok(decoded.ok, decoded.ok ? "" : decoded.detail);
      assert.deepEqual(decoded.value, one);
    }),
  );
});
