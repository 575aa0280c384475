/** How many instances have which status, and the hash made of that, by which clients check their copy. */
import { type EurekaStatus, STATUSES } from "../wire/messages.ts";

export type Counts = Partial<Record<EurekaStatus, number>>;

/** The hash names them by letter. */
const BY_LETTER = [...STATUSES].sort();

/** Adds them so many times. */
export function addCounts(sum: Counts, more: Readonly<Counts>, times = 1): void {
  for (const status of STATUSES) {
    const count = more[status];
    if (count !== undefined) sum[status] = (sum[status] ?? 0) + times * count;
  }
}

/**
 * `STATUS_count_` of every status that an instance has, by letter; "" for no instances. It is of all instances, also in
 * a delta.
 */
export function toHashcode(counts: Readonly<Counts>): string {
  let hash = "";
  for (const status of BY_LETTER) {
    const count = counts[status];
    if (count !== undefined && count > 0) hash += `${status}_${count}_`;
  }
  return hash;
}
