/** The DNS codec against bytes of bad will: nothing throws, nothing loops, nothing takes long. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BLANK, VECTORS } from "../../../../../../test/dns/captures-rig.ts";
import type { Outcome } from "../../../core/index.ts";
import { signTsig, verifyTsig } from "../signing/tsig.ts";
import { addressBytes, readAddress } from "./address.ts";
import { CLASS, type Data, type Edns, type Message, type Name, RCODE, type Resource, TYPE } from "./message.ts";
import { nameBytes, parseName, showName } from "./name.ts";
import { decodeMessage, encodeMessage, type Malformed } from "./packet.ts";
import { emptyScan, scanQuestion } from "./plain-question.ts";
import { canonicalData, showRecord } from "./record.ts";

/** Seeds differ by run and are told when something fails. */
const RUNS = 3000;

const CAPTURES = VECTORS.map(({ hex }) => Buffer.from(hex, "hex"));

/** What must hold for any packet, whatever is in it. */
function checkAny(packet: Buffer): Outcome<Message, Malformed> {
  const decoded = decodeMessage(packet);
  checkQuick(packet, decoded);
  if (!decoded.ok) {
    const silent = packet.length < 12 || (packet[2]! & 0x80) !== 0;
    const opcode = (packet[2]! >> 3) & 15;
    const rcode = [0, 4, 5].includes(opcode) ? RCODE.FORMERR : RCODE.NOTIMP;
    assert.equal(decoded.rcode, silent ? undefined : rcode);
    if (packet.length < 12) return decoded;
    assert.equal(decoded.id, packet.readUInt16BE(0));
    assert.equal(decoded.opcode, opcode);
    assert.equal(decoded.recursionDesired, (packet[2]! & 1) !== 0);
    assert.ok(decoded.questions.length <= 1);
    // The answer that a server gives: never more than was sent, but for the header's counts.
    const { id, questions, recursionDesired } = decoded;
    const answer = encodeMessage({ ...BLANK, id, opcode, questions, recursionDesired, rcode, response: true }, 512);
    assert.ok(answer && answer.length <= Math.max(packet.length, 12) + 255);
    return decoded;
  }
  checkMessage(decoded.value);
  return decoded;
}

let quick = 0;

/** The short way for plain questions takes nothing that the long one refuses, and sees the same in it. */
function checkQuick(packet: Buffer, decoded: Outcome<Message, Malformed>): void {
  const scan = emptyScan();
  if (!scanQuestion(packet, scan)) return;
  quick++;
  assert.ok(decoded.ok);
  const { questions, answers, authority, additional, edns, tsig, response, opcode } = decoded.value;
  assert.deepEqual([questions.length, answers, authority, additional, tsig], [1, [], [], [], undefined]);
  assert.deepEqual([response, opcode, questions[0]!.class], [false, 0, CLASS.IN]);
  assert.equal(scan.nameEnd, 12 + nameBytes(questions[0]!.name));
  assert.equal(scan.questionEnd, scan.nameEnd + 4);
  assert.equal(scan.isLower, !/[A-Z]/.test(packet.toString("latin1", 12, scan.nameEnd)));
  const { hasEdns, udpSize, dnssecOk } = scan;
  assert.deepEqual(edns, hasEdns ? { version: 0, udpSize, dnssecOk } : undefined);
}

/** What was understood can be said again, shown and compared, and is understood as the same. */
function checkMessage(message: Message): void {
  const { tsig, ...unsigned } = message;
  const again = encodeMessage(unsigned, 65535);
  if (again !== undefined) {
    const decoded = decodeMessage(again);
    assert.ok(decoded.ok);
    assert.deepEqual(decoded.value, unsigned);
  }
  for (const { name } of message.questions) checkName(name);
  for (const record of [...message.answers, ...message.authority, ...message.additional]) {
    checkName(record.name);
    assert.ok(!showRecord(record).includes("\n"));
    assert.ok(canonicalData(record.type, record.data).length <= 65535);
  }
  if (tsig !== undefined) checkName(tsig.key);
}

function checkName(name: Name): void {
  assert.ok(nameBytes(name) <= 255);
  assert.deepEqual(parseName(showName(name)), name);
}

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffffffff);
const bytes = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array).toString("latin1"));

const label = fc.oneof(fc.constantFrom("a", "A", "b", "api", "_tcp", "rollcall", "\0", "x".repeat(63)), bytes(1, 63));
const name: fc.Arbitrary<Name> = fc
  .oneof(fc.array(label, { maxLength: 5 }), fc.array(fc.constantFrom("a", "b"), { maxLength: 127 }))
  .filter((labels) => nameBytes(labels) <= 255);

