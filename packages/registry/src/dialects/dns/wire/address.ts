/** Addresses as bytes and as text. RFC 1035 §3.4.1, RFC 3596, RFC 4291 §2.2, RFC 5952. */
import type { Bytes } from "../../../core/index.ts";

/** The text form of 4 bytes (dotted) or 16 (RFC 5952). */
export function readAddress(packet: Uint8Array, at: number, length: 4 | 16): string {
  if (length === 4) return `${packet[at]}.${packet[at + 1]}.${packet[at + 2]}.${packet[at + 3]}`;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((packet[at + i]! << 8) | packet[at + i + 1]!);
  return showGroups(groups);
}

/** RFC 5952 §4: the first of the longest runs of at least two zero groups becomes "::". */
function showGroups(groups: readonly number[]): string {
  // IPv4-mapped (RFC 5952 §5).
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return `::ffff:${groups[6]! >> 8}.${groups[6]! & 0xff}.${groups[7]! >> 8}.${groups[7]! & 0xff}`;
  }
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > length) [start, length] = [i, end - i];
    if (end > i) i = end;
  }
  const show = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(":");
  return start < 0 ? show(groups) : `${show(groups.slice(0, start))}::${show(groups.slice(start + length))}`;
}

/** The 4 bytes of a dotted address or the 16 of an IPv6 one; undefined for anything else. */
export function addressBytes(text: string): Bytes | undefined {
  return text.includes(":") ? sixBytes(text) : fourBytes(text);
}

/** Four decimal numbers without leading zeros, which some programs read as octal. */
function fourBytes(text: string): Bytes | undefined {
  let bytes = "";
  let value = -1;
  let parts = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i === text.length ? 0x2e : text.charCodeAt(i);
    if (code === 0x2e) {
      if (value < 0 || ++parts > 4) return undefined;
      bytes += String.fromCharCode(value);
      value = -1;
    } else if (code < 0x30 || code > 0x39 || value === 0) return undefined;
    else {
      value = Math.max(value, 0) * 10 + code - 0x30;
      if (value > 255) return undefined;
    }
  }
  return parts === 4 ? bytes : undefined;
}

function sixBytes(text: string): Bytes | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const left = groupsOf(halves[0]!, halves.length === 1);
  const right = halves[1] === undefined ? "" : groupsOf(halves[1], true);
  if (left === undefined || right === undefined) return undefined;
  const missing = 16 - left.length - right.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return left + "\0".repeat(missing) + right;
}

function groupsOf(text: string, last: boolean): Bytes | undefined {
  if (text === "") return "";
  const words = text.split(":");
  let bytes = "";
  for (const [i, word] of words.entries()) {
    if (/^[0-9a-fA-F]{1,4}$/.test(word)) {
      const group = Number.parseInt(word, 16);
      bytes += String.fromCharCode(group >> 8, group & 0xff);
    } else {
      // An IPv4 address may stand for the last two groups.
      const four = last && i === words.length - 1 ? fourBytes(word) : undefined;
      if (four === undefined) return undefined;
      bytes += four;
    }
  }
  return bytes;
}
