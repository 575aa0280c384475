/** The DNS codec against what real programs send, and against the RFCs' own examples; without sockets. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BLANK, decode, encode, toName as name, VECTORS } from "../../../../../../test/dns/captures-rig.ts";
import { addressBytes, readAddress } from "./address.ts";
import { HEADER_BYTES } from "./header.ts";
import { CLASS, type Data, type Message, type Name, RCODE, type Resource, TYPE } from "./message.ts";
import { isWithin, keyOf, openCursor, parseName, readName, sameName, showName } from "./name.ts";
import { encodeMessage, packMessage, RECORDS_MAX } from "./packet.ts";
import { parseClass, parseType, sameData, showClass, showRecord, showType, toResource } from "./record.ts";

/** The form that the vectors have. */
function show(message: Message): object {
  const { opcode, rcode, edns, tsig } = message;
  const flags: [boolean, string][] = [
    [message.response, "qr"],
    [message.authoritative, "aa"],
    [message.truncated, "tc"],
    [message.recursionDesired, "rd"],
    [message.recursionAvailable, "ra"],
    [message.checkingDisabled, "cd"],
  ];
  const sections = (["answers", "authority", "additional"] as const).filter((section) => message[section].length > 0);
  return {
    opcode,
    rcode,
    flags: flags.flatMap(([set, word]) => (set ? [word] : [])).join(" "),
    questions: message.questions.map((q) => `${showName(q.name)} ${showClass(q.class)} ${showType(q.type)}`),
    ...Object.fromEntries(sections.map((section) => [section, message[section].map(showRecord)])),
    ...(edns && { edns }),
    ...(tsig && { tsig: `${showName(tsig.key)} ${showName(tsig.algorithm)} ${tsig.error}` }),
  };
}

test("what real programs send is read", () => {
  assert.ok(VECTORS.length > 100);
  for (const { from, hex, message } of VECTORS) {
    assert.deepEqual(show(decode(Buffer.from(hex, "hex"))), message, from);
  }
});

test("what was read is written back the same, and about as small as real servers write it", () => {
  for (const { from, hex } of VECTORS) {
    const packet = Buffer.from(hex, "hex");
    const { tsig, ...message } = decode(packet);
    const again = encode(message);
    assert.deepEqual(decode(again), message, from);
    // BIND and NSD compress without regard to case; in their transfers that counts.
    if (tsig === undefined && message.answers.length < 10) assert.ok(again.length <= packet.length + 4, from);
  }
});

/** RFC 1035 §4.1.4: F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the root at 92. */
function exampleOfCompression(): Buffer {
  const packet = Buffer.alloc(93, 0xff);
  packet.write("\x01F\x03ISI\x04ARPA\0", 20, "latin1");
  packet.write("\x03FOO\xc0\x14", 40, "latin1");
  packet.write("\xc0\x1a", 64, "latin1");
  packet.write("\0", 92, "latin1");
  return packet;
}

test("names are read through pointers", () => {
  const packet = exampleOfCompression();
  const read = (at: number): [string, number] => {
    const cursor = openCursor(packet, at);
    return [showName(readName(cursor)!), cursor.at];
  };
  assert.deepEqual(read(20), ["F.ISI.ARPA.", 32]);
  assert.deepEqual(read(40), ["FOO.F.ISI.ARPA.", 46]);
  assert.deepEqual(read(64), ["ARPA.", 66]);
  assert.deepEqual(read(92), [".", 93]);
});

test("names that are malformed are not read", () => {
  const read = (hex: string): Name | undefined => {
    const packet = Buffer.concat([Buffer.alloc(HEADER_BYTES), Buffer.from(hex, "hex")]);
    return readName(openCursor(packet, HEADER_BYTES));
  };
  assert.deepEqual(read("016100"), ["a"]);
  for (const [hex, why] of [
    ["", "nothing"],
    ["0161", "no end"],
    ["0361", "a label that is cut"],
    ["c00c", "a pointer to itself"],
    ["0161c00c", "a pointer to its own beginning"],
    ["c00e00", "a pointer forward"],
    ["c000", "a pointer into the header"],
    ["c0", "half a pointer"],
    ["400100", "an extended label type"],
    ["800100", "a reserved label type"],
    [`${`3f${"61".repeat(63)}`.repeat(3)}3e${"61".repeat(62)}00`, "256 bytes"],
  ] as const) {
    assert.equal(read(hex), undefined, why);
  }
  assert.equal(read(`${`3f${"61".repeat(63)}`.repeat(3)}3d${"61".repeat(61)}00`)?.length, 4, "255 bytes");
});

