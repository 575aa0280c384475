/** @live Waiting for a revision of the order to be shown here. */
import type { Revision } from "../../../core/index.ts";

export class Shown {
  #known: Revision;
  readonly #patienceMs: number;
  #waiting: { readonly revision: Revision; readonly end: (isShown: boolean) => void }[] = [];

  constructor(known: Revision, patienceMs: number) {
    this.#known = known;
    this.#patienceMs = patienceMs;
  }

  /** To be called just before it is shown, in the same turn. */
  note(revision: Revision): void {
    this.#known = revision;
    if (this.#waiting.length === 0) return;
    for (const { revision: wanted, end } of this.#waiting) if (wanted <= revision) end(true);
    this.#waiting = this.#waiting.filter(({ revision: wanted }) => wanted > revision);
  }

  /** False when it was not shown in time. */
  reached(revision: Revision): Promise<boolean> {
    if (this.#known >= revision) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.#patienceMs).unref();
      const end = (isShown: boolean): void => {
        clearTimeout(timer);
        resolve(isShown);
      };
      this.#waiting.push({ revision, end });
    });
  }
}
