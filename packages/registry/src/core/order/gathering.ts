/**
 * How long the next group waits for more. Where a group is dear, whoever was answered by the last one and asks again
 * should still be in the next: two crowds that take turns pay for twice as many groups.
 */

/** Runs something after so many ms. */
export type Wait = (ms: number, run: () => void) => void;

/** After smaller groups nobody waits. */
const CROWD = 16;
const WAIT_MS_MAX = 10;

export class Gathering {
  readonly #wait: Wait | undefined;
  readonly #flush: () => void;
  /** Undefined while nothing is waited for. */
  #wanted: { readonly proposals: number } | undefined;

  /** `flush`: called when it has waited long enough. It never waits where there is no `wait`. */
  constructor(wait: Wait | undefined, flush: () => void) {
    this.#wait = wait;
    this.#flush = flush;
  }

  /**
   * A group of so many commits is written, which took so long, and so many proposals wait for the next. It waits for as
   * many again, and no longer than that one took.
   */
  begin(commits: number, open: number, tookMs: number): void {
    if (this.#wait === undefined || commits < CROWD) return;
    const wanted = { proposals: commits + open };
    this.#wanted = wanted;
    this.#wait(Math.min(tookMs, WAIT_MS_MAX), () => {
      if (this.#wanted !== wanted) return;
      this.#wanted = undefined;
      this.#flush();
    });
  }

  /** Whether so many proposals are to wait for more. */
  waits(open: number): boolean {
    if (this.#wanted === undefined) return false;
    if (open < this.#wanted.proposals) return true;
    this.#wanted = undefined;
    return false;
  }
}
