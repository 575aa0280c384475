/**
 * @live Hands commits to cursors in slices, between other work. A round goes over all live cursors that lack commits, and
 * hands each of them all that is new. Commits that come during a round wait for the next one, which begins when other
 * work had as much time as the round took. Cursors that are behind the live ones are brought up to them in the same slices.
 */
import type { Clock } from "../leases/policy.ts";
import type { Commit, Revision } from "../types.ts";
import { Batches, type OlderHistory } from "./batches.ts";
import type { Crowd, Cursor } from "./crowd.ts";
import type { History } from "./history.ts";

export interface RoundsOptions {
  readonly history: History;
  readonly older: OlderHistory;
  readonly clock: Clock;
  /** Runs something after so many ms. */
  readonly wait: (ms: number, run: () => void) => void;
  /** Runs a slice in one of the next turns of the event loop. */
  readonly inTurn: (work: () => void) => void;
  readonly onBug: (error: unknown) => void;
}

/** A slice ends after this time, */
const SLICE_MS = 5;
/** or after this number of cursors: what a watcher begins may go on after the slice, in microtasks. */
export const SLICE_CURSORS = 64;
/** The longest pause between two rounds. */
const PAUSE_MS_MAX = 200;

export class Rounds {
  readonly #options: RoundsOptions;
  readonly #batches: Batches;
  /** Crowds whose live cursors lack commits. */
  readonly #lacking = new Set<Crowd>();
  /** The cursors that are left of the round. */
  #round: Cursor[] = [];
  /** Cursors behind the live ones. */
  #behind: Cursor[] = [];
  /** A slice has run, and the next one waits for its turn. */
  #isPlanned = false;
  #isPausing = false;
  /** Of the round: when it began, and the time that its slices took. */
  #beganMs = 0;
  #busyMs = 0;
  /** No round begins before this time. */
  #nextMs = 0;

  constructor(options: RoundsOptions) {
    this.#options = options;
    const { history, older, onBug } = options;
    this.#batches = new Batches({
      history,
      older,
      onRead: (cursors) => {
        this.#behind = this.#behind.concat(cursors);
        this.start();
      },
      onFailure: (cursors, error) => {
        onBug(error);
        for (const cursor of cursors) if (cursor.state !== "closed") this.lose(cursor);
      },
    });
  }

  /** Notes that live cursors of the crowd lack the commits after this revision. The caller calls `start` later. */
  note(crowd: Crowd, after: Revision): void {
    crowd.lacking ??= after;
    this.#lacking.add(crowd);
  }

  /** Takes in a cursor that is new or was parked. */
  add(cursor: Cursor): void {
    if (cursor.state === "closed") return;
    this.#place(cursor);
    if (cursor.state === "queued") this.start();
  }

  /** Runs the first slice at once, unless one is planned. */
  start(): void {
    if (!this.#isPlanned) this.#slice();
  }

  /** Hands over at once all that memory has up to `head`. */
  pull(cursor: Cursor, head: Revision): void {
    while (cursor.state !== "closed" && cursor.position < head) {
      const batch = this.#batches.fromMemory(cursor.crowd, cursor.position, head);
      if (batch === undefined) return;
      this.hand(cursor, batch.commits, batch.to);
      if (cursor.state === "parked") return;
    }
  }

  #slice(): void {
    const { clock } = this.#options;
    const fromMs = clock.monotonic();
    if (this.#round.length === 0 && this.#lacking.size > 0 && fromMs >= this.#nextMs) this.#open(fromMs);
    if (this.#round.length + this.#behind.length === 0) return this.#pause(fromMs);
    this.#isPlanned = true;
    let [round, behind, nowMs] = [0, 0, fromMs];
    while (round + behind < SLICE_CURSORS && nowMs - fromMs < SLICE_MS) {
      // By turns, so that neither waits for the end of the other.
      const isInRound = round < this.#round.length && (round <= behind || behind === this.#behind.length);
      const cursor = isInRound ? this.#round[round++] : this.#behind[behind++];
      if (cursor === undefined) break;
      this.#serve(cursor);
      nowMs = clock.monotonic();
    }
    this.#busyMs += nowMs - fromMs;
    this.#behind.splice(0, behind);
    if (round > 0 && round === this.#round.length) this.#end();
    this.#round.splice(0, round);
    this.#options.inTurn(() => {
      this.#isPlanned = false;
      this.#slice();
    });
  }

  #open(nowMs: number): void {
    const cursors: Cursor[] = [];
    for (const crowd of this.#lacking) {
      for (const cursor of crowd.live) {
        cursor.at = cursor.position;
        cursor.state = "queued";
        cursors.push(cursor);
      }
      crowd.live.clear();
      crowd.lacking = null;
      crowd.clean = crowd.told;
    }
    this.#lacking.clear();
    // The first ones of this round are the last ones of the next.
    cursors.push(...cursors.splice(0, SLICE_CURSORS));
    this.#round = cursors;
    this.#beganMs = nowMs;
    this.#busyMs = 0;
  }

  /** Without new commits there is no pause: the next one is handed over at once. */
  #end(): void {
    const pauseMs = this.#lacking.size === 0 ? 0 : Math.min(this.#busyMs, PAUSE_MS_MAX);
    this.#nextMs = this.#beganMs + this.#busyMs + pauseMs;
  }

  #pause(nowMs: number): void {
    this.#batches.clear();
    if (this.#lacking.size === 0 || this.#isPausing) return;
    this.#isPausing = true;
    this.#options.wait(this.#nextMs - nowMs, () => {
      this.#isPausing = false;
      this.start();
    });
  }

  #serve(cursor: Cursor): void {
    if (cursor.state !== "queued") return;
    if (cursor.at >= cursor.crowd.clean) return this.#place(cursor);
    const batch = this.#batches.next(cursor);
    if (batch !== undefined) this.hand(cursor, batch.commits, batch.to);
    else if (cursor.at < this.#options.older.floor) this.lose(cursor);
    else this.#batches.read(cursor);
  }

  /** Hands over commits, which are all in scope up to `to`, and puts the cursor where it belongs then. */
  hand(cursor: Cursor, commits: readonly Commit[], to: Revision): void {
    let taken = 0;
    try {
      if (commits.length > 0) taken = cursor.watcher.deliver(commits);
    } catch (error) {
      this.#options.onBug(error);
      // Some of it may have been taken in: the watcher's state is wrong until it is read again.
      return this.lose(cursor);
    }
    const rest = commits[taken];
    cursor.at = rest === undefined ? to : rest.revision - 1;
    if (cursor.state === "closed") return;
    if (rest === undefined || taken > 0) return this.#place(cursor);
    cursor.state = "parked";
    cursor.crowd.live.delete(cursor);
  }

  #place(cursor: Cursor): void {
    const { crowd, goal } = cursor;
    if (cursor.at >= crowd.clean) {
      cursor.state = "live";
      crowd.live.add(cursor);
    } else {
      cursor.state = "queued";
      crowd.live.delete(cursor);
      this.#behind.push(cursor);
    }
    if (goal !== null && cursor.position >= goal) this.#tellCaughtUp(cursor);
  }

  #tellCaughtUp(cursor: Cursor): void {
    cursor.goal = null;
    try {
      cursor.watcher.caughtUp?.();
    } catch (error) {
      this.#options.onBug(error);
    }
  }

  /** Ends the watch; its watcher has to read the state and begin anew. */
  lose(cursor: Cursor): void {
    cursor.close();
    try {
      cursor.watcher.lost(this.#options.older.floor);
    } catch (error) {
      this.#options.onBug(error);
    }
  }
}
