/** Sealed bytes: nothing that was not written so is ever taken for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { group, row } from "./arbitrary-rig.ts";
import { ByteWriter } from "./bytes.ts";
import { decodeGroup, encodeGroup, summarizeGroup } from "./group.ts";
import { decodeRow, encodeRow } from "./state/row.ts";

const out = new ByteWriter();

test("every flipped bit and every cut is refused", () => {
  fc.assert(
    fc.property(group, row, fc.nat(), fc.nat({ max: 7 }), (commits, one, place, bit) => {
      const stored: [Buffer, (some: Buffer) => { ok: boolean }][] = [
        [Buffer.from(encodeGroup(out, commits)), decodeGroup],
        [Buffer.from(encodeRow(out, one)), decodeRow],
      ];
      for (const [whole, decode] of stored) {
        const flipped = Buffer.from(whole);
        const at = place % whole.length;
        flipped[at] = (flipped[at] as number) ^ (1 << bit);
        assert.equal(decode(flipped).ok, false);
        assert.equal(decode(whole.subarray(0, at)).ok, false);
        assert.equal(decode(Buffer.concat([whole, Buffer.from([0])])).ok, false);
      }
    }),
  );
});

test("whatever the bytes, decoding refuses and never throws", () => {
  const decoders = [decodeGroup, decodeRow, summarizeGroup];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (some) => {
      for (const decode of decoders) decode(Buffer.from(some));
    }),
    { numRuns: 1000 },
  );
});