test("names are text and back", () => {
  for (const [text, labels] of [
    [".", []],
    ["a.b.", ["a", "b"]],
    ["a\\.b.c.", ["a.b", "c"]],
    ["a\\032\\255\\\\.", ["a \xff\\"]],
    ["\\@\\;\\(\\).", ["@;()"]],
    ["_api._tcp.Rollcall.", ["_api", "_tcp", "Rollcall"]],
  ] as const) {
    assert.deepEqual(parseName(text), labels, text);
    assert.equal(showName(labels), text);
  }
  assert.deepEqual(parseName("ü"), ["\xc3\xbc"]);
  assert.deepEqual(parseName("a\\.", name("b.")), ["a.", "b"], "the escaped dot does not end the name");
  assert.deepEqual(parseName("a", name("b.c")), ["a", "b", "c"]);
  assert.deepEqual(parseName("a.", name("b.c")), ["a"]);
  for (const text of ["", "..", ".a", "a..b", "a\\", "a\\25", "a\\2x3", "a\\256", "x".repeat(64)]) {
    assert.equal(parseName(text), undefined, text);
  }
  assert.equal(parseName(Array(128).fill("a").join(".")), undefined);
  assert.equal(parseName(Array(127).fill("a").join("."))?.length, 127);
});

const bytes = (minLength: number, maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array).toString("latin1"));
const label = fc.oneof(
  fc.constantFrom("a", "A", "b", ".", "\\", "a.b", "a\\.b", "*", "\xc4", "\xe4", " "),
  bytes(1, 12),
);
const anyName = fc.array(label, { maxLength: 6 });

test("names have one key exactly when they are the same but for the case of ASCII letters", () => {
  fc.assert(
    fc.property(anyName, anyName, (one, other) => {
      assert.deepEqual(parseName(showName(one)), one);
      const lower = (from: Name): string[] =>
        from.map((part) => part.replace(/[A-Z]/g, (letter) => letter.toLowerCase()));
      const same = JSON.stringify(lower(one)) === JSON.stringify(lower(other));
      assert.equal(keyOf(one) === keyOf(other), same);
      assert.equal(sameName(one, other), same);
      assert.ok(isWithin([...other, ...one], one));
      if (other.length > 0) assert.ok(!isWithin(one, [...other, ...one]));
    }),
  );
  assert.equal(keyOf([]), "");
  assert.equal(keyOf(["A", "b.C", "\xc4"]), "a.b\\.c.\xc4");
});

test("addresses are text and bytes", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constant(0), fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 }),
      (groups) => {
        const written = groups.map((group) => group.toString(16)).join(":");
        const packet = Buffer.from(addressBytes(written)!, "latin1");
        assert.deepEqual(
          Array.from({ length: 8 }, (_, i) => packet.readUInt16BE(2 * i)),
          groups,
        );
        const shown = readAddress(packet, 0, 16);
        assert.equal(addressBytes(shown), packet.toString("latin1"));
        if (!shown.includes(".")) assert.equal(`[${shown}]`, new URL(`http://[${written}]`).hostname);
      },
    ),
  );
  assert.equal(addressBytes("1.2.3.255"), "\x01\x02\x03\xff");
  assert.equal(addressBytes("0.0.0.0"), "\0\0\0\0");
  assert.equal(addressBytes("::ffff:1.2.3.4"), `${"\0".repeat(10)}\xff\xff\x01\x02\x03\x04`);
  assert.equal(readAddress(Buffer.from(addressBytes("::FFFF:1.2.3.4")!, "latin1"), 0, 16), "::ffff:1.2.3.4");
  for (const text of ["", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1..2.3", "1.2.3.4.", "1.2.3.-4", "a.b.c.d"]) {
    assert.equal(addressBytes(text), undefined, text);
  }
  for (const text of [":", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "1:2:3:4:5:6:7::8", "::1%lo", "12345::"]) {
    assert.equal(addressBytes(text), undefined, text);
  }
});

function services(count: number): Pick<Message, "questions" | "answers" | "additional"> {
  const owner = name("_API._tcp.Rollcall.");
  const targets = Array.from({ length: count }, (_, i) => name(`a${i}.id.api.rollcall`));
  return {
    questions: [{ name: owner, type: TYPE.SRV, class: CLASS.IN }],
    answers: targets.map((target, i) =>
      toResource(owner, TYPE.SRV, 5, { kind: "service", priority: 0, weight: 256, port: 8000 + i, target }),
    ),
    additional: targets.map((target, i) =>
      toResource(target, TYPE.A, 5, { kind: "address", address: `10.0.${i >> 8}.${i & 255}` }),
    ),
  };
}

