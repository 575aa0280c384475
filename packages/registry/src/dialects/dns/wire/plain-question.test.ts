/** Plain questions are those that the whole reader reads, too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { toQuery } from "../../../../../../test/dns/wire.ts";
import { decodeMessage } from "./packet.ts";
import { emptyScan, scanQuestion, toQuestionKey } from "./plain-question.ts";

test("questions that are read the short way are those that the codec reads, and mean the same", () => {
  const scan = emptyScan();
  const label = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/);
  const edns = fc.option(fc.record({ size: fc.nat({ max: 65_535 }), dnssecOk: fc.boolean() }), { nil: undefined });
  const edit = fc.option(fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })), { nil: undefined });
  fc.assert(
    fc.property(
      fc.array(label, { maxLength: 5 }),
      fc.constantFrom("A", "SRV", "ANY"),
      edns,
      edit,
      (labels, type, opt, byte) => {
        const packet = toQuery(labels.join("."), type, opt === undefined ? {} : { edns: opt });
        if (byte !== undefined && byte[0] < packet.length) packet[byte[0]] = byte[1];
        if (!scanQuestion(packet, scan)) {
          assert.ok(byte !== undefined, "a plain question is not taken for one");
          return;
        }
        const decoded = decodeMessage(packet);
        assert.ok(decoded.ok);
        const message = decoded.value;
        assert.deepEqual([message.opcode, message.questions.length, message.response], [0, 1, false]);
        assert.equal(message.edns?.udpSize ?? 0, scan.udpSize);
        assert.equal(message.edns?.dnssecOk ?? false, scan.dnssecOk);
        const lower = Buffer.from(packet);
        for (let i = 12; i < scan.nameEnd; i++) {
          const code = lower[i] as number;
          if (code >= 0x41 && code <= 0x5a) lower[i] = code + 32;
        }
        const key = toQuestionKey(packet, scan, 512);
        assert.ok(scanQuestion(lower, scan));
        assert.ok(scan.isLower);
        assert.equal(toQuestionKey(lower, scan, 512), key);
      },
    ),
    { numRuns: 2000 },
  );
});
