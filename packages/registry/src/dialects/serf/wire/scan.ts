/**
 * Where a value of MessagePack ends. It goes on where it stopped when more bytes come, so each is looked at once: who sends
 * a large value byte by byte costs no more than who sends it whole.
 */
import type { Limits } from "./msgpack.ts";

/** What follows a kind: bytes of a length, whose unit is bytes or values; else so many bytes. */
type After = { readonly length: number; readonly each: "byte" | 1 | 2 } | number;

const LENGTHS: ReadonlyMap<number, After> = new Map<number, After>([
  ...[0xc0, 0xc2, 0xc3].map((kind) => [kind, 0] as const),
  ...[0xca, 0xce, 0xd2].map((kind) => [kind, 4] as const),
  ...[0xcb, 0xcf, 0xd3].map((kind) => [kind, 8] as const),
  ...[0xcc, 0xd0].map((kind) => [kind, 1] as const),
  ...[0xcd, 0xd1].map((kind) => [kind, 2] as const),
  ...[0xc4, 0xd9].map((kind) => [kind, { length: 1, each: "byte" }] as const),
  ...[0xc5, 0xda].map((kind) => [kind, { length: 2, each: "byte" }] as const),
  ...[0xc6, 0xdb].map((kind) => [kind, { length: 4, each: "byte" }] as const),
  [0xdc, { length: 2, each: 1 }],
  [0xdd, { length: 4, each: 1 }],
  [0xde, { length: 2, each: 2 }],
  [0xdf, { length: 4, each: 2 }],
]);

export class Scan {
  readonly #limits: Limits;
  /** The next byte to look at; may lie behind what is there. */
  #at = 0;
  #values = 0;
  /** Values to come, at each level. */
  readonly #left = [1];

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** `bytes`: the same as before and more. The end of the value; "wrong" when it will never be one. */
  findEnd(bytes: Buffer): number | "more" | "wrong" {
    for (;;) {
      const level = this.#left.length - 1;
      if (this.#at > this.#limits.bytesMax) return "wrong";
      if (level < 0) return this.#at <= bytes.length ? this.#at : "more";
      if (this.#left[level] === 0) {
        this.#left.pop();
        continue;
      }
      if (this.#at >= bytes.length) return "more";
      const step = this.#step(bytes, level);
      if (step !== "went on") return step;
    }
  }

  /** Over one value, or the head of one that holds others. */
  #step(bytes: Buffer, depth: number): "went on" | "more" | "wrong" {
    const { depthMax, valuesMax, bytesMax } = this.#limits;
    const kind = bytes[this.#at] as number;
    let [head, held, inside] = [1, 0, 0];
    if (kind < 0x80 || kind >= 0xe0) head = 1;
    else if (kind < 0x90) inside = 2 * (kind & 15);
    else if (kind < 0xa0) inside = kind & 15;
    else if (kind < 0xc0) held = kind & 31;
    else {
      const after = LENGTHS.get(kind);
      if (after === undefined) return "wrong";
      if (typeof after === "number") held = after;
      else {
        head += after.length;
        if (this.#at + head > bytes.length) return "more";
        const length = bytes.readUIntBE(this.#at + 1, after.length);
        if (after.each === "byte") held = length;
        else inside = after.each * length;
      }
    }
    this.#values++;
    if (depth > depthMax || held > bytesMax || this.#values + inside > valuesMax) return "wrong";
    this.#at += head + held;
    this.#left[depth] = (this.#left[depth] as number) - 1;
    if (inside > 0) this.#left.push(inside);
    return "went on";
  }
}
