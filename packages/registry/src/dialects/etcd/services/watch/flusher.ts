/** @live Writes what streams have to tell, in slices between other work. */
import { openLine } from "../../../../net/answers/turns.ts";

/** A stream that has something to write. */
export interface Flushed {
  flush(): void;
}

/** A slice ends after so many streams, or after this time. */
const SLICE = 64;
const SLICE_MS = 5;

export class Flusher {
  readonly #inTurn = openLine();
  #waiting: Flushed[] = [];
  #isPlanned = false;

  /** Each once, until its `flush` is called. */
  add(one: Flushed): void {
    this.#waiting.push(one);
    this.#plan();
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    this.#inTurn(() => this.#flushSome());
  }

  #flushSome(): void {
    this.#isPlanned = false;
    const untilMs = performance.now() + SLICE_MS;
    let count = 0;
    while (count < this.#waiting.length && count < SLICE && performance.now() < untilMs)
      (this.#waiting[count++] as Flushed).flush();
    this.#waiting.splice(0, count);
    if (this.#waiting.length > 0) this.#plan();
  }
}
