import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CODINGS, type Coding, Deframer, packFrame, sealFrame } from "./frames.ts";
import { HEAD_BYTES } from "./method.ts";
import { encodeMessage, readTimeout, Status } from "./status.ts";

const GZIP = CODINGS.gzip as Coding;

function messageOf(body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.alloc(HEAD_BYTES), body]);
}

test("messages come out as they went in, however their bytes are cut", () => {
  const one = fc.tuple(fc.uint8Array({ maxLength: 300 }), fc.boolean());
  fc.assert(
    fc.property(
      fc.array(one, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (all, cuts) => {
        const frames = all.map(([body, packed]) =>
          packed ? packFrame(messageOf(body), GZIP) : sealFrame(messageOf(body)),
        );
        let rest = Buffer.concat(frames);
        const deframer = new Deframer(300, GZIP);
        const found: Buffer[] = [];
        for (let nth = 0; rest.length > 0; nth++) {
          const size = cuts[nth % cuts.length] as number;
          deframer.push(rest.subarray(0, size));
          rest = rest.subarray(size);
          for (let next = deframer.next(); next !== undefined; next = deframer.next()) found.push(next);
        }
        assert.equal(deframer.bytes, 0);
        assert.deepEqual(
          found.map((message) => message.toString("hex")),
          all.map(([body]) => Buffer.from(body).toString("hex")),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test("any bytes are messages, wait for more, or are refused with a status", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      const deframer = new Deframer(50, GZIP);
      deframer.push(Buffer.from(bytes));
      try {
        while (deframer.next() !== undefined);
      } catch (error) {
        assert.ok(error instanceof Status);
      }
    }),
  );
});

test("texts of statuses, and timeouts", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 }), (units) => {
      const text = String.fromCharCode(...units);
      const encoded = encodeMessage(text);
      assert.match(encoded, /^[ -~]*$/);
      assert.equal(decodeURIComponent(encoded), text.replace(/[\ud800-\udfff]/gu, "\ufffd"));
    }),
  );
  for (const [text, ms] of [
    ["1S", 1000],
    ["250m", 250],
    ["99999999H", 99_999_999 * 3_600_000],
    ["500u", 0.5],
    [undefined, undefined],
    ["", Number.NaN],
    ["-1S", Number.NaN],
    ["123456789S", Number.NaN],
    ["1s", Number.NaN],
  ] as const)
    assert.equal(readTimeout(text), ms, text);
});
