/**
 * Plain questions, read without making objects: one question, and no record but EDNS without options that matter.
 * `decodeMessage` reads all other messages, and each question that is asked for the first time.
 */

import { CD_BIT, HEADER_BYTES, OPCODE_BITS, QR_BIT, RD_BIT, TC_BIT } from "./header.ts";
import { CLASS, TYPE } from "./message.ts";
import { LABEL_BYTES_MAX, NAME_BYTES_MAX } from "./name.ts";

/** A plain question has none of these. */
const UNUSUAL_BITS = QR_BIT | OPCODE_BITS | TC_BIT;
const OPT_BYTES = 11;
const DO_BIT = 0x80;
/** UPDATE-LEASE (RFC 9664) and EXPIRE (RFC 7314): with them the answer depends on more than the question. */
const OPTIONS_THAT_MATTER: readonly number[] = [2, 9];

/** What a plain question says. One object is filled again and again. */
export interface Scan {
  nameEnd: number;
  /** The end of type and class, which follow the name. */
  questionEnd: number;
  /** No letter of the name is in upper case. */
  isLower: boolean;
  hasEdns: boolean;
  /** The bytes that the client says it can take; 0 without EDNS. */
  udpSize: number;
  dnssecOk: boolean;
  hasOptions: boolean;
}

/** Whether the packet is a plain question; then `scan` holds what it says. */
export function scanQuestion(packet: Buffer, scan: Scan): boolean {
  const { length } = packet;
  if (length < HEADER_BYTES + 5 || !hasPlainHeader(packet) || !scanName(packet, scan)) return false;
  const at = scan.nameEnd;
  if (at + 4 > length || packet[at + 2] !== 0 || packet[at + 3] !== CLASS.IN) return false;
  const type = (packet[at]! << 8) | packet[at + 1]!;
  // 128 to 255 are no types of data (RFC 6895 §3.1); ANY is answered as if it were one.
  if (type === 0 || type === TYPE.OPT || (type >= 128 && type < 255)) return false;
  scan.questionEnd = at + 4;
  scan.hasEdns = packet[11] === 1;
  scan.udpSize = 0;
  scan.dnssecOk = false;
  scan.hasOptions = false;
  return scan.hasEdns ? scanEdns(packet, scan) : length === scan.questionEnd;
}

/** One question, no answers, no authority, at most one additional record. */
function hasPlainHeader(packet: Buffer): boolean {
  return (
    (packet[2]! & UNUSUAL_BITS) === 0 &&
    packet[4] === 0 &&
    packet[5] === 1 &&
    packet[6] === 0 &&
    packet[7] === 0 &&
    packet[8] === 0 &&
    packet[9] === 0 &&
    packet[10] === 0 &&
    packet[11]! <= 1
  );
}

function scanName(packet: Buffer, scan: Scan): boolean {
  let at = HEADER_BYTES;
  scan.isLower = true;
  for (;;) {
    const length = packet[at];
    if (length === undefined || length > LABEL_BYTES_MAX) return false;
    at += 1;
    if (length === 0) break;
    const end = at + length;
    if (end > packet.length || end - HEADER_BYTES >= NAME_BYTES_MAX) return false;
    for (; at < end; at++) {
      const byte = packet[at] as number;
      if (byte >= 0x41 && byte <= 0x5a) scan.isLower = false;
    }
  }
  scan.nameEnd = at;
  return true;
}

function scanEdns(packet: Buffer, scan: Scan): boolean {
  const at = scan.questionEnd;
  if (at + OPT_BYTES > packet.length || packet[at] !== 0 || packet[at + 1] !== 0 || packet[at + 2] !== TYPE.OPT)
    return false;
  // Version 0, RFC 6891 §6.1.3.
  if (packet[at + 6] !== 0) return false;
  scan.udpSize = (packet[at + 3]! << 8) | packet[at + 4]!;
  scan.dnssecOk = (packet[at + 7]! & DO_BIT) !== 0;
  const size = (packet[at + 9]! << 8) | packet[at + 10]!;
  scan.hasOptions = size > 0;
  return at + OPT_BYTES + size === packet.length && (size === 0 || hasPlainOptions(packet, at + OPT_BYTES));
}

function hasPlainOptions(packet: Buffer, from: number): boolean {
  let at = from;
  while (at + 4 <= packet.length) {
    const code = (packet[at]! << 8) | packet[at + 1]!;
    if (OPTIONS_THAT_MATTER.includes(code)) return false;
    at += 4 + ((packet[at + 2]! << 8) | packet[at + 3]!);
  }
  return at === packet.length;
}

export function emptyScan(): Scan {
  return {
    nameEnd: 0,
    questionEnd: 0,
    isLower: true,
    hasEdns: false,
    udpSize: 0,
    dnssecOk: false,
    hasOptions: false,
  };
}

/** The longest key: a name, type and class, flags, size. */
const KEY_BYTES_MAX = 1 + NAME_BYTES_MAX + 4 + 3;
/** No question begins like this behind its id, as its first bit makes an answer: so keys of packets are different. */
const KEY_MARK = 0xff;
const scratch = Buffer.alloc(KEY_BYTES_MAX);

/** The key of the answer in at most `bytesMax` bytes: the same for questions that differ in id and case alone. */
export function toQuestionKey(packet: Buffer, scan: Scan, bytesMax: number): string {
  let to = 0;
  scratch[to++] = KEY_MARK;
  for (let at = HEADER_BYTES; at < scan.nameEnd; at++) {
    const byte = packet[at] as number;
    scratch[to++] = byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  }
  for (let at = scan.nameEnd; at < scan.questionEnd; at++) scratch[to++] = packet[at] as number;
  const flags = (packet[2]! & RD_BIT) | (packet[3]! & CD_BIT);
  scratch[to++] = flags | (scan.hasEdns ? 2 : 0) | (scan.dnssecOk ? 4 : 0);
  scratch[to++] = bytesMax >> 8;
  scratch[to++] = bytesMax & 0xff;
  return scratch.toString("latin1", 0, to);
}
