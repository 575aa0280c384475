/** Whatever is watched: the places of a key are those whose range it lies in, each once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isInRange, type KeyRange } from "../../../../core/index.ts";
import { Places, type Standing } from "./places.ts";

class One implements Standing {
  readonly range: KeyRange;
  place: unknown = undefined;
  nth = 0;

  constructor(range: KeyRange) {
    this.range = range;
  }
}

const key = fc.string({ unit: fc.constantFrom("a", "b", "/", "\xff"), maxLength: 3 });
const range = fc.oneof(
  key.map((from) => ({ from })),
  fc.record({ from: key, to: key }),
  key.map((from) => ({ from, to: `${from.slice(0, -1)}${String.fromCharCode(from.charCodeAt(from.length - 1) + 1)}` })),
);

test("a key is found by all that watch it, and by nobody else", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(range, fc.boolean()), { maxLength: 30 }), key, (ranges, wanted) => {
      const places = new Places<One>();
      const all = ranges.map(([one, stays]) => ({ one: new One(one), stays }));
      for (const { one } of all) places.add(one);
      for (const { one, stays } of all) if (!stays) places.remove(one);
      const left = all.filter(({ stays }) => stays).map(({ one }) => one);
      const found: One[] = [];
      places.find(wanted, (place) => found.push(...place.standing));
      assert.equal(new Set(found).size, found.length);
      assert.deepEqual(new Set(found), new Set(left.filter((one) => isInRange(one.range, wanted))));
      assert.deepEqual(new Set(places), new Set(left));
      assert.equal(places.size, left.length);
    }),
  );
});
