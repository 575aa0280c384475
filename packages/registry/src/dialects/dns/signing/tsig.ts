/** Signatures of messages: TSIG, RFC 8945. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { type Bytes, type Outcome, ok } from "../../../core/index.ts";
import { nameOnWire, two } from "../wire/bytes.ts";
import { CLASS, type Name, type Tsig, TYPE } from "../wire/message.ts";
import { canonicalName, keyOf, nameBytes } from "../wire/name.ts";

/** Values of the record's error field: RFC 8945 §3. */
export const TSIG_ERROR = { BADSIG: 16, BADKEY: 17, BADTIME: 18, BADTRUNC: 22 } as const;

/** How far clocks may be apart, RFC 8945 §10. */
export const FUDGE_S = 300;

/** RFC 8945 §5.2.2.1: a MAC cut to less than this, or to less than half, proves nothing. */
const MAC_BYTES_MIN = 10;

/** The part of a `TsigKey` that signing needs. */
export interface Secret {
  readonly name: Name;
  readonly algorithm: "hmac-sha1" | "hmac-sha224" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512";
  readonly secret: Buffer;
}

/** Bytes of a whole MAC. RFC 8945 §6. */
const MAC_BYTES: Record<Secret["algorithm"], number> = {
  "hmac-sha1": 20,
  "hmac-sha224": 28,
  "hmac-sha256": 32,
  "hmac-sha384": 48,
  "hmac-sha512": 64,
};

/** What a digest begins with before the message itself. RFC 8945 §5.3, §5.3.1. */
export interface Before {
  /** The MAC of the request that this message answers. */
  readonly requestMac?: Bytes;
  /** The MAC of the message before this one in an answer of many messages; then `requestMac` is not used. */
  readonly priorMac?: Bytes;
}

/** What is wrong with a signature. */
export interface BadSignature {
  /**
   * `format`: the MAC has a length that no honest client sends; the answer is FORMERR without a TSIG record. Others:
   * NOTAUTH with the record that `refuseTsig` makes.
   */
  readonly error: "format" | (typeof TSIG_ERROR)["BADSIG" | "BADKEY" | "BADTIME"];
}

/**
 * Whether the key signed the packet, and in time. The caller finds the key by its name. The checks come in the order of
 * RFC 8945 §5.2, so that only a holder of the key learns what time it is here. The value is the MAC.
 */
export function verifyTsig(
  packet: Buffer,
  tsig: Tsig,
  key: Secret,
  nowS: number,
  before: Before = {},
): Outcome<Bytes, BadSignature> {
  if (keyOf(tsig.key) !== keyOf(key.name) || !isAlgorithm(tsig.algorithm, key)) {
    return { ok: false, error: TSIG_ERROR.BADKEY };
  }
  const whole = MAC_BYTES[key.algorithm];
  const length = tsig.mac.length;
  if (length > whole || length < Math.max(MAC_BYTES_MIN, whole / 2)) return { ok: false, error: "format" };
  const expected = digest(unsigned(packet, tsig), tsig, key, before);
  if (!timingSafeEqual(expected.subarray(0, length), Buffer.from(tsig.mac, "latin1"))) {
    return { ok: false, error: TSIG_ERROR.BADSIG };
  }
  if (Math.abs(nowS - tsig.timeS) > tsig.fudgeS) return { ok: false, error: TSIG_ERROR.BADTIME };
  return ok(tsig.mac);
}

function isAlgorithm(name: Name, key: Secret): boolean {
  return keyOf(name) === key.algorithm;
}

/** The message before it was signed: without the record, with its first id. RFC 8945 §4.3.2. */
function unsigned(packet: Buffer, tsig: Tsig): Buffer {
  const message = Buffer.from(packet.subarray(0, tsig.offset));
  message.writeUInt16BE(tsig.originalId, 0);
  message.writeUInt16BE(message.readUInt16BE(10) - 1, 10);
  return message;
}

type Timers = Pick<Tsig, "timeS" | "fudgeS" | "error" | "other">;

