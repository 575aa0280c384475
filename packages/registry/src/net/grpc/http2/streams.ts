/** @live The streams of a connection: those that are open, and of those that are over the ones whose client may not know. */
import type { Stream } from "./stream.ts";
import { ERRORS, expect } from "./wire.ts";

/** Streams that we ended before their client: what it still sends on the latest of them is passed over. */
const EARLY_MAX = 1000;
/** Streams that a client may take back, or end by breaking their rules: at once, and how many more each second. */
const BROKEN_MAX = 1000;
const BROKEN_PER_S = 33;

export class Streams {
  readonly #open = new Map<number, Stream>();
  readonly #early = new Set<number>();
  /** The newest that the client has begun. */
  last = 0;
  #brokenLeft = BROKEN_MAX;
  #brokenMs = performance.now();

  get size(): number {
    return this.#open.size;
  }

  values(): Stream[] {
    return [...this.#open.values()];
  }

  get(id: number): Stream | undefined {
    return this.#open.get(id);
  }

  add(stream: Stream): void {
    this.#open.set(stream.id, stream);
  }

  forget(stream: Stream): void {
    if (!stream.hasEnded) this.endEarly(stream.id);
    this.#open.delete(stream.id);
  }

  endEarly(id: number): void {
    this.#early.add(id);
    for (const oldest of this.#early) {
      if (this.#early.size <= EARLY_MAX) break;
      this.#early.delete(oldest);
    }
  }

  /**
   * The client sends data or fields on a stream that is over. Throws a `Broken` where it said itself that it would send no
   * more, and where it never began the stream: RFC 9113 §5.1, §5.1.1.
   */
  passOver(id: number, isLast: boolean): void {
    expect(this.#early.has(id), ERRORS.streamClosed);
    if (isLast) this.#early.delete(id);
  }

  /**
   * Counts a stream that was begun and taken back (CVE-2023-44487), or that we are made to end (CVE-2025-8671). Throws a
   * `Broken` when there are too many.
   */
  countBroken(): void {
    const nowMs = performance.now();
    const more = ((nowMs - this.#brokenMs) / 1000) * BROKEN_PER_S;
    this.#brokenMs = nowMs;
    this.#brokenLeft = Math.min(BROKEN_MAX, this.#brokenLeft + more) - 1;
    expect(this.#brokenLeft >= 0, ERRORS.calm);
  }
}
