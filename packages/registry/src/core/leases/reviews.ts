/** Services in which held instances may have been replaced, to be looked at again later. */
import type { Catalog } from "../catalog/state.ts";
import type { Account } from "../types.ts";
import type { Surveyor } from "./census.ts";

/** When to look, and when for the last time. */
interface Review {
  readonly account: Account;
  readonly service: string;
  at: number;
  lastAt: number;
}

export class Reviews {
  readonly #catalog: Catalog;
  readonly #surveyor: Surveyor;
  readonly #windowMs: number;
  readonly #reviews = new Map<string, Review>();

  constructor(catalog: Catalog, surveyor: Surveyor, windowMs: number) {
    this.#catalog = catalog;
    this.#surveyor = surveyor;
    this.#windowMs = windowMs;
  }

  /** To look at this lease time; at the first and at the last that was said. */
  note(account: Account, service: string, lastAt: number): void {
    const review = this.#reviews.get(`${account}/${service}`);
    if (review === undefined) this.#reviews.set(`${account}/${service}`, { account, service, at: lastAt, lastAt });
    else review.lastAt = lastAt;
  }

  run(now: number): void {
    const span = { from: now, to: now, windowMs: this.#windowMs };
    for (const [key, review] of this.#reviews) {
      if (review.at > now) continue;
      review.at = review.lastAt;
      if (review.lastAt <= now) this.#reviews.delete(key);
      const account = this.#catalog.account(review.account);
      const service = account?.service(review.service);
      if (account !== undefined && service !== undefined) this.#surveyor.review(account, service, span);
    }
  }
}
