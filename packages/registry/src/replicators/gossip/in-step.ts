/**
 * When this node had the same as another one. After longer than tombstones are kept for certain, what only one of them has
 * and was there already then has been deleted at the other: it must not come back.
 */

import type { Standing } from "./status.ts";

interface Same {
  /** Everything that was written later has no smaller stamp, at either of the two. */
  readonly stampMs: number;
  readonly atMs: number;
}

/** Orders that are remembered: those of nodes that lost their data are of no use any more. */
const LINES_MAX = 1000;

export class InStep {
  readonly #same = new Map<string, Same>();
  /** Units that only one of the two has, as far as was found last. Known of this life alone. */
  readonly #lags = new Map<string, number>();

  /** `line`: the other's order. */
  note(line: string, stampMs: number, atMs: number): void {
    this.#lags.set(line, 0);
    this.#same.delete(line);
    this.#same.set(line, { stampMs, atMs });
    for (const oldest of this.#same.keys()) {
      if (this.#same.size <= LINES_MAX) break;
      this.#same.delete(oldest);
      this.#lags.delete(oldest);
    }
  }

  /** So many units, at least, only one of the two has. */
  differ(line: string, units: number): void {
    if (this.#same.has(line) || this.#lags.size < LINES_MAX) this.#lags.set(line, units);
  }

  standing(line: string, nowMs: number): Standing {
    const inStepMs = nowMs - (this.#same.get(line)?.atMs ?? Number.NEGATIVE_INFINITY);
    return { lag: this.#lags.get(line) ?? null, inStepMs };
  }

  /** As `Question.boundMs`. */
  boundMs(line: string, nowMs: number, tombstoneMs: number): number {
    const known = this.#same.get(line);
    return known === undefined || nowMs - known.atMs < tombstoneMs / 2 ? 0 : known.stampMs;
  }

  write(): string {
    return JSON.stringify([...this.#same]);
  }

  /** Throws when it is nothing that was written so. */
  read(text: string): void {
    for (const [line, { stampMs, atMs }] of JSON.parse(text || "[]") as [string, Same][])
      if (Number.isFinite(stampMs) && Number.isFinite(atMs)) this.#same.set(line, { stampMs, atMs });
  }
}