test("an answer of services: owners point to the question, targets are whole, additional names point to targets", () => {
  const hex = encode({ ...BLANK, response: true, authoritative: true, ...services(1) }).toString("hex");
  const question = "045f415049045f74637008526f6c6c63616c6c0000210001";
  const service = "c00c0021000100000005001a000001001f400261300269640361706908726f6c6c63616c6c00";
  const address = "c036000100010000000500040a000000";
  assert.equal(hex, `000784000001000100000001${question}${service}${address}`);
});

test("names are compressed in the types of RFC 1035 alone", () => {
  const zone = name("rollcall.");
  const host = name("a.rollcall.");
  const sizeOf = (type: number, data: Data): number => {
    const before = encode({ ...BLANK, questions: [{ name: host, type, class: CLASS.IN }] }).length;
    const record = toResource(host, type, 5, data);
    const message = { ...BLANK, questions: [{ name: host, type, class: CLASS.IN }], answers: [record] };
    return encode(message).length - before - 12;
  };
  for (const type of [TYPE.NS, TYPE.CNAME, TYPE.PTR]) assert.equal(sizeOf(type, { kind: "name", target: host }), 2);
  assert.equal(sizeOf(TYPE.MX, { kind: "exchange", preference: 1, target: ["b", ...zone] }), 2 + 2 + 2);
  const numbers = { serial: 4294967295, refreshS: 1, retryS: 2, expireS: 3, minimumS: 4 };
  assert.equal(sizeOf(TYPE.SOA, { kind: "authority", primary: host, mailbox: zone, ...numbers }), 2 + 2 + 20);
  assert.equal(sizeOf(TYPE.DNAME, { kind: "name", target: host }), 12);
  assert.equal(sizeOf(TYPE.SRV, { kind: "service", priority: 0, weight: 0, port: 0, target: host }), 6 + 12);
});

test("every name keeps the case it was given in", () => {
  const names = ["API.Rollcall.", "api.rollcall.", "Api.rollcall.", "API.rollcall."].map(name);
  const answers = names.map((owner, i) => toResource(owner, TYPE.CNAME, 5, { kind: "name", target: names[3 - i]! }));
  const message = { ...BLANK, questions: [{ name: names[0]!, type: TYPE.A, class: CLASS.IN }], answers };
  assert.deepEqual(decode(encode(message)), message);
});

test("a message of 65535 bytes, as a transfer has them, is written and read", () => {
  const many = services(RECORDS_MAX).answers.map((record, i) => ({
    ...record,
    name: name(`s${i}.x${i % 7}.rollcall`),
  }));
  const packed = packMessage({ ...BLANK, response: true, answers: many }, 65535);
  assert.ok(packed && packed.bytes.length > 65535 - 100 && packed.bytes.length <= 65535);
  assert.deepEqual(decode(packed.bytes).answers, many.slice(0, packed.answers));
});

test("names are not pointed to where pointers do not reach", () => {
  const filler = toResource(["filler"], 65280, 5, { kind: "raw", bytes: "x".repeat(0x4000) });
  const owners = ["a.late.", "b.late.", "a.late.", "c.b.late.", "late."].map(name);
  const answers = [...owners, ...owners].map((owner) => toResource(owner, TYPE.NS, 5, { kind: "name", target: owner }));
  const message = { ...BLANK, answers: [filler, ...answers] };
  assert.deepEqual(decode(encode(message)), message);
});

test("names whose hashes are the same are told apart", () => {
  const pair = ["n512789", "n749192"];
  assert.equal(hashOf(pair[0]!), hashOf(pair[1]!));
  const answers = [...pair, ...pair].map((label) => toResource([label], TYPE.NS, 5, { kind: "name", target: [label] }));
  const message = { ...BLANK, answers };
  assert.deepEqual(decode(encode(message)), message);
});

/** As the writer does it for a name of one label (FNV-1a, and the length). */
function hashOf(label: string): number {
  let hash = 0x811c9dc5 | 0;
  for (const byte of Buffer.from(label)) hash = Math.imul(hash ^ byte, 0x01000193);
  return Math.imul(hash ^ (label.length + 0x100), 0x01000193);
}

test("names inside data that is kept as bytes are whole: a pointer means nothing elsewhere", () => {
  const question = "03617069 08726f6c6c63616c6c 00 0001 0001";
  const whole = "03617069 08726f6c6c63616c6c 00";
  for (const [type, data, expected] of [
    ["0007", "c00c", whole],
    ["000e", "c00c c010", whole + whole.slice(9)],
    ["0011", "c00c 00", `${whole} 00`],
    ["0012", "0001 c00c", `0001 ${whole}`],
    ["0023", "0001 0002 0161 00 0162 0162 c00c", `0001 0002 0161 00 0162 0162 ${whole}`],
    ["ff00", "c00c", "c00c"],
  ] as const) {
    const bytes = Buffer.from(data.replaceAll(" ", ""), "hex");
    const length = bytes.length.toString(16).padStart(4, "0");
    const record = `c00c ${type} 0001 00000005 ${length} ${data}`;
    const hex = `0007 0000 0001 0001 0000 0000 ${question} ${record}`.replaceAll(" ", "");
    const [answer] = decode(Buffer.from(hex, "hex")).answers;
    assert.ok(answer?.data.kind === "raw");
    assert.equal(Buffer.from(answer.data.bytes, "latin1").toString("hex"), expected.replaceAll(" ", ""), type);
  }
});

