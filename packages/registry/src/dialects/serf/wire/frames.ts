/** Values back to back, as both sides of the protocol send them. */
import { Gathered } from "../../../net/gathered.ts";
import { LIMITS, type Limits, type Read, read } from "./msgpack.ts";
import { Scan } from "./scan.ts";

/** Takes what comes in, and gives it out value by value; holds no more than one that is not whole. */
export class Frames {
  readonly #limits: Limits;
  readonly #held = new Gathered();
  #scan: Scan;

  constructor(limits: Limits = LIMITS) {
    this.#limits = limits;
    this.#scan = new Scan(limits);
  }

  /** Bytes that came and are in no value yet. */
  get waiting(): number {
    return this.#held.length;
  }

  push(chunk: Buffer): void {
    this.#held.push(chunk);
  }

  /** The next value; "more" until it is there; "wrong" when nothing of what comes can be a value. */
  next(): { readonly value: Read } | "more" | "wrong" {
    if (this.waiting === 0) return "more";
    const { bytes } = this.#held;
    const end = this.#scan.findEnd(bytes);
    if (typeof end !== "number") return end;
    this.#scan = new Scan(this.#limits);
    const found = read(bytes.subarray(0, end), 0, this.#limits);
    this.#held.drop(end);
    return found;
  }
}

export type Fields = ReadonlyMap<string, Read>;

export function isMap(value: Read | undefined): value is Fields {
  return value instanceof Map;
}

/** A text; "" where there is none. */
export function textOf(fields: Fields, name: string): string {
  return bytesOf(fields, name).toString("utf8");
}

const NONE = Buffer.alloc(0);

/** Bytes, said as such or as a text; none where there is nothing. */
export function bytesOf(fields: Fields, name: string): Buffer {
  const value = fields.get(name);
  return Buffer.isBuffer(value) ? value : NONE;
}

/** A number; 0 where there is none. */
export function numberOf(fields: Fields, name: string): number {
  const value = fields.get(name);
  return typeof value === "number" ? value : 0;
}

export function flagOf(fields: Fields, name: string): boolean {
  return fields.get(name) === true;
}

export function textsOf(fields: Fields, name: string): readonly string[] {
  const value = fields.get(name);
  return Array.isArray(value) ? (value as readonly Read[]).filter(Buffer.isBuffer).map(String) : [];
}

export function textMapOf(fields: Fields, name: string): ReadonlyMap<string, string> {
  const value = fields.get(name);
  const texts = new Map<string, string>();
  if (isMap(value)) for (const [key, one] of value) if (Buffer.isBuffer(one)) texts.set(key, one.toString("utf8"));
  return texts;
}
