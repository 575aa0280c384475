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
  readonly #underWay = new Map<string, Promise<unknown>>();
  #entries = 0;

  /** As it is kept, or as somebody makes it already; made when it is neither. What is no list is not kept. */
  async take<T>(name: string, make: () => Promise<Listing | T>): Promise<Listing | T> {
    const found = this.#kept.get(name);
    if (found !== undefined) {
      this.#kept.delete(name);
      this.#kept.set(name, found);
      return found;
    }
    const coming = this.#underWay.get(name) as Promise<Listing | T> | undefined;
    if (coming !== undefined) return coming;
    const making = make();
    this.#underWay.set(name, making);
    try {
      const made = await making;
      if (Array.isArray(made)) this.#keep(name, made as Listing);
      return made;
    } finally {
      this.#underWay.delete(name);
    }
  }

  #keep(name: string, listing: Listing): void {
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