test("as many records as fit are packed, in order, and EDNS always", () => {
  const edns = { version: 0, udpSize: 1232, dnssecOk: true };
  const message = { ...BLANK, response: true, ...services(5), edns };
  const whole = encode(message);
  for (let bytesMax = 0; bytesMax <= whole.length + 40; bytesMax++) {
    const packed = packMessage(message, bytesMax);
    if (packed === undefined) {
      assert.ok(bytesMax < 80);
      assert.equal(encodeMessage(message, bytesMax), undefined);
      continue;
    }
    assert.ok(packed.bytes.length <= bytesMax);
    const { answers, additional } = packed;
    assert.ok(additional === 0 || answers === 5);
    const part = { ...message, answers: message.answers.slice(0, answers) };
    assert.deepEqual(decode(packed.bytes), { ...part, additional: message.additional.slice(0, additional) });
    const fits = encodeMessage(message, bytesMax);
    assert.equal(fits !== undefined, additional === 5);
    if (fits !== undefined) assert.deepEqual(fits, whole);
  }
});

test("a copy leaves: the next message does not change it", () => {
  const one = encode({ ...BLANK, ...services(3) });
  const before = Buffer.from(one);
  encode({ ...BLANK, id: 99, ...services(9) });
  assert.deepEqual(one, before);
});

test("what cannot be said on the wire throws, as only a bug can ask for it", () => {
  const say = (record: Partial<Resource>, message: Partial<Message> = {}) => {
    const answers = [{ ...toResource(["a"], TYPE.A, 5, { kind: "address", address: "1.2.3.4" }), ...record }];
    return () => encodeMessage({ ...BLANK, answers, ...message }, 512);
  };
  assert.doesNotThrow(say({}));
  assert.throws(say({ name: ["x".repeat(64)] }), RangeError);
  assert.throws(say({ name: [""] }), RangeError);
  assert.throws(say({ name: Array(128).fill("x") }), RangeError);
  assert.throws(say({ data: { kind: "address", address: "::1" } }), TypeError);
  assert.throws(say({ data: { kind: "address", address: "localhost" } }), TypeError);
  assert.throws(say({ data: { kind: "text", strings: ["x".repeat(256)] } }), RangeError);
  assert.throws(say({ data: { kind: "text", strings: Array(300).fill("x".repeat(255)) } }), RangeError);
  assert.throws(say({ data: { kind: "raw", bytes: "x".repeat(65536) } }), RangeError);
  assert.throws(say({}, { rcode: RCODE.BADVERS }), RangeError);
});

test("records are shown as lines of a zone file", () => {
  const owner = name("a b.rollcall");
  const show = (type: number, data: Data): string => showRecord(toResource(owner, type, 5, data));
  assert.equal(
    show(TYPE.TXT, { kind: "text", strings: ['a"\\', "\x00;\xff", ""] }).slice(26),
    '"a\\"\\\\" "\\000;\\255" ""',
  );
  assert.equal(show(65280, { kind: "raw", bytes: "\0\xff" }), "a\\032b.rollcall. 5 IN TYPE65280 \\# 2 00ff");
  assert.equal(show(TYPE.CAA, { kind: "raw", bytes: "" }), "a\\032b.rollcall. 5 IN CAA \\# 0");
  assert.equal(parseType("srv"), TYPE.SRV);
  assert.equal(parseType("type65280"), 65280);
  for (const text of ["TYPE65536", "TYPE", "TYPE-1", "NOPE", "", "toString", "constructor"]) {
    assert.equal(parseType(text), undefined, text);
  }
  assert.equal(parseClass("in"), CLASS.IN);
  assert.equal(showClass(7), "CLASS7");
  assert.ok(sameData(TYPE.NS, { kind: "name", target: ["A"] }, { kind: "name", target: ["a"] }));
  assert.ok(!sameData(TYPE.TXT, { kind: "text", strings: ["A"] }, { kind: "text", strings: ["a"] }));
  assert.ok(!sameData(TYPE.TXT, { kind: "text", strings: ["ab"] }, { kind: "text", strings: ["a", "b"] }));
});
