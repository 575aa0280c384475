/** The few rows about the store itself: JSON, so that any later version can read them, with the same head as others. */
import { crc32 } from "node:zlib";
import type { Outcome } from "../../core/index.ts";
import { ok, refuse } from "../../core/index.ts";
import { FORMAT, isIntact } from "../../records/stored.ts";

const HEAD_BYTES = 5;

/** What a store says of itself. */
export interface Identity {
  readonly program: "rollcall";
  readonly format: number;
  readonly store: string;
  readonly createdAtMs: number;
}

export const META_KEYS = {
  identity: "identity",
  checkpoint: "checkpoint",
  floor: "floor",
  /** Only in a restored store: revisions go on after this one, and history begins there. */
  jump: "jump",
} as const;

export function encodeMeta(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value), "utf8");
  const bytes = Buffer.alloc(HEAD_BYTES + text.length);
  text.copy(bytes, HEAD_BYTES);
  bytes[0] = FORMAT;
  bytes.writeUInt32LE(crc32(text), 1);
  return bytes;
}

export function decodeMeta(bytes: Buffer, key: string): Outcome<Readonly<Record<string, unknown>>> {
  if (bytes.length > HEAD_BYTES && (bytes[0] as number) > FORMAT)
    return refuse("unsupported", `it was written by a newer version (format ${bytes[0]}; this one knows ${FORMAT})`);
  if (!isIntact(bytes)) return refuse("invalid", `the row "${key}" about the store does not match its checksum`);
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8", HEAD_BYTES));
    if (typeof value === "object" && value !== null) return ok(value as Record<string, unknown>);
  } catch {
    // Refused below.
  }
  return refuse("invalid", `the row "${key}" about the store is not an object`);
}

/** A whole number of that name, or -1. */
export function wholeNumber(value: Readonly<Record<string, unknown>>, name: string): number {
  const found = value[name];
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : -1;
}
