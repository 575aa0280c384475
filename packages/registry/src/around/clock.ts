/**
 * The clock of the house. It goes on evenly whatever the system's clock does: a jump of that one is told at once, but
 * followed only when it stays. Pure: what it reads is given.
 */
import type { Clock } from "../core/index.ts";

/** What the clock is made from. */
export interface TimeSources {
  /** The system's clock, wall-clock ms. May jump. */
  wall(): number;
  /** Ms that really passed, from any origin. */
  monotonic(): number;
}

export interface ClockListener {
  /** The system's clock jumped by this many ms. */
  onJump(byMs: number): void;
  /** Times shown go on by the system's clock: they moved by this many ms. */
  onFollowed(byMs: number): void;
}

/** A smaller difference is none: the system's clock tells whole ms. */
const DRIFT_MS = 3;
/** A smaller difference is followed silently: network time protocols step by it. */
const JUMP_MS = 1000;
/** For so long a jump must stay before it is followed. */
const STAYS_MS = 10_000;
/** No clock is right that shows a time before this program was written. */
export const WRITTEN_MS = Date.UTC(2026, 0, 1);

export class HouseClock implements Clock {
  readonly #sources: TimeSources;
  readonly #listener: ClockListener;
  /** Wall-clock ms of the monotonic origin: as followed, as followed before that, and as the system has it. */
  #offsetMs: number;
  #formerMs: number;
  #systemMs: number;
  /** Monotonic ms since when the system's clock has been another one; undefined while it is not. */
  #otherSinceMs: number | undefined;

  constructor(sources: TimeSources, listener: ClockListener) {
    this.#sources = sources;
    this.#listener = listener;
    this.#systemMs = sources.wall() - sources.monotonic();
    this.#offsetMs = this.#systemMs;
    this.#formerMs = this.#systemMs;
  }

  now(): number {
    return this.at(this.#sources.monotonic());
  }

  /** Wall-clock ms of a moment of the monotonic clock, by what is known now. */
  at(monotonicMs: number): number {
    return Math.floor(this.#offsetMs + monotonicMs);
  }

  monotonic(): number {
    return this.#sources.monotonic();
  }

  /** Looks at the system's clock. To be called several times a second. */
  look(): void {
    const monotonicMs = this.#sources.monotonic();
    const systemMs = this.#sources.wall() - monotonicMs;
    const byMs = systemMs - this.#systemMs;
    this.#systemMs = systemMs;
    const jumped = Math.abs(byMs) >= JUMP_MS;
    if (jumped) this.#listener.onJump(Math.round(byMs));
    const awayMs = Math.abs(systemMs - this.#offsetMs);
    if (awayMs < JUMP_MS) {
      if (awayMs >= DRIFT_MS) this.#offsetMs = systemMs;
      this.#otherSinceMs = undefined;
      return;
    }
    if (jumped || this.#otherSinceMs === undefined) this.#otherSinceMs = monotonicMs;
    if (monotonicMs - this.#otherSinceMs >= STAYS_MS || this.#isCorrection(systemMs, monotonicMs))
      this.#follow(systemMs);
  }

  /** What is followed is known to be wrong: it was never possible, or the system's clock is back where it was before. */
  #isCorrection(systemMs: number, monotonicMs: number): boolean {
    const wasWrong = this.#offsetMs + monotonicMs < WRITTEN_MS && systemMs + monotonicMs >= WRITTEN_MS;
    return wasWrong || Math.abs(systemMs - this.#formerMs) < JUMP_MS;
  }

  #follow(systemMs: number): void {
    const byMs = systemMs - this.#offsetMs;
    this.#formerMs = this.#offsetMs;
    this.#offsetMs = systemMs;
    this.#otherSinceMs = undefined;
    this.#listener.onFollowed(Math.round(byMs));
  }
}
