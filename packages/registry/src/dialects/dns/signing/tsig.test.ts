/** Signed DNS messages, against those that dig, kdig, nsupdate, BIND, Knot and NSD signed; without sockets. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BLANK,
  decode,
  encode,
  KEYS,
  QUERIES,
  REPLIES,
  TRANSFER,
  toName,
  type Vector,
} from "../../../../../../test/dns/captures-rig.ts";
import type { Message, Tsig } from "../wire/message.ts";
import { keyOf, showName } from "../wire/name.ts";
import { decodeMessage } from "../wire/packet.ts";
import { FUDGE_S, refuseTsig, type Secret, signTsig, TSIG_ERROR, TsigStream, tsigBytes, verifyTsig } from "./tsig.ts";

const KEY = KEYS.get("xfer.")!;
const NOW_S = 1_800_000_000;
const QUESTION = encode({ ...BLANK, questions: [{ name: toName("rollcall."), type: 6, class: 1 }] });
const OK = { ok: true } as const;

interface Signed {
  readonly from: string;
  readonly packet: Buffer;
  readonly message: Message;
  readonly tsig: Tsig;
  readonly key: Secret | undefined;
  readonly vector: Vector;
}

function signedOf(vectors: readonly Vector[]): Signed[] {
  return vectors.flatMap((vector) => {
    const packet = Buffer.from(vector.hex, "hex");
    const message = decode(packet);
    const { tsig } = message;
    return tsig === undefined
      ? []
      : [{ from: vector.from, packet, message, tsig, key: KEYS.get(showName(tsig.key)), vector }];
  });
}

const REQUESTS = signedOf(QUERIES).filter(({ key }) => key !== undefined);
const ANSWERS = signedOf(REPLIES);

function tsigOf(packet: Buffer): Tsig {
  const { tsig } = decode(packet);
  assert.ok(tsig);
  return tsig;
}

function verdictOf(packet: Buffer, key: Secret, nowS: number, before = {}): ReturnType<typeof verifyTsig> {
  return verifyTsig(packet, tsigOf(packet), key, nowS, before);
}

test("what real clients signed is verified, MACs that they cut among it", () => {
  assert.ok(REQUESTS.length >= 12);
  const algorithms = new Set<string>();
  let cut = 0;
  for (const { from, packet, tsig, key } of REQUESTS) {
    assert.deepEqual(verifyTsig(packet, tsig, key!, tsig.timeS), { ok: true, value: tsig.mac }, from);
    algorithms.add(keyOf(tsig.algorithm));
    if ([10, 16].includes(tsig.mac.length)) cut++;
  }
  assert.deepEqual([...algorithms].sort(), ["hmac-sha1", "hmac-sha256", "hmac-sha512"]);
  assert.equal(cut, 2);
});

test("we sign what they sign in the same bytes", () => {
  let same = 0;
  for (const { from, packet, tsig, key } of REQUESTS) {
    const message = Buffer.from(packet.subarray(0, tsig.offset));
    message.writeUInt16BE(message.readUInt16BE(10) - 1, 10);
    const signed = signTsig(message, key!, tsig.timeS);
    // Six bytes more when the record says what time it is.
    assert.equal(signed.packet.length - message.length + 6, tsigBytes(key!), from);
    if (tsig.fudgeS !== FUDGE_S || tsig.mac.length < 20) continue;
    assert.deepEqual(signed.packet, packet, from);
    same++;
  }
  assert.ok(same >= 10);
});

test("a real server's answers are verified by the MAC of the question", () => {
  const named = ANSWERS.filter(({ from, tsig }) => from === "named" && tsig.mac !== "");
  assert.equal(named.length, 2);
  for (const { packet, tsig, vector, message } of named) {
    const requestMac = Buffer.from(vector.requestMac!, "hex").toString("latin1");
    assert.equal(verifyTsig(packet, tsig, KEY, tsig.timeS, { requestMac }).ok, true);
    assert.deepEqual(verifyTsig(packet, tsig, KEY, tsig.timeS), { ok: false, error: TSIG_ERROR.BADSIG });
    // One says that the question was late, and what time it is.
    assert.equal(message.rcode, tsig.error === 0 ? 0 : 9);
    if (tsig.error === 0) continue;
    assert.equal(tsig.error, TSIG_ERROR.BADTIME);
    assert.equal(Buffer.from(tsig.other, "latin1").readUIntBE(0, 6), vector.nowS);
  }
});

test("a real server's transfer of many messages is verified, each by the one before", () => {
  let before: object = { requestMac: Buffer.from(TRANSFER.requestMac, "hex").toString("latin1") };
  assert.equal(TRANSFER.messages.length, 5);
  for (const hex of TRANSFER.messages) {
    const packet = Buffer.from(hex, "hex");
    const verdict = verdictOf(packet, KEY, TRANSFER.nowS, before);
    assert.ok(verdict.ok);
    assert.equal(verdictOf(packet, KEY, TRANSFER.nowS, { priorMac: "other" }).ok, false);
    before = { priorMac: verdict.value };
  }
});

test("we sign a transfer as that server did", () => {
  const stream = new TsigStream(KEY, Buffer.from(TRANSFER.requestMac, "hex").toString("latin1"));
  for (const hex of TRANSFER.messages) {
    const packet = Buffer.from(hex, "hex");
    const { offset, timeS } = tsigOf(packet);
    const message = Buffer.from(packet.subarray(0, offset));
    message.writeUInt16BE(0, 10);
    assert.deepEqual(stream.sign(message, timeS), packet);
  }
});

test("a bit that changes anywhere is noticed, but for the id, which forwarders change", () => {
  const { packet } = signTsig(QUESTION, KEY, NOW_S);
  const names = packet.subarray(QUESTION.length, QUESTION.length + 6 + 10 + 13);
  for (let bit = 0; bit < packet.length * 8; bit++) {
    const at = bit >> 3;
    const changed = Buffer.from(packet);
    changed[at]! ^= 1 << (bit & 7);
    const decoded = decodeMessage(changed);
    const tsig = decoded.ok ? decoded.value.tsig : undefined;
    const verified = tsig !== undefined && verifyTsig(changed, tsig, KEY, NOW_S).ok;
    // The record's own names are signed in lower case.
    const sameLetter = (bit & 7) === 5 && /[a-z]/.test(String.fromCharCode(names[at - QUESTION.length] ?? 0));
    assert.equal(verified, bit < 16 || sameLetter, `bit ${bit}`);
  }
});

test("the time may differ by the fudge and no more, and is looked at after the MAC", () => {
  const { packet } = signTsig(QUESTION, KEY, NOW_S);
  for (const late of [-FUDGE_S, 0, FUDGE_S]) assert.equal(verdictOf(packet, KEY, NOW_S + late).ok, true);
  const other = { ...KEY, secret: Buffer.from("other") };
  for (const late of [-FUDGE_S - 1, FUDGE_S + 1, -NOW_S, 2 ** 40]) {
    assert.deepEqual(verdictOf(packet, KEY, NOW_S + late), { ok: false, error: TSIG_ERROR.BADTIME });
    assert.deepEqual(verdictOf(packet, other, NOW_S + late), { ok: false, error: TSIG_ERROR.BADSIG });
  }
  const strict = signTsig(QUESTION, KEY, NOW_S, {}, { fudgeS: 10 }).packet;
  assert.equal(verdictOf(strict, KEY, NOW_S + 10).ok, true);
  assert.equal(verdictOf(strict, KEY, NOW_S + 11).ok, false);
  const far = 2 ** 40 + 5;
  assert.equal(verdictOf(signTsig(QUESTION, KEY, far).packet, KEY, far).ok, true, "the time has 48 bits");
});

test("another key, or the key with another algorithm, is BADKEY; the case of names is nothing", () => {
  const { packet } = signTsig(QUESTION, { ...KEY, name: ["XFER"] }, NOW_S);
  assert.equal(verdictOf(packet, KEY, NOW_S).ok, true);
  const badKey = { ok: false, error: TSIG_ERROR.BADKEY };
  assert.deepEqual(verdictOf(packet, { ...KEY, name: ["other"] }, NOW_S), badKey);
  assert.deepEqual(verdictOf(packet, { ...KEY, algorithm: "hmac-sha512" }, NOW_S), badKey);
});

/** The packet with the first bytes of its MAC alone. */
function cutMac(packet: Buffer, bytes: number): Buffer {
  const { offset, mac } = tsigOf(packet);
  const lengthAt = packet.length - 6 - mac.length - 2;
  const cut = Buffer.concat([
    packet.subarray(0, lengthAt + 2),
    packet.subarray(lengthAt + 2, lengthAt + 2 + Math.min(bytes, mac.length)),
    Buffer.alloc(Math.max(0, bytes - mac.length)),
    packet.subarray(-6),
  ]);
  cut.writeUInt16BE(bytes, lengthAt);
  const dataAt = offset + 6 + 8;
  cut.writeUInt16BE(packet.readUInt16BE(dataAt) + bytes - mac.length, dataAt);
  return cut;
}

