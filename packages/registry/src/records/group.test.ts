/** Groups of commits come back as they went in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { Commit } from "../core/index.ts";
import { group } from "./arbitrary-rig.ts";
import { ByteWriter } from "./bytes.ts";
import { decodeGroup, encodeGroup, summarizeGroup } from "./group.ts";

const out = new ByteWriter();

test("a group of commits comes back as it went in", () => {
  fc.assert(
    fc.property(group, (commits) => {
      const stored = Buffer.from(encodeGroup(out, commits));
      const decoded = decodeGroup(stored);
      assert.ok(decoded.ok, decoded.ok ? "" : decoded.detail);
      assert.deepEqual(decoded.value, commits);
      const summary = summarizeGroup(stored);
      assert.ok(summary.ok);
      const [first, last] = [commits[0] as Commit, commits.at(-1) as Commit];
      assert.deepEqual(summary.value, {
        first: first.revision,
        last: last.revision,
        firstMs: first.orderMs,
        lastMs: last.orderMs,
        commits: commits.length,
      });
    }),
  );
});

test("bytes with a right checksum and wrong contents are refused too", () => {
  fc.assert(
    fc.property(group, fc.nat(), fc.nat({ max: 255 }), (commits, place, byte) => {
      const bad = Buffer.from(encodeGroup(out, commits));
      bad[5 + (place % (bad.length - 5))] = byte;
      bad.writeUInt32LE(crc32(bad.subarray(5)), 1);
      const decoded = decodeGroup(bad);
      if (!decoded.ok) assert.match(decoded.refusal, /invalid|unsupported/);
    }),
    { numRuns: 500 },
  );
});
