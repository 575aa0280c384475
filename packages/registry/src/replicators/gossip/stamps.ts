/** The stamps of a node: never smaller than any that it has given or seen, whatever its clock does. */
import { type Change, isTombstone, readTombstone, type Stamps, stampOfLease } from "../../core/index.ts";

export class NodeStamps implements Stamps {
  #last = 0;

  /** The greatest that is known here. */
  get last(): number {
    return this.#last;
  }

  least(nowMs: number): number {
    return Math.max(nowMs, this.#last);
  }

  note(stampMs: number): void {
    if (stampMs > this.#last) this.#last = stampMs;
  }

  used(changes: readonly Change[]): void {
    for (const change of changes) {
      const { after } = change;
      if (after === null) continue;
      if ("value" in after && isTombstone(after.key)) this.note(readTombstone(after).stampMs);
      else this.note("ttlMs" in after ? stampOfLease(after) : after.stampMs);
    }
  }
}
