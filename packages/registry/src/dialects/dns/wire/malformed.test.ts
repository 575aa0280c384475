/** Packets that break the rules of DNS one by one, and packets that ask for much work with few bytes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CLASS, RCODE, TYPE } from "./message.ts";
import { decodeMessage, RECORDS_MAX } from "./packet.ts";

/** A query with these counts and this body. */
function packetOf(counts: readonly [number, number, number, number], body: Buffer | string, flags = 0): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(flags, 2);
  for (const [i, count] of counts.entries()) header.writeUInt16BE(count, 4 + 2 * i);
  return Buffer.concat([header, typeof body === "string" ? Buffer.from(body.replaceAll(" ", ""), "hex") : body]);
}

const QUESTION = "00 0001 0001";
const OPT = "00 0029 04d0 00000000 0000";
const opt = (options: string, version = "00"): string => `00 0029 04d0 00${version}0000 ${options}`;
const TSIG_DATA = "0161 00 000000000001 012c 0000 0001 0000 0000";
const TSIG = `00 00fa 00ff 00000000 0013 ${TSIG_DATA}`;

test("packets that break a rule are FORMERR, those beside them are not", () => {
  const cases: [string, boolean, Buffer][] = [
    ["a question", true, packetOf([1, 0, 0, 0], QUESTION)],
    ["no question", true, packetOf([0, 0, 0, 0], "")],
    ["bytes at the end", false, packetOf([0, 0, 0, 0], "00")],
    ["a question that is missing", false, packetOf([2, 0, 0, 0], QUESTION)],
    ["a record that is missing", false, packetOf([1, 1, 0, 0], QUESTION)],
    ["EDNS", true, packetOf([1, 0, 0, 1], QUESTION + OPT)],
    ["EDNS twice", false, packetOf([1, 0, 0, 2], QUESTION + OPT + OPT)],
    ["EDNS among the answers", false, packetOf([1, 1, 0, 0], QUESTION + OPT)],
    ["EDNS of a name", false, packetOf([1, 0, 0, 1], `${QUESTION} 0161${OPT}`)],
    ["an unknown option", true, packetOf([0, 0, 0, 1], opt("0006 fde9 0002 abcd"))],
    ["half an option", false, packetOf([0, 0, 0, 1], opt("0003 fde9 00"))],
    ["an option longer than the record", false, packetOf([0, 0, 0, 1], opt("0004 fde9 0001"))],
    ["an option longer than the record, of another EDNS", true, packetOf([0, 0, 0, 1], opt("0004 fde9 0001", "01"))],
    ["EXPIRE", true, packetOf([0, 0, 0, 1], opt("0004 0009 0000"))],
    ["EXPIRE of a byte", false, packetOf([0, 0, 0, 1], opt("0005 0009 0001 00"))],
    ["UPDATE-LEASE", true, packetOf([0, 0, 0, 1], opt("0008 0002 0004 0000003c"))],
    ["UPDATE-LEASE of two numbers", true, packetOf([0, 0, 0, 1], opt("000c 0002 0008 0000003c 0000003c"))],
    ["UPDATE-LEASE without one", false, packetOf([0, 0, 0, 1], opt("0004 0002 0000"))],
    ["TSIG", true, packetOf([0, 0, 0, 1], TSIG)],
    ["TSIG after EDNS", true, packetOf([0, 0, 0, 2], OPT + TSIG)],
    ["TSIG before EDNS", false, packetOf([0, 0, 0, 2], TSIG + OPT)],
    ["TSIG twice", false, packetOf([0, 0, 0, 2], TSIG + TSIG)],
    ["TSIG among the answers", false, packetOf([0, 1, 0, 0], TSIG)],
    ["TSIG of class IN", false, packetOf([0, 0, 0, 1], TSIG.replace("00ff", "0001"))],
    ["TSIG with a TTL", false, packetOf([0, 0, 0, 1], TSIG.replace("00000000", "00000001"))],
    ["TSIG with a byte more", false, packetOf([0, 0, 0, 1], `${TSIG.replace("0013", "0014")}00`)],
    ["TSIG with a MAC that is missing", false, packetOf([0, 0, 0, 1], TSIG.replace("012c 0000", "012c 0001"))],
    ["an address", true, packetOf([0, 1, 0, 0], "00 0001 0001 00000000 0004 01020304")],
    ["an address of 3 bytes", false, packetOf([0, 1, 0, 0], "00 0001 0001 00000000 0003 010203")],
    ["an address of none", false, packetOf([0, 1, 0, 0], "00 0001 0001 00000000 0000 00")],
    ["an address of none, of class ANY", true, packetOf([0, 1, 0, 0], "00 0001 00ff 00000000 0000")],
    ["an address of none, of class NONE", true, packetOf([0, 1, 0, 0], "00 0001 00fe 00000000 0000")],
    ["no text", false, packetOf([0, 1, 0, 0], "00 0010 0001 00000000 0000")],
    ["an empty text", true, packetOf([0, 1, 0, 0], "00 0010 0001 00000000 0001 00")],
    ["a text longer than its record", false, packetOf([0, 1, 0, 0], "00 0010 0001 00000000 0002 02 61")],
    ["HINFO of one string", false, packetOf([0, 1, 0, 0], "00 000d 0001 00000000 0001 00")],
    ["a name shorter than its record", false, packetOf([0, 1, 0, 0], "00 0002 0001 00000000 0002 00 00")],
    ["a name longer than its record", false, packetOf([0, 1, 0, 0], "00 0002 0001 00000000 0001 0161 00")],
    ["SOA cut", false, packetOf([0, 1, 0, 0], `00 0006 0001 00000000 0015 00 00 ${"00".repeat(19)}`)],
    ["SRV without a target", false, packetOf([0, 1, 0, 0], "00 0021 0001 00000000 0006 000000000000")],
  ];
  for (const [what, fine, packet] of cases) {
    const decoded = decodeMessage(packet);
    assert.equal(decoded.ok, fine, what);
    if (!decoded.ok) assert.equal(decoded.rcode, RCODE.FORMERR, what);
  }
});

