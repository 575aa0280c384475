/** What a watch asks for, and the scope that holds it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { keyOf } from "../../../../../test/harness/registry.ts";
import { isOfInterest } from "../wire/commits.ts";
import { toScope } from "./interest.ts";

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array).toString("latin1"));

test("the scope of an interest holds all of it", () => {
  const keys = fc.uniqueArray(
    bytes.filter((key) => key !== ""),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(keys, fc.array(bytes, { maxLength: 3 }), bytes, (exact, prefixes, key) => {
      if (key === "" || exact.length + prefixes.length === 0) return;
      const interest = { services: new Set<string>(), keys: new Set(exact), prefixes, everything: false };
      if (!isOfInterest({ kind: "key", cause: "put", before: null, after: keyOf(key) }, interest)) return;
      const range = toScope("a", interest).keys;
      assert.ok(range !== undefined);
      const inside =
        range.to === undefined ? key === range.from : key >= range.from && (range.to === "" || key < range.to);
      assert.ok(inside, JSON.stringify({ exact, prefixes, key, range }));
    }),
  );
});
