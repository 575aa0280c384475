/** What was put in comes out, however it is cut, and what was taken out stays as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Gathered } from "./gathered.ts";

test("pieces are one piece", () => {
  const step = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.nat({ max: 30 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const gathered = new Gathered();
      let expected = Buffer.alloc(0);
      const taken: [Buffer, string][] = [];
      for (const one of steps) {
        if (typeof one !== "number") {
          gathered.push(Buffer.from(one));
          expected = Buffer.concat([expected, one]);
        } else {
          const length = Math.min(one, gathered.length);
          const part = gathered.bytes.subarray(0, length);
          taken.push([part, part.toString("hex")]);
          gathered.drop(length);
          expected = expected.subarray(length);
        }
        assert.equal(gathered.length, expected.length);
        assert.deepEqual(gathered.bytes, expected);
      }
      for (const [part, hex] of taken) assert.equal(part.toString("hex"), hex);
    }),
  );
});

test("a megabyte byte by byte is not copied for each of them", () => {
  const gathered = new Gathered();
  const one = Buffer.from("x");
  const from = performance.now();
  for (let n = 0; n < 1024 * 1024; n++) gathered.push(one);
  assert.equal(gathered.length, 1024 * 1024);
  // 500 GB take longer on any machine.
  assert.ok(performance.now() - from < 10_000);
});