test("a MAC may be cut to half and to 10 bytes, not further", () => {
  const algorithms = { "hmac-sha1": 20, "hmac-sha224": 28, "hmac-sha256": 32, "hmac-sha384": 48, "hmac-sha512": 64 };
  for (const [algorithm, whole] of Object.entries(algorithms)) {
    const key = { ...KEY, algorithm: algorithm as Secret["algorithm"] };
    const { packet } = signTsig(QUESTION, key, NOW_S);
    assert.equal(tsigOf(packet).mac.length, whole);
    for (let bytes = 0; bytes <= whole + 4; bytes++) {
      const verdict = verdictOf(cutMac(packet, bytes), key, NOW_S);
      const expected = bytes >= Math.max(10, whole / 2) && bytes <= whole ? OK : { ok: false, error: "format" };
      assert.deepEqual(verdict.ok ? OK : verdict, expected, `${algorithm} ${bytes}`);
    }
    const other = { ...key, secret: Buffer.from("other") };
    assert.deepEqual(verdictOf(cutMac(packet, whole / 2), other, NOW_S), { ok: false, error: TSIG_ERROR.BADSIG });
  }
});

test("answers are signed over the question's MAC; those of a stream over the one before", () => {
  const { mac: requestMac } = signTsig(QUESTION, KEY, NOW_S);
  const answer = signTsig(QUESTION, KEY, NOW_S, { requestMac });
  assert.equal(verdictOf(answer.packet, KEY, NOW_S, { requestMac }).ok, true);
  assert.equal(verdictOf(answer.packet, KEY, NOW_S).ok, false);
  const stream = new TsigStream(KEY, requestMac);
  let before: object = { requestMac };
  for (let i = 0; i < 4; i++) {
    const verdict = verdictOf(stream.sign(QUESTION, NOW_S + i), KEY, NOW_S + i, before);
    assert.ok(verdict.ok, `message ${i}`);
    before = { priorMac: verdict.value };
  }
});