test("a refused packet gives back the question that could be read", () => {
  const packet = packetOf([1, 9, 0, 0], "0341704900 0021 0001", 0x0100);
  const decoded = decodeMessage(packet);
  const questions = [{ name: ["ApI"], type: TYPE.SRV, class: CLASS.IN }];
  assert.deepEqual(decoded, { ok: false, rcode: 1, id: 0, opcode: 0, recursionDesired: true, questions });
  const stateful = decodeMessage(packetOf([0, 0, 0, 0], "0001 0004 00000000", 6 << 11));
  assert.ok(!stateful.ok && stateful.rcode === RCODE.NOTIMP && stateful.opcode === 6);
  assert.ok(decodeMessage(packetOf([0, 0, 0, 0], "", 0x8000)).ok);
});

/** A name of 126 labels at offset 12, then as many records as fit that point to it. */
function bomb(record: string): Buffer {
  const each = Buffer.from(record.replaceAll(" ", ""), "hex");
  const question = Buffer.from(`${"0161".repeat(126)}0000010001`, "hex");
  const count = Math.min(RECORDS_MAX, Math.floor((65535 - 12 - question.length) / each.length));
  return packetOf([1, count, 0, 0], Buffer.concat([question, ...Array(count).fill(each)]));
}

/** A root and so many pointers, each to the one before it, in a record; then one whose name is the last of them. */
function chain(count: number): Buffer {
  const start = 12 + 11;
  const data = Buffer.alloc(2 + 2 * count);
  for (let i = 1; i <= count; i++) data.writeUInt16BE(0xc000 | (start + 2 * (i - 1)), 2 * i);
  const record = Buffer.from("0000630001000000000000", "hex");
  record.writeUInt16BE(data.length, 9);
  const last = Buffer.from("000000630001000000000000", "hex");
  last.writeUInt16BE(0xc000 | (start + 2 * (count - 1)), 0);
  return packetOf([0, 2, 0, 0], Buffer.concat([record, data, last]));
}

/** One TXT record of so many empty strings. */
function strings(count: number): Buffer {
  const record = Buffer.concat([Buffer.from("00001000010000000000", "hex"), Buffer.alloc(1 + count)]);
  record.writeUInt16BE(count, 9);
  return packetOf([0, 1, 0, 0], record);
}

test("few bytes do not ask for much work", () => {
  const soa = `0018 c00c c00c ${"00".repeat(20)}`;
  const bombs: [string, boolean, Buffer][] = [
    ["many names of many labels", false, bomb(`c00c 0006 0001 00000000 ${soa}`)],
    ["many names of many labels in little data", false, bomb("c00c 000c 0001 00000000 0002 c00c")],
    ["a chain of pointers that is not long", true, chain(126)],
    ["a long chain of pointers", false, chain(8000)],
    ["more questions than there may be", false, packetOf([65535, 0, 0, 0], Buffer.alloc(65523))],
    ["more records than there may be", false, packetOf([0, 65535, 65535, 65535], Buffer.alloc(65523))],
    ["as many records as fit", false, packetOf([0, 5956, 0, 0], Buffer.alloc(5956 * 11))],
    ["as many records as there may be", true, packetOf([0, RECORDS_MAX, 0, 0], Buffer.alloc(RECORDS_MAX * 11))],
    ["strings of nothing", true, strings(65500)],
  ];
  for (const [what, fine, packet] of bombs) {
    const start = process.cpuUsage();
    const decoded = decodeMessage(packet);
    const { user, system } = process.cpuUsage(start);
    assert.equal(decoded.ok, fine, what);
    assert.ok(user + system < 500_000, `${what}: ${user + system} µs`);
  }
});