function digest(message: Buffer, timers: Timers, key: Secret, before: Before): Buffer {
  const hmac = createHmac(key.algorithm.slice("hmac-".length), key.secret);
  const mac = before.priorMac ?? before.requestMac;
  if (mac !== undefined) hmac.update(two(mac.length) + mac, "latin1");
  hmac.update(message);
  // RFC 8945 §5.3.1: of the later messages of one answer only the timers are digested.
  hmac.update(before.priorMac === undefined ? variables(timers, key) : times(timers), "latin1");
  return hmac.digest();
}

/** RFC 8945 §4.3.3. */
function variables(timers: Timers, key: Secret): Bytes {
  const names = canonicalName(key.name) + two(CLASS.ANY) + two(0) + two(0) + algorithmName(key);
  return names + times(timers) + two(timers.error) + two(timers.other.length) + timers.other;
}

function algorithmName(key: Secret): Bytes {
  return canonicalName([key.algorithm]);
}

function times(timers: Timers): Bytes {
  return six(timers.timeS) + two(timers.fudgeS);
}

function six(value: number): Bytes {
  return two(Math.floor(value / 2 ** 32)) + two(value >>> 16) + two(value);
}

export interface Signed {
  readonly packet: Buffer;
  /** For the digest of the next message, or of the answer. */
  readonly mac: Bytes;
}

/**
 * Signs an encoded message: appends the record, which takes `tsigBytes(key)`, and counts it. `fields`: of an answer
 * that tells of an error (`refuseTsig`).
 */
export function signTsig(
  message: Buffer,
  key: Secret,
  nowS: number,
  before: Before = {},
  fields: Partial<Timers> = {},
): Signed {
  const timers = { timeS: nowS, fudgeS: FUDGE_S, error: 0, other: "", ...fields };
  const mac = digest(message, timers, key, before).toString("latin1");
  return { packet: append(message, canonicalName(key.name), algorithmName(key), timers, mac), mac };
}

/** The bytes that signing adds to a message, at most; a refusal takes no more. */
export function tsigBytes(key: Pick<Secret, "name" | "algorithm">): number {
  return nameBytes(key.name) + 10 + nameBytes([key.algorithm]) + 16 + MAC_BYTES[key.algorithm] + 6;
}

/**
 * The answer to a message with a bad signature (RFC 8945 §5.3.2): for BADKEY and BADSIG without a MAC, as there is no
 * common secret; for BADTIME signed, with our time. `answer` is encoded with rcode NOTAUTH.
 */
export function refuseTsig(
  answer: Buffer,
  tsig: Tsig,
  refusal: { readonly error: (typeof TSIG_ERROR)["BADSIG" | "BADKEY"] } | { readonly error: 18; readonly key: Secret },
  nowS: number,
): Buffer {
  const { error } = refusal;
  const timers = { timeS: tsig.timeS, fudgeS: tsig.fudgeS, error, other: "" };
  if (!("key" in refusal)) return append(answer, nameOnWire(tsig.key), nameOnWire(tsig.algorithm), timers, "");
  const fields = { ...timers, other: six(nowS) };
  return signTsig(answer, refusal.key, nowS, { requestMac: tsig.mac }, fields).packet;
}

function append(message: Buffer, name: Bytes, algorithm: Bytes, timers: Timers, mac: Bytes): Buffer {
  const id = message.toString("latin1", 0, 2);
  const { other } = timers;
  const end = two(mac.length) + mac + id + two(timers.error) + two(other.length) + other;
  const data = algorithm + times(timers) + end;
  const record = name + two(TYPE.TSIG) + two(CLASS.ANY) + two(0) + two(0) + two(data.length) + data;
  const packet = Buffer.concat([message, Buffer.from(record, "latin1")]);
  packet.writeUInt16BE(packet.readUInt16BE(10) + 1, 10);
  return packet;
}

/** Signs the messages of one transfer, each together with the MAC of the one before (RFC 8945 §5.3.1). */
export class TsigStream {
  readonly #key: Secret;
  #before: Before;

  constructor(key: Secret, requestMac: Bytes) {
    this.#key = key;
    this.#before = { requestMac };
  }

  sign(message: Buffer, nowS: number): Buffer {
    const { packet, mac } = signTsig(message, this.#key, nowS, this.#before);
    this.#before = { priorMac: mac };
    return packet;
  }
}
