/** The hash by which clients notice that their copy differs from the registry. Pure. */
import { type EurekaStatus, STATUSES } from "../wire/messages.ts";

/** In the order in which the hash names them: by letter. */
const BY_LETTER = [...STATUSES].sort();

/**
 * `STATUS_count_` of every status that somebody has, by letter; "" for nobody. All instances count, and in a delta those
 * of the full registry do.
 */
export function toHashcode(counts: Readonly<Partial<Record<EurekaStatus, number>>>): string {
  let hash = "";
  for (const status of BY_LETTER) {
    const count = counts[status];
    if (count !== undefined && count > 0) hash += `${status}_${count}_`;
  }
  return hash;
}
