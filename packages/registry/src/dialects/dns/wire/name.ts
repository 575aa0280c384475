/** Domain names: off the wire, as text, as keys. RFC 1035 §3.1, §4.1.4, §5.1; case: RFC 4343. */
import { type Bytes, toBytes } from "../../../core/index.ts";
import { HEADER_BYTES } from "./header.ts";
import type { Name } from "./message.ts";

/** RFC 1035 §2.3.4; the length bytes count, that of the root too. */
export const NAME_BYTES_MAX = 255;
export const LABEL_BYTES_MAX = 63;

/** A name of 255 bytes has at most 127 labels, so no honest name needs more jumps. */
const JUMPS_MAX = 127;
/**
 * Labels and jumps that are read of one message. Two bytes can stand for 127 labels, so a message of 64 KiB could
 * keep us busy for long.
 */
const STEPS_MAX = 65536;

/** Where reading goes on in a packet. */
export interface Cursor {
  readonly packet: Buffer;
  at: number;
  /** Labels and jumps that may still be read. */
  stepsLeft: number;
}

export function openCursor(packet: Buffer, at = 0): Cursor {
  return { packet, at, stepsLeft: STEPS_MAX };
}

/**
 * Reads a name and moves the cursor behind it; undefined when it is malformed. A pointer must lead to before the labels
 * that it ends, so there are no loops. Labels that are neither text nor pointer (RFC 6891 §5) are malformed.
 */
export function readName(cursor: Cursor): Name | undefined {
  const { packet } = cursor;
  const labels: Bytes[] = [];
  let at = cursor.at;
  let start = at;
  let end = -1;
  let bytes = 1;
  let jumps = 0;
  for (;;) {
    const length = packet[at];
    if (length === undefined) return undefined;
    if (length === 0) break;
    if (--cursor.stepsLeft < 0) return undefined;
    if (length <= LABEL_BYTES_MAX) {
      const next = at + 1 + length;
      bytes += 1 + length;
      if (bytes > NAME_BYTES_MAX || next > packet.length) return undefined;
      labels.push(packet.toString("latin1", at + 1, next));
      at = next;
    } else {
      const low = packet[at + 1];
      if (length < 0xc0 || low === undefined || ++jumps > JUMPS_MAX) return undefined;
      const target = ((length & 0x3f) << 8) | low;
      if (target >= start || target < HEADER_BYTES) return undefined;
      if (end < 0) end = at + 2;
      at = start = target;
    }
  }
  cursor.at = end < 0 ? at + 1 : end;
  return labels;
}

/** How many bytes the name takes on the wire, uncompressed. */
export function nameBytes(name: Name): number {
  let bytes = 1;
  for (const label of name) bytes += 1 + label.length;
  return bytes;
}

/** Whether no label is empty or too long, and the name is not too long. */
export function isName(name: Name): boolean {
  return nameBytes(name) <= NAME_BYTES_MAX && name.every((l) => l.length > 0 && l.length <= LABEL_BYTES_MAX);
}

/** The name on the wire, uncompressed and in lower case, as digests take it (RFC 4034 §6.2, RFC 8945 §4.3.3). */
export function canonicalName(name: Name): Bytes {
  let bytes = "";
  for (const label of name) bytes += String.fromCharCode(label.length) + lowerLabel(label);
  return `${bytes}\0`;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is all of ASCII.
const ASCII = /^[\x00-\x7f]*$/;

/** Lower case of ASCII letters alone: bytes over 127 are no letters (RFC 4343 §3). */
export function lowerLabel(label: Bytes): Bytes {
  return ASCII.test(label) ? label.toLowerCase() : label.replace(/[A-Z]+/g, (run) => run.toLowerCase());
}

/**
 * The key of a name in maps: two names are the same exactly when their keys are. The labels in lower case, joined by
 * "."; a dot or backslash inside a label has a backslash before it. The key of the root is "".
 */
export function keyOf(name: Name): string {
  const joined = name.join(".");
  let dots = 1;
  let isSimple = true;
  for (let i = 0; i < joined.length; i++) {
    const code = joined.charCodeAt(i);
    if (code === 0x2e) dots++;
    else if (code === 0x5c || code > 0x7f) isSimple = false;
  }
  if (isSimple && (dots === name.length || name.length === 0)) return joined.toLowerCase();
  return name.map((label) => lowerLabel(label).replace(/[.\\]/g, "\\$&")).join(".");
}

function sameLabel(one: Bytes, other: Bytes): boolean {
  return one === other || (one.length === other.length && lowerLabel(one) === lowerLabel(other));
}

export function sameName(one: Name, other: Name): boolean {
  return one.length === other.length && isWithin(one, other);
}

/** Whether the name is the zone's own or one below it. */
export function isWithin(name: Name, zone: Name): boolean {
  const left = name.length - zone.length;
  if (left < 0) return false;
  for (let i = zone.length - 1; i >= 0; i--) {
    if (!sameLabel(name[left + i]!, zone[i]!)) return false;
  }
  return true;
}

const DOT = 0x2e;
const BACKSLASH = 0x5c;

/**
 * A name from text in the form of RFC 1035 §5.1: labels between dots, `\X` for the character X itself, `\DDD` for the
 * byte of that number; other characters stand for their UTF-8. "." is the root. A name without a dot at its end is
 * completed with the origin. Undefined when it is no legal name.
 */
export function parseName(text: string, origin: Name = []): Name | undefined {
  if (text === ".") return [];
  const bytes = toBytes(text);
  const labels: Bytes[] = [];
  let label = "";
  let absolute = false;
  for (let at = 0; at < bytes.length; at++) {
    const code = bytes.charCodeAt(at);
    absolute = false;
    if (code === DOT) {
      if (label === "") return undefined;
      labels.push(label);
      label = "";
      absolute = true;
    } else if (code === BACKSLASH) {
      const escaped = readEscape(bytes, at);
      if (escaped === undefined) return undefined;
      label += String.fromCharCode(escaped.code);
      at = escaped.last;
    } else label += bytes[at];
  }
  if (label !== "") labels.push(label);
  const name = absolute ? labels : labels.concat(origin);
  return labels.length > 0 && isName(name) ? name : undefined;
}

/** The byte that the escape at this backslash stands for, and where its last character is. RFC 1035 §5.1. */
export function readEscape(text: Bytes, at: number): { readonly code: number; readonly last: number } | undefined {
  if (at + 1 >= text.length) return undefined;
  if (!isDigit(text.charCodeAt(at + 1))) return { code: text.charCodeAt(at + 1), last: at + 1 };
  const digits = text.slice(at + 1, at + 4);
  if (!/^[0-9]{3}$/.test(digits) || Number(digits) > 255) return undefined;
  return { code: Number(digits), last: at + 3 };
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The name as zone files and dig write it, with a dot at its end; `parseName` reads it back. */
export function showName(name: Name): string {
  return name.length === 0 ? "." : `${name.map(showLabel).join(".")}.`;
}

/** One label of `showName`. */
export function showLabel(label: Bytes): string {
  return label.replace(/[.\\"();@$]/g, "\\$&").replace(/[^!-~]/g, showByte);
}

/** `\DDD`. */
export function showByte(byte: Bytes): string {
  return `\\${byte.charCodeAt(0).toString().padStart(3, "0")}`;
}