const address = (type: number): fc.Arbitrary<Data> =>
  fc.uint8Array(type === TYPE.A ? { minLength: 4, maxLength: 4 } : { minLength: 16, maxLength: 16 }).map((array) => {
    return { kind: "address", address: readAddress(array, 0, type === TYPE.A ? 4 : 16) };
  });
const raw = fc.record({ kind: fc.constant("raw" as const), bytes: bytes(0, 300) });
const known = (
  type: number,
  data: fc.Arbitrary<Data>,
  klass: fc.Arbitrary<number> = fc.constantFrom(1, 1, 254),
): fc.Arbitrary<Resource> => fc.record({ name, type: fc.constant(type), class: klass, ttlS: u32, data });
const target = fc.record({ kind: fc.constant("name" as const), target: name });
const empty = fc.constant<Data>({ kind: "raw", bytes: "" });
const string = bytes(0, 255);

const drawnRecord: fc.Arbitrary<Resource> = fc.oneof(
  known(TYPE.A, address(TYPE.A)),
  known(TYPE.AAAA, address(TYPE.AAAA)),
  ...[TYPE.NS, TYPE.CNAME, TYPE.PTR, TYPE.DNAME].map((type) => known(type, target)),
  known(TYPE.SRV, fc.record({ kind: fc.constant("service"), priority: u16, weight: u16, port: u16, target: name })),
  known(TYPE.MX, fc.record({ kind: fc.constant("exchange"), preference: u16, target: name })),
  known(TYPE.TXT, fc.record({ kind: fc.constant("text"), strings: fc.array(string, { minLength: 1, maxLength: 4 }) })),
  known(TYPE.HINFO, fc.record({ kind: fc.constant("text"), strings: fc.tuple(string, string) })),
  known(
    TYPE.SOA,
    fc.record({
      kind: fc.constant("authority"),
      primary: name,
      mailbox: name,
      serial: u32,
      refreshS: u32,
      retryS: u32,
      expireS: u32,
      minimumS: u32,
    }),
  ),
  ...[99, TYPE.CAA, 65280].map((type) => known(type, raw, u16)),
  ...[TYPE.A, TYPE.ANY, TYPE.SRV].map((type) => known(type, empty, fc.constantFrom(CLASS.ANY, CLASS.NONE))),
);

/** With the prototype that literals have, as the codec makes them. */
const record = drawnRecord.map((drawn) => ({ ...drawn, data: { ...drawn.data } }));

const edns: fc.Arbitrary<Edns> = fc
  .record({ version: fc.constantFrom(0, 0, 1), udpSize: u16, dnssecOk: fc.boolean(), options: fc.nat(5), number: u32 })
  .map(({ version, udpSize, dnssecOk, options, number }) => {
    const basic = { version, udpSize, dnssecOk };
    if (version > 0) return basic;
    return {
      ...basic,
      ...(options % 3 > 0 && { expire: true as const }),
      ...(options % 3 === 2 && { expireS: number }),
      ...(options > 2 && { leaseS: number }),
      ...(options === 5 && { keyLeaseS: 7 }),
    };
  });

const section = fc.array(record, { maxLength: 4 });
const message: fc.Arbitrary<Message> = fc
  .record(
    {
      id: u16,
      response: fc.boolean(),
      opcode: fc.constantFrom(0, 4, 5),
      authoritative: fc.boolean(),
      truncated: fc.boolean(),
      recursionDesired: fc.boolean(),
      recursionAvailable: fc.boolean(),
      checkingDisabled: fc.boolean(),
      rcode: fc.nat(4095),
      questions: fc.array(fc.record({ name, type: u16, class: u16 }, { noNullPrototype: true }), { maxLength: 2 }),
      answers: section,
      authority: section,
      additional: section,
      edns,
    },
    { requiredKeys: ["id", "response", "opcode", "authoritative", "truncated", "recursionDesired"] },
  )
  .map((drawn) => ({
    ...BLANK,
    ...drawn,
    rcode: drawn.edns === undefined ? (drawn.rcode ?? 0) & 15 : (drawn.rcode ?? 0),
  }));

test("any message is read back as it was written, signed or not", () => {
  const key = { name: ["k"], algorithm: "hmac-sha256" as const, secret: Buffer.from("secret") };
  fc.assert(
    fc.property(message, fc.boolean(), (written, sign) => {
      const packet = encodeMessage(written, 65535);
      assert.ok(packet);
      if (!sign) {
        const decoded = decodeMessage(packet);
        assert.ok(decoded.ok);
        assert.deepEqual(decoded.value, written);
        return;
      }
      const signed = signTsig(packet, key, 1e9);
      const decoded = decodeMessage(signed.packet);
      assert.ok(decoded.ok);
      const { tsig, ...read } = decoded.value;
      assert.deepEqual(read, written);
      assert.equal(tsig?.offset, packet.length);
      assert.deepEqual(verifyTsig(signed.packet, tsig, key, 1e9), { ok: true, value: signed.mac });
    }),
    { numRuns: RUNS },
  );
});

