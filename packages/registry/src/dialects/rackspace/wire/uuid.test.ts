/** UUIDs as positions in time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatUuid, fromTicks, parseUuid, toMaker, toTicks } from "./uuid.ts";

const maker = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => toMaker(Buffer.from(bytes)));

test("a UUID gives back its time, and later times make other UUIDs", () => {
  const ticks = fc.bigInt({ min: 0n, max: (1n << 60n) - 1n });
  fc.assert(
    fc.property(ticks, maker, (time, who) => {
      const parsed = parseUuid(formatUuid(time, who).toUpperCase());
      assert.ok(parsed.ok);
      assert.equal(parsed.value, time);
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 0, max: 9999 }), (ms, offset) => {
      assert.equal(fromTicks(toTicks(ms, offset)), ms);
    }),
  );
  // The example of RFC 9562, appendix A.1: 2022-02-22T14:22:22-05:00.
  const example = parseUuid("C232AB00-9414-11EC-B3C8-9F6BDECED846");
  assert.ok(example.ok);
  assert.equal(fromTicks(example.value), Date.parse("2022-02-22T14:22:22-05:00"));
});

test("reading a UUID never throws", () => {
  const near = fc.stringMatching(/^[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  fc.assert(fc.property(fc.oneof(fc.string(), near), (text) => typeof parseUuid(text).ok === "boolean"));
});
