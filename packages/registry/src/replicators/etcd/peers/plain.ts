/** Plain data as bytes, as it goes from node to node: JSON where that says all of it, else a structured clone. */
import { deserialize, serialize } from "node:v8";
import type { ByteReader, ByteWriter } from "../../../records/bytes.ts";

const JSON_TEXT = 0;
const CLONE = 1;

/** Throws, and writes nothing, when it is no plain data. */
export function writePlain(out: ByteWriter, value: unknown): void {
  const isText = isJson(value);
  const text = isText ? JSON.stringify(value) : serialize(value).toString("latin1");
  out.byte(isText ? JSON_TEXT : CLONE);
  out.string(text);
}

/** Throws when it is none, or of a runtime that writes what this one does not read. */
export function readPlain(input: ByteReader): unknown {
  const kind = input.byte();
  const text = input.ownString();
  return kind === JSON_TEXT ? JSON.parse(text) : deserialize(Buffer.from(text, "latin1"));
}

/** Whether JSON gives back the same. It knows no infinity, no `undefined`, no maps. */
function isJson(value: unknown): boolean {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return true;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object") return false;
  if (Array.isArray(value)) return value.every(isJson);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  for (const name in value) if (!isJson((value as Record<string, unknown>)[name])) return false;
  return true;
}
