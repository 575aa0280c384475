/** Keys and leases that dialects keep to themselves: their names begin with byte 0. */
import { type Change, isReserved, type LeaseId, type Outcome, ok, refuse, subjectOf } from "../../core/index.ts";

/** Keys that begin with byte 0 belong to the dialects: they are not to be read or written here. */
export function refuseReserved(key: string): Outcome<string> {
  if (key === "") return refuse("invalid", "the key is empty");
  return isReserved(key) ? refuse("forbidden", "keys that begin with byte 0 are reserved") : ok(key);
}

/** The first key that outsiders may see under a prefix: the empty prefix begins after the reserved keys. */
export function fromPrefix(prefix: string): string {
  return prefix === "" ? "\x01" : prefix;
}

/** Leases that a dialect keeps for its own ends are not shown, like its keys. */
export function isHiddenLease(lease: LeaseId): boolean {
  return lease.charCodeAt(0) === 0;
}

export function isHiddenChange(change: Change): boolean {
  if (change.kind === "key") return isReserved(subjectOf(change).key);
  return change.kind === "lease" && isHiddenLease(subjectOf(change).id);
}
