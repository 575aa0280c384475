/** @live All keys of a range as they were at one revision, in pages: what is read at once is bounded. */
import type { Account, KeyRange, KeyRecord, Registry, Revision } from "../../../../core/index.ts";

const PAGE = 500;

/** False when the state of that revision is gone, or cannot be read now. */
export async function readPast(
  registry: Registry,
  account: Account,
  { from, to }: KeyRange,
  revision: Revision,
  take: (record: KeyRecord) => void,
): Promise<boolean> {
  let next = from;
  let limit = PAGE;
  for (;;) {
    const read = await registry.past(account, { from: next, ...(to === undefined ? {} : { to }), limit }, revision);
    // Long values: fewer at a time.
    if (!read.ok && read.refusal === "too-large" && limit > 1) {
      limit = Math.ceil(limit / 8);
      continue;
    }
    if (!read.ok) return false;
    for (const record of read.value.entries) take(record);
    const last = read.value.entries.at(-1);
    if (!read.value.more || last === undefined) return true;
    next = `${last.key}\0`;
  }
}
