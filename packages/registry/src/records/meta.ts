/** The few values about a store itself: JSON, so that any later version can read them, sealed like all others. */
import { type Outcome, ok, refuse } from "../core/index.ts";
import { FORMAT, HEAD_BYTES, isIntact, seal } from "./sealed.ts";

export type Meta = Readonly<Record<string, unknown>>;

/** The whole number of that name, or -1. */
export function wholeNumber(meta: Meta, name: string): number {
  const found = meta[name];
  return typeof found === "number" && Number.isSafeInteger(found) && found >= 0 ? found : -1;
}

export function encodeMeta(value: unknown): Buffer {
  return seal(Buffer.concat([Buffer.alloc(HEAD_BYTES), Buffer.from(JSON.stringify(value), "utf8")]));
}

export function decodeMeta(bytes: Buffer, key: string): Outcome<Meta> {
  if (bytes.length > HEAD_BYTES && (bytes[0] as number) > FORMAT)
    return refuse("unsupported", `it was written by a newer version (format ${bytes[0]}; this one knows ${FORMAT})`);
  if (!isIntact(bytes)) return refuse("invalid", `the row "${key}" about the store does not match its checksum`);
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8", HEAD_BYTES));
    if (typeof value === "object" && value !== null) return ok(value as Meta);
  } catch {
    // Refused below.
  }
  return refuse("invalid", `the row "${key}" about the store is not an object`);
}
