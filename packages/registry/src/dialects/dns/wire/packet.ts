/** Messages off the wire and onto it. RFC 1035 §4.1, RFC 6891, RFC 2136, RFC 8945. */

import { type Outcome, ok } from "../../../core/index.ts";
import { ednsBytes, readEdns, writeEdns } from "./edns.ts";
import { AA_BIT, CD_BIT, HEADER_BYTES, QR_BIT, RA_BIT, RD_BIT, TC_BIT } from "./header.ts";
import {
  CLASS,
  type Edns,
  MESSAGE_BYTES_MAX,
  type Message,
  OPCODE,
  type Question,
  RCODE,
  type Resource,
  type Tsig,
  TYPE,
} from "./message.ts";
import { type Cursor, openCursor, readName } from "./name.ts";
import { readData, writeData } from "./record.ts";
import { readTsig } from "./tsig.ts";
import { Writer } from "./writer.ts";

/** A message with more is taken for malformed. Only transfers of zones have more, and we receive none. */
export const RECORDS_MAX = 4096;

/** A question and a record with the root as their name. */
const QUESTION_BYTES_MIN = 5;
const RECORD_BYTES_MIN = 11;

/** The second 16 bits of the header. */
const QR = QR_BIT << 8;
const AA = AA_BIT << 8;
const TC = TC_BIT << 8;
const RD = RD_BIT << 8;

/** What a message that cannot be read still tells. */
export interface Malformed {
  /** What to answer; undefined: nothing, as it was an answer or had no header. */
  readonly rcode: number | undefined;
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  /** The question, if it could be read; else empty. */
  readonly questions: readonly Question[];
}

const OPCODES: readonly number[] = Object.values(OPCODE);

/** Reads a message. Never throws, whatever the bytes, and gives up where they ask for too much work. */
export function decodeMessage(packet: Buffer): Outcome<Message, Malformed> {
  if (packet.length < HEADER_BYTES) {
    return { ok: false, rcode: undefined, id: 0, opcode: 0, recursionDesired: false, questions: [] };
  }
  const flags = packet.readUInt16BE(2);
  const opcode = (flags >> 11) & 15;
  const questions: Question[] = [];
  // Another operation may give the rest of the message another form, as RFC 8490 §5.4 does.
  const known = OPCODES.includes(opcode);
  const body = known ? readBody(packet, questions) : undefined;
  if (body === undefined) {
    return {
      ok: false,
      rcode: (flags & QR) !== 0 ? undefined : known ? RCODE.FORMERR : RCODE.NOTIMP,
      id: packet.readUInt16BE(0),
      opcode,
      recursionDesired: (flags & RD) !== 0,
      questions: questions.slice(0, 1),
    };
  }
  const { answers, authority, additional, edns, tsig } = body;
  const message = {
    id: packet.readUInt16BE(0),
    response: (flags & QR) !== 0,
    opcode,
    authoritative: (flags & AA) !== 0,
    truncated: (flags & TC) !== 0,
    recursionDesired: (flags & RD) !== 0,
    recursionAvailable: (flags & RA_BIT) !== 0,
    checkingDisabled: (flags & CD_BIT) !== 0,
    rcode: (flags & 15) | (body.rcodeHigh << 4),
    questions,
    answers,
    authority,
    additional,
    ...(edns && { edns }),
    ...(tsig && { tsig }),
  };
  return ok(message);
}

interface Body {
  readonly answers: Resource[];
  readonly authority: Resource[];
  readonly additional: Resource[];
  edns?: Edns;
  rcodeHigh: number;
  tsig?: Tsig;
}

/** What follows the header. `questions` gets the questions even when the rest is malformed. */
function readBody(packet: Buffer, questions: Question[]): Body | undefined {
  const count = [4, 6, 8, 10].map((at) => packet.readUInt16BE(at));
  const [asked, answers, authority, additional] = count as [number, number, number, number];
  const records = answers + authority + additional;
  const needed = HEADER_BYTES + asked * QUESTION_BYTES_MIN + records * RECORD_BYTES_MIN;
  const cursor = openCursor(packet, HEADER_BYTES);
  if (asked > RECORDS_MAX || !readQuestions(cursor, asked, questions)) return undefined;
  if (records > RECORDS_MAX || needed > packet.length) return undefined;
  const body: Body = { answers: [], authority: [], additional: [], rcodeHigh: 0 };
  if (!readRecords(cursor, answers, body.answers)) return undefined;
  if (!readRecords(cursor, authority, body.authority)) return undefined;
  if (!readRecords(cursor, additional, body.additional, body)) return undefined;
  return cursor.at === packet.length ? body : undefined;
}

function readQuestions(cursor: Cursor, count: number, into: Question[]): boolean {
  const { packet } = cursor;
  for (let i = 0; i < count; i++) {
    const name = readName(cursor);
    const at = cursor.at;
    if (name === undefined || at + 4 > packet.length) return false;
    cursor.at = at + 4;
    into.push({ name, type: packet.readUInt16BE(at), class: packet.readUInt16BE(at + 2) });
  }
  return true;
}

