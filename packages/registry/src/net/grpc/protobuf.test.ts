/** Numbers of 64 bits, with and without a sign, and what is no message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Message, readFields, toLong } from "./protobuf.ts";

function fieldsOf(message: Buffer): [number, number | string][] {
  const fields: [number, number | string][] = [];
  readFields(message, (field, number, bytes) => fields.push([field, field === 100 ? bytes.toString() : number]));
  return fields;
}

test("numbers as other makers write them", () => {
  // Of the language's own guide, and what Go writes for -1 and -2.
  const known: [number, string][] = [
    [150, "089601"],
    [1, "0801"],
    [-1, "08ffffffffffffffffff01"],
    [-2, "08feffffffffffffffff01"],
    [2 ** 53 - 1, "08ffffffffffffff0f"],
  ];
  for (const [value, hex] of known) {
    assert.equal(new Message().number(1, value).end().toString("hex"), hex);
    assert.deepEqual(fieldsOf(Buffer.from(hex, "hex")), [[1, value]]);
  }
  assert.equal(new Message().number(1, 0).bytes(2, "").end().length, 0);
  assert.equal(new Message().present(1, 0).present(2, Buffer.alloc(0)).end().toString("hex"), "08001200");
});

test("what was written is read, whatever the numbers", () => {
  fc.assert(
    fc.property(
      fc.maxSafeInteger(),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.string(),
      (number, long, text) => {
        const longs: bigint[] = [];
        readFields(new Message().present(1, long).end(), (_, value, bytes) => longs.push(toLong(value, bytes)));
        assert.deepEqual(longs, [long]);
        const message = new Message().present(3, number).bytes(100, `x${text}`).end();
        const utf8 = Buffer.from(`x${text}`).toString();
        assert.deepEqual(fieldsOf(message), [
          [3, number],
          [100, utf8],
        ]);
      },
    ),
  );
});

test("what is no message is refused, and nothing else happens", () => {
  for (const hex of ["08", "0880808080808080808080808001", "0a05ab", "0affffffffffffffffff01", "0b", "08ff"])
    assert.throws(() => fieldsOf(Buffer.from(hex, "hex")), RangeError, hex);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        readFields(Buffer.from(bytes), () => {});
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
});
