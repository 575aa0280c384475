/** Records: their data off the wire and onto it, and as text. RFC 1035 §3.3 and §5, RFC 3597. */
import type { Bytes } from "../../../core/index.ts";
import { addressBytes, readAddress } from "./address.ts";
import { counted, nameOnWire, two } from "./bytes.ts";
import { CLASS, type Data, type Name, type Resource, TYPE } from "./message.ts";
import { type Cursor, canonicalName, readName, showByte, showName } from "./name.ts";
import type { Writer } from "./writer.ts";

/**
 * Reads the data of a record, `length` bytes at the cursor, and moves the cursor behind it; undefined when it is
 * malformed. In the classes by which UPDATE asks and deletes (RFC 2136 §2.4, §2.5) data may be empty: then it is `raw`.
 */
export function readData(cursor: Cursor, length: number, type: number, klass: number): Data | undefined {
  const end = cursor.at + length;
  if (end > cursor.packet.length) return undefined;
  const data =
    length === 0 && (klass === CLASS.ANY || klass === CLASS.NONE)
      ? ({ kind: "raw", bytes: "" } as const)
      : readKnown(cursor, end, type, klass);
  return data !== undefined && cursor.at === end ? data : undefined;
}

function readKnown(cursor: Cursor, end: number, type: number, klass: number): Data | undefined {
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA:
      // Another class has addresses of another form (RFC 1035 §3.4).
      return klass === CLASS.CH ? readRaw(cursor, end, type) : readAddressData(cursor, end, type);
    case TYPE.NS:
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.DNAME: {
      const target = readName(cursor);
      return target && { kind: "name", target };
    }
    case TYPE.MX: {
      const preference = u16(cursor, end);
      const target = readName(cursor);
      return target && preference !== undefined ? { kind: "exchange", preference, target } : undefined;
    }
    case TYPE.TXT:
    case TYPE.HINFO: {
      const strings = readStrings(cursor, end);
      return strings && (type === TYPE.TXT || strings.length === 2) ? { kind: "text", strings } : undefined;
    }
    case TYPE.SRV:
      return readService(cursor, end);
    case TYPE.SOA:
      return readAuthority(cursor, end);
    default:
      return readRaw(cursor, end, type);
  }
}

function u16(cursor: Cursor, end: number): number | undefined {
  const { packet, at } = cursor;
  if (at + 2 > end) return undefined;
  cursor.at = at + 2;
  return (packet[at]! << 8) | packet[at + 1]!;
}

function readAddressData(cursor: Cursor, end: number, type: number): Data | undefined {
  const length = type === TYPE.A ? 4 : 16;
  if (end - cursor.at !== length) return undefined;
  const address = readAddress(cursor.packet, cursor.at, length);
  cursor.at = end;
  return { kind: "address", address };
}

function readStrings(cursor: Cursor, end: number): Bytes[] | undefined {
  const strings: Bytes[] = [];
  while (cursor.at < end) {
    const start = cursor.at + 1;
    const next = start + cursor.packet[cursor.at]!;
    if (next > end) return undefined;
    strings.push(cursor.packet.toString("latin1", start, next));
    cursor.at = next;
  }
  return strings.length > 0 ? strings : undefined;
}

function readService(cursor: Cursor, end: number): Data | undefined {
  const { packet, at } = cursor;
  if (at + 6 > end) return undefined;
  cursor.at = at + 6;
  const target = readName(cursor);
  if (target === undefined) return undefined;
  const [priority, weight, port] = [packet.readUInt16BE(at), packet.readUInt16BE(at + 2), packet.readUInt16BE(at + 4)];
  return { kind: "service", priority, weight, port, target };
}

function readAuthority(cursor: Cursor, end: number): Data | undefined {
  const primary = readName(cursor);
  const mailbox = primary && readName(cursor);
  const { packet, at } = cursor;
  if (primary === undefined || mailbox === undefined || at + 20 > end) return undefined;
  cursor.at = at + 20;
  return {
    kind: "authority",
    primary,
    mailbox,
    serial: packet.readUInt32BE(at),
    refreshS: packet.readUInt32BE(at + 4),
    retryS: packet.readUInt32BE(at + 8),
    expireS: packet.readUInt32BE(at + 12),
    minimumS: packet.readUInt32BE(at + 16),
  };
}

/**
 * Types that are kept as bytes and may come with compressed names (RFC 1035 §3.3, RFC 3597 §4), with their fields:
 * `2` a number of 16 bits, `s` a string, `n` a name. Names are kept uncompressed: a pointer is good in one message only.
 */
const LAYOUTS: ReadonlyMap<number, string> = new Map([
  ...[3, 4, 7, 8, 9].map((type): [number, string] => [type, "n"]), // MD, MF, MB, MG, MR
  [14, "nn"], // MINFO
  [17, "nn"], // RP
  [18, "2n"], // AFSDB
  [21, "2n"], // RT
  [26, "2nn"], // PX
  [TYPE.NAPTR, "22sssn"],
  [36, "2n"], // KX
]);

function readRaw(cursor: Cursor, end: number, type: number): Data | undefined {
  const layout = LAYOUTS.get(type);
  if (layout !== undefined) return readLayout(cursor, end, layout);
  const bytes = cursor.packet.toString("latin1", cursor.at, end);
  cursor.at = end;
  return { kind: "raw", bytes };
}

