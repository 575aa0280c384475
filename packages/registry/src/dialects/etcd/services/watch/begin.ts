/** Where a watch begins. */
import type { Account, KeyRange, Registry, Revision } from "../../../../core/index.ts";
import { rangeOf } from "../../kv/range.ts";
import type { CreateAsked } from "../../wire/watch.ts";
import { isPrefix } from "./places.ts";

export type Begun =
  | { readonly kind: "refused"; readonly reason: string }
  /** `compacted`: what it wants to hear is gone. `behind`: it has history to read after that revision. */
  | { readonly kind: "live" | "behind" | "compacted"; readonly range: KeyRange; readonly after: Revision };

/** Of what dialects keep for themselves nothing is told. */
const NOWHERE: KeyRange = { from: "\0" };

/** History of the account's keys is gone up to here. */
export function floorOf(registry: Registry, account: Account): Revision {
  const ofKeys = registry.read((view) => view.account(account)?.keysFloor ?? 0);
  return Math.max(registry.floor, ofKeys);
}

/** `floor`: history of the account's keys is gone up to here. */
export function begin(registry: Registry, account: Account, floor: Revision, asked: CreateAsked): Begun {
  const key = asked.key === "" ? "\0" : asked.key;
  const { rangeEnd, startRevision } = asked;
  if (rangeEnd !== "" && rangeEnd !== "\0" && rangeEnd <= key)
    return { kind: "refused", reason: "mvcc: watcher range is empty" };
  const range = rangeOf(key, rangeEnd) ?? NOWHERE;
  const now = registry.read((view) => view.revision);
  if (startRevision === 0) return { kind: "live", range, after: now };
  const after = startRevision - 1;
  if (after >= now) return { kind: "live", range, after };
  if (startRevision < Math.max(floor, 1)) return { kind: "compacted", range, after };
  return { kind: changedSince(registry, account, range, startRevision) ? "behind" : "live", range, after };
}

/** Whether a key of the range may have changed with this revision or later. */
function changedSince(registry: Registry, name: Account, { from, to }: KeyRange, revision: Revision): boolean {
  return registry.read((view) => {
    const account = view.account(name);
    if (account === undefined || account.keysRevision < revision) return false;
    return to !== undefined && !isPrefix({ from, to }) ? true : account.under(from).revision >= revision;
  });
}
