import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameReader, HEAD_BYTES, writeHead } from "./frames.ts";

type Frame = readonly [kind: number, channel: number, number: number, payload: string];

function encode([kind, channel, number, payload]: Frame): Buffer {
  const bytes = Buffer.alloc(HEAD_BYTES + payload.length / 2);
  writeHead(bytes, 0, payload.length / 2, kind, channel, number);
  bytes.write(payload, HEAD_BYTES, "hex");
  return bytes;
}

const hex = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const frames = fc.array(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(0xffff_ffff), hex), { maxLength: 20 });

test("frames come out as they went in, however they are cut", () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(30), { maxLength: 60 }), (given, cuts) => {
      let rest = Buffer.concat(given.map(encode));
      const reader = new FrameReader(40);
      const came: Frame[] = [];
      for (const length of [...cuts, rest.length]) {
        const whole = reader.read(rest.subarray(0, length), (kind, channel, number, payload) =>
          came.push([kind, channel, number, payload.toString("hex")]),
        );
        assert.ok(whole);
        rest = rest.subarray(length);
      }
      assert.deepEqual(came, given);
    }),
  );
});

test("a frame that is too large is refused by its head alone, after those before it", () => {
  const reader = new FrameReader(4);
  const came: number[] = [];
  const take = (_kind: number, _channel: number, number: number): void => void came.push(number);
  const large = encode([1, 1, 2, "0000000000"]);
  assert.equal(reader.read(Buffer.concat([encode([1, 1, 1, "00000000"]), large.subarray(0, 6)]), take), true);
  assert.equal(reader.read(large.subarray(6, HEAD_BYTES), take), false);
  assert.deepEqual(came, [1]);
});
