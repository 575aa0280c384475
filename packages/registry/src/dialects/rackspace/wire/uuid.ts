/**
 * Version-1 UUIDs as positions in time (RFC 9562 §5.1). A time is a count of 100 ns ticks since 1582-10-15, which
 * needs 60 bits: hence bigint.
 */
import { type Outcome, ok } from "../../../core/index.ts";

export type Ticks = bigint;

/** Milliseconds from the Gregorian reform to the Unix epoch (RFC 9562 §6.2). */
const EPOCH_MS = 12_219_292_800_000;
const TICKS_PER_MS = 10_000n;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Who made the UUID: the part that does not move with time. */
export interface Maker {
  /** 14 bits. */
  readonly clockSequence: number;
  /** 12 hexadecimal digits. */
  readonly node: string;
}

/** The tick of wall-clock time `ms`, `offset` ticks into that millisecond. */
export function toTicks(ms: number, offset = 0): Ticks {
  return BigInt(ms + EPOCH_MS) * TICKS_PER_MS + BigInt(offset);
}

/** The wall-clock millisecond that a tick lies in; negative before 1970. */
export function fromTicks(ticks: Ticks): number {
  return Number(ticks / TICKS_PER_MS) - EPOCH_MS;
}

export function formatUuid(ticks: Ticks, maker: Maker): string {
  const time = ticks.toString(16).padStart(15, "0");
  const sequence = (0x8000 | maker.clockSequence).toString(16);
  return `${time.slice(7)}-${time.slice(3, 7)}-1${time.slice(0, 3)}-${sequence}-${maker.node}`;
}

/** The time of a UUID in either case. */
export function parseUuid(text: string): Outcome<Ticks, { readonly wrong: string }> {
  if (!UUID.test(text)) return { ok: false, wrong: "Invalid UUID" };
  const lower = text.toLowerCase();
  // RFC 9562 §4.1: the variant of this layout has the two highest bits 10.
  if (!"89ab".includes(lower.charAt(19))) return { ok: false, wrong: "Unsupported UUID variant" };
  if (lower.charAt(14) !== "1") return { ok: false, wrong: "UUID is not version 1" };
  const time = lower.slice(15, 18) + lower.slice(9, 13) + lower.slice(0, 8);
  return ok(BigInt(`0x${time}`));
}

/** A maker from 8 bytes of a digest. The multicast bit tells it from a real network address (RFC 9562 §6.10). */
export function toMaker(digest: Buffer): Maker {
  const first = (digest.readUInt8(2) | 1).toString(16).padStart(2, "0");
  return {
    clockSequence: digest.readUInt16BE(0) & 0x3fff,
    node: first + digest.toString("hex", 3, 8),
  };
}