function readLayout(cursor: Cursor, end: number, layout: string): Data | undefined {
  let bytes = "";
  for (const part of layout) {
    const start = cursor.at;
    if (part === "n") {
      const name = readName(cursor);
      if (name === undefined) return undefined;
      bytes += nameOnWire(name);
    } else {
      cursor.at += part === "2" ? 2 : 1 + (cursor.packet[start] ?? 0);
      bytes += cursor.packet.toString("latin1", start, cursor.at);
    }
    if (cursor.at > end) return undefined;
  }
  return { kind: "raw", bytes };
}

/**
 * Writes data without its length. Names are compressed only in the types of RFC 1035: a receiver that does not know a
 * newer type could not find them (RFC 3597 §4, RFC 2782).
 */
export function writeData(writer: Writer, type: number, data: Data): void {
  switch (data.kind) {
    case "service":
      writer.u16(data.priority);
      writer.u16(data.weight);
      writer.u16(data.port);
      return writer.name(data.target, false);
    case "address":
      return writer.raw(addressOf(type, data.address));
    case "name":
      return writer.name(data.target, type !== TYPE.DNAME);
    case "text":
      for (const string of data.strings) writer.string(string);
      return;
    case "exchange":
      writer.u16(data.preference);
      return writer.name(data.target, true);
    case "authority":
      writer.name(data.primary, true);
      writer.name(data.mailbox, true);
      for (const value of numbersOf(data)) writer.u32(value);
      return;
    case "raw":
      return writer.raw(data.bytes);
  }
}

type Authority = Extract<Data, { kind: "authority" }>;

function numbersOf(data: Authority): number[] {
  return [data.serial, data.refreshS, data.retryS, data.expireS, data.minimumS];
}

function addressOf(type: number, address: string): Bytes {
  const bytes = addressBytes(address);
  if (bytes?.length !== (type === TYPE.A ? 4 : 16)) throw new TypeError(`no address of type ${type}: ${address}`);
  return bytes;
}

/** Bytes of data that can be long; 0 for names and numbers. */
export function longBytes(data: Data): number {
  if (data.kind === "raw") return data.bytes.length;
  if (data.kind !== "text") return 0;
  let bytes = data.strings.length;
  for (const string of data.strings) bytes += string.length;
  return bytes;
}

/** The data as uncompressed bytes with names in lower case: the canonical form of RFC 4034 §6.2. */
export function canonicalData(type: number, data: Data): Bytes {
  switch (data.kind) {
    case "service":
      return two(data.priority) + two(data.weight) + two(data.port) + canonicalName(data.target);
    case "address":
      return addressOf(type, data.address);
    case "name":
      return canonicalName(data.target);
    case "text":
      return data.strings.map(counted).join("");
    case "exchange":
      return two(data.preference) + canonicalName(data.target);
    case "authority": {
      const numbers = numbersOf(data).map((value) => two(value >>> 16) + two(value & 0xffff));
      return canonicalName(data.primary) + canonicalName(data.mailbox) + numbers.join("");
    }
    case "raw":
      return data.bytes;
  }
}

/** Whether two records of one type have the same data. Names in them are compared without case (RFC 2136 §1.1.1). */
export function sameData(type: number, one: Data, other: Data): boolean {
  return one === other || canonicalData(type, one) === canonicalData(type, other);
}

const TYPE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(TYPE).map(([name, type]) => [type, name]));
const CLASS_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(CLASS).map(([name, klass]) => [klass, name]));

/** The mnemonic, or `TYPE123` (RFC 3597 §5). */
export function showType(type: number): string {
  return TYPE_NAMES.get(type) ?? `TYPE${type}`;
}

/** The type of a mnemonic in any case, or of `TYPE123`. */
export function parseType(text: string): number | undefined {
  return parseNumbered(text, "TYPE", TYPE);
}

/** The mnemonic, or `CLASS123`. */
export function showClass(klass: number): string {
  return CLASS_NAMES.get(klass) ?? `CLASS${klass}`;
}

export function parseClass(text: string): number | undefined {
  return parseNumbered(text, "CLASS", CLASS);
}

function parseNumbered(text: string, word: string, known: Readonly<Record<string, number>>): number | undefined {
  const upper = text.toUpperCase();
  if (Object.hasOwn(known, upper)) return known[upper];
  const number = upper.startsWith(word) ? upper.slice(word.length) : "";
  return /^[0-9]{1,5}$/.test(number) && Number(number) <= 0xffff ? Number(number) : undefined;
}

/** The record as a line of a zone file, one space between the fields. */
export function showRecord(record: Resource): string {
  const { name, ttlS, type, data } = record;
  return `${showName(name)} ${ttlS} ${showClass(record.class)} ${showType(type)} ${showData(data)}`;
}

export function showData(data: Data): string {
  switch (data.kind) {
    case "address":
      return data.address;
    case "name":
      return showName(data.target);
    case "service":
      return `${data.priority} ${data.weight} ${data.port} ${showName(data.target)}`;
    case "text":
      return data.strings.map(showString).join(" ");
    case "exchange":
      return `${data.preference} ${showName(data.target)}`;
    case "authority":
      return `${showName(data.primary)} ${showName(data.mailbox)} ${numbersOf(data).join(" ")}`;
    case "raw":
      return showRaw(data.bytes);
  }
}

function showString(string: Bytes): string {
  return `"${string.replace(/["\\]/g, "\\$&").replace(/[^ -~]/g, showByte)}"`;
}

function showRaw(bytes: Bytes): string {
  const hex = Buffer.from(bytes, "latin1").toString("hex");
  return hex === "" ? "\\# 0" : `\\# ${bytes.length} ${hex}`;
}

/** A record of class IN. */
export function toResource(name: Name, type: number, ttlS: number, data: Data): Resource {
  return { name, type, class: CLASS.IN, ttlS, data };
}