/** OPT and TSIG may stand only in the additional section, for which `body` is given, TSIG as its last record. */
function readRecords(cursor: Cursor, count: number, into: Resource[], body?: Body): boolean {
  const { packet } = cursor;
  for (let i = 0; i < count; i++) {
    const start = cursor.at;
    const name = readName(cursor);
    const at = cursor.at;
    if (name === undefined || at + 10 > packet.length) return false;
    const type = packet.readUInt16BE(at);
    const klass = packet.readUInt16BE(at + 2);
    const ttlS = packet.readUInt32BE(at + 4);
    const length = packet.readUInt16BE(at + 8);
    cursor.at = at + 10;
    if (at + 10 + length > packet.length) return false;
    if (type === TYPE.OPT) {
      if (body === undefined || body.edns !== undefined || name.length > 0) return false;
      const read = readEdns(cursor, length, klass, ttlS);
      if (read === undefined) return false;
      body.edns = read.edns;
      body.rcodeHigh = read.rcodeHigh;
    } else if (type === TYPE.TSIG) {
      if (body === undefined || i !== count - 1 || klass !== CLASS.ANY || ttlS !== 0) return false;
      const tsig = readTsig(cursor, length, name, start);
      if (tsig === undefined) return false;
      body.tsig = tsig;
    } else {
      const data = readData(cursor, length, type, klass);
      if (data === undefined) return false;
      into.push({ name, type, class: klass, ttlS, data });
    }
  }
  return true;
}

/** As much of a message as fits. */
export interface PackedMessage extends Counts {
  readonly bytes: Buffer;
}

/** How many records of each section were written, from its beginning. */
interface Counts {
  readonly answers: number;
  readonly authority: number;
  readonly additional: number;
}

/** One writer for all messages: each is written in one go, and what leaves is a copy. */
const writer = new Writer();

/**
 * The message in at most `bytesMax` bytes; undefined when it does not fit. `tsig` is not written: `signTsig` does it.
 * Throws for what has no form on the wire, such as a label of 64 bytes or a wrong address.
 */
export function encodeMessage(message: Message, bytesMax: number): Buffer | undefined {
  const packed = write(message, bytesMax);
  return packed !== undefined && isWhole(message, packed) ? writer.take() : undefined;
}

function isWhole(message: Message, packed: Counts): boolean {
  return (
    packed.answers === message.answers.length &&
    packed.authority === message.authority.length &&
    packed.additional === message.additional.length
  );
}

/**
 * As much of the message as fits, in its order: from the first record that does not fit on, all but EDNS is left out.
 * Sets no TC bit. Undefined when not even the questions fit.
 */
export function packMessage(message: Message, bytesMax: number): PackedMessage | undefined {
  const packed = write(message, bytesMax);
  return packed && { ...packed, bytes: writer.take() };
}

function write(message: Message, bytesMax: number): Counts | undefined {
  const edns = message.edns;
  const max = Math.min(bytesMax, MESSAGE_BYTES_MAX) - (edns === undefined ? 0 : ednsBytes(edns));
  writer.reset();
  writeHeader(message);
  for (const { name, type, class: klass } of message.questions) {
    writer.name(name, true);
    writer.u16(type);
    writer.u16(klass);
    if (writer.at > max) return undefined;
  }
  if (writer.at > max) return undefined;
  const answers = writeRecords(message.answers, max);
  let authority = 0;
  let additional = 0;
  if (answers === message.answers.length) {
    authority = writeRecords(message.authority, max);
    if (authority === message.authority.length) additional = writeRecords(message.additional, max);
  }
  if (edns !== undefined) writeEdns(writer, edns, message.rcode);
  const end = writer.at;
  writer.at = 4;
  writer.u16(message.questions.length);
  writer.u16(answers);
  writer.u16(authority);
  writer.u16(additional + (edns === undefined ? 0 : 1));
  writer.at = end;
  return { answers, authority, additional };
}

function writeHeader(message: Message): void {
  if (message.rcode > 15 && message.edns === undefined) throw new RangeError("rcodes above 15 need EDNS");
  writer.u16(message.id);
  writer.u16(
    (message.response ? QR : 0) |
      (message.opcode << 11) |
      (message.authoritative ? AA : 0) |
      (message.truncated ? TC : 0) |
      (message.recursionDesired ? RD : 0) |
      (message.recursionAvailable ? RA_BIT : 0) |
      (message.checkingDisabled ? CD_BIT : 0) |
      (message.rcode & 15),
  );
  writer.at = HEADER_BYTES;
}

/** Returns how many records were written; the first that goes over the limit is taken back. */
function writeRecords(records: readonly Resource[], max: number): number {
  for (let i = 0; i < records.length; i++) {
    const { name, type, class: klass, ttlS, data } = records[i]!;
    const before = writer.at;
    writer.name(name, true);
    writer.u16(type);
    writer.u16(klass);
    writer.u32(ttlS);
    const start = writer.open();
    writeData(writer, type, data);
    writer.close(start);
    if (writer.at > max) {
      writer.at = before;
      return i;
    }
  }
  return records.length;
}