test("any bytes are read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (array) => void checkAny(Buffer.from(array))),
    { numRuns: RUNS },
  );
});

/** Bytes after a header that makes sense: fields that look like names, pointers and records. */
const plausible = fc
  .tuple(
    fc.tuple(u16, fc.constantFrom(0x0100, 0, 0x2000, 0x2800, 0x8000), fc.nat(2), fc.nat(3), fc.nat(3), fc.nat(3)),
    fc.array(
      fc.oneof(
        fc.constantFrom("\0", "\x01a", "\x03api", "\0\x01\0\x01", "\0\0\0\x05", "\0\x04", "\0\x29", "\0\xfa"),
        fc.constantFrom("\0\x21\0\x01\0\0\0\x05\0\x08\0\0\0\0\0\x50", "\0\0\x29\x04\xd0\0\0\0\0\0\0", "\0\0\xff\0\x01"),
        fc.nat(300).map((offset) => String.fromCharCode(0xc0 | (offset >> 8), offset & 0xff)),
        bytes(0, 4),
      ),
      { maxLength: 60 },
    ),
  )
  .map(([header, parts]) => {
    const packet = Buffer.alloc(12);
    for (const [i, value] of header.entries()) packet.writeUInt16BE(value, 2 * i);
    return Buffer.concat([packet, Buffer.from(parts.join(""), "latin1")]);
  });

test("bytes that look like a message are read or refused", () => {
  let read = 0;
  fc.assert(
    fc.property(plausible, (packet) => {
      if (checkAny(packet).ok) read++;
    }),
    { numRuns: 3 * RUNS },
  );
  assert.ok(read > 0, "some are messages");
});

/** One thing done to a capture: a bit, a byte, a cut, a piece left out, a piece twice, a pointer put in. */
const mutation = fc.record({ what: fc.nat(6), at: fc.nat(1000), length: fc.nat(40), value: u8 });

function mutate(
  packet: Buffer,
  { what, at, length, value }: { what: number; at: number; length: number; value: number },
) {
  if (packet.length < 2) return packet;
  const place = at % packet.length;
  const [before, after] = [packet.subarray(0, place), packet.subarray(place)];
  if (what === 0) return Buffer.from(before);
  if (what === 1) return Buffer.concat([before, after.subarray(length)]);
  if (what === 2) return Buffer.concat([before, after.subarray(0, length), after]);
  if (what === 3) return Buffer.concat([packet, after.subarray(0, length)]);
  const copy = Buffer.from(packet);
  if (what === 4) copy[place]! ^= 1 << (value & 7);
  else if (what === 5) copy[place] = value;
  else copy.writeUInt16BE(0xc000 | value, Math.min(place, copy.length - 2));
  return copy;
}

test("captures with a few things changed are read or refused", () => {
  let read = 0;
  let refused = 0;
  const changed = fc.tuple(fc.constantFrom(...CAPTURES), fc.array(mutation, { minLength: 1, maxLength: 4 }));
  fc.assert(
    fc.property(changed, ([capture, mutations]) => {
      if (checkAny(mutations.reduce(mutate, capture)).ok) read++;
      else refused++;
    }),
    { numRuns: 3 * RUNS },
  );
  assert.ok(read > 100 && refused > 100 && quick > 100, `${read} read, ${refused} refused, ${quick} plain`);
});

test("every capture, cut anywhere or longer by a byte, is refused", () => {
  for (const capture of CAPTURES) {
    for (let end = 0; end < capture.length; end++) {
      const decoded = checkAny(capture.subarray(0, end));
      assert.ok(!decoded.ok, capture.toString("hex"));
    }
    assert.ok(!checkAny(Buffer.concat([capture, Buffer.from([0])])).ok);
  }
});

test("text is parsed or refused", () => {
  const text = fc.oneof(
    fc.string(),
    fc.string({ unit: fc.constantFrom("a", ".", "\\", "0", "2", "5", "ü", ":", "f") }),
  );
  fc.assert(
    fc.property(text, (drawn) => {
      const parsed = parseName(drawn);
      if (parsed !== undefined) checkName(parsed);
      assert.ok([undefined, 4, 16].includes(addressBytes(drawn)?.length));
    }),
    { numRuns: RUNS },
  );
});
