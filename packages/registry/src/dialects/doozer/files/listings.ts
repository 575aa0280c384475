/** Lists that clients read one entry after the other: made once for each revision, the latest few kept. */
import type { Bytes } from "../../../core/index.ts";
import type { File } from "./source.ts";

export type Listing = readonly Bytes[] | readonly File[];

const LISTINGS_MAX = 32;
/** Of all of them. */
const ENTRIES_MAX = 400_000;

export class Listings {
  /** The one used last is last. */
  readonly #kept = new Map<string, Listing>();
  #entries = 0;

  find(name: string): Listing | undefined {
    const found = this.#kept.get(name);
    if (found !== undefined) {
      this.#kept.delete(name);
      this.#kept.set(name, found);
    }
    return found;
  }

  keep(name: string, listing: Listing): void {
    this.#drop(name);
    this.#kept.set(name, listing);
    this.#entries += listing.length;
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= LISTINGS_MAX && this.#entries <= ENTRIES_MAX) return;
      this.#drop(oldest);
    }
  }

  #drop(name: string): void {
    this.#entries -= this.#kept.get(name)?.length ?? 0;
    this.#kept.delete(name);
  }
}