test("refusals: without a MAC where there is no common secret, signed and with our time where the clocks differ", () => {
  const { packet, mac } = signTsig(QUESTION, KEY, NOW_S);
  const asked = tsigOf(packet);
  const answer = encode({ ...BLANK, id: 7, response: true, rcode: 9 });
  for (const error of [TSIG_ERROR.BADKEY, TSIG_ERROR.BADSIG] as const) {
    const refused = refuseTsig(answer, asked, { error }, NOW_S + 9);
    const { offset, ...tsig } = tsigOf(refused);
    assert.equal(offset, answer.length);
    const { key, algorithm, timeS, fudgeS, originalId } = asked;
    assert.deepEqual(tsig, { key, algorithm, timeS, fudgeS, originalId, mac: "", error, other: "" });
  }
  const late = refuseTsig(answer, asked, { error: TSIG_ERROR.BADTIME, key: KEY }, NOW_S + 999);
  const { timeS, error, other } = tsigOf(late);
  assert.deepEqual([timeS, error], [NOW_S, TSIG_ERROR.BADTIME]);
  assert.equal(Buffer.from(other, "latin1").readUIntBE(0, 6), NOW_S + 999);
  assert.equal(verdictOf(late, KEY, NOW_S, { requestMac: mac }).ok, true);
});

test("our refusals are those of a real server, byte by byte", () => {
  for (const { from, packet, tsig, key, vector } of ANSWERS) {
    const message = Buffer.from(packet.subarray(0, tsig.offset));
    message.writeUInt16BE(message.readUInt16BE(10) - 1, 10);
    if (tsig.error === 0) continue;
    const asked = { ...tsig, mac: Buffer.from(vector.requestMac!, "hex").toString("latin1") };
    const refusal =
      tsig.error === TSIG_ERROR.BADTIME ? { error: TSIG_ERROR.BADTIME, key: key! } : { error: tsig.error as 16 | 17 };
    assert.deepEqual(refuseTsig(message, asked, refusal, vector.nowS!), packet, from);
  }
});
