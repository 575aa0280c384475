import { prefixEnd } from "../bytes.ts";
import type { Comparison, Guard } from "../command.ts";
import type { Account, KeyRecord, LeaseId } from "../types.ts";
import type { Facts } from "../view.ts";
import type { Basis } from "./basis.ts";

/** The index of the first guard that does not hold. */
export function findBroken(basis: Basis, guards: readonly Guard[]): number | null {
  for (let i = 0; i < guards.length; i++) if (!holds(basis, guards[i] as Guard)) return i;
  return null;
}

function holds({ facts, account, stamp }: Basis, guard: Guard): boolean {
  switch (guard.on) {
    case "instance": {
      const exists =
        guard.service === undefined
          ? facts.instancesById(account, guard.id).length > 0
          : facts.instance(account, guard.service, guard.id) !== undefined;
      return exists === guard.exists;
    }
    case "instance-mod":
      return facts.instance(account, guard.instance.service, guard.instance.id)?.modRevision === guard.revision;
    case "lease-exists":
      return (facts.lease(account, guard.lease) !== undefined) === guard.exists;
    case "lease-held":
      return facts.lease(account, guard.lease)?.held != null;
    case "count":
      return guard.of === "keys"
        ? countKeys(facts, account, guard.prefix, guard.below) < guard.below
        : facts.count(account, guard.of) < guard.below;
    default:
      return everyKey(facts, account, guard, (record) => keyHolds(guard, record, stamp.atMs));
  }
}

/** A range in which nothing lies is tested like a missing key (the rule of etcd's Compare with range_end). */
function everyKey(
  facts: Facts,
  account: Account,
  guard: { readonly key: string; readonly to?: string },
  test: (record: KeyRecord | undefined) => boolean,
): boolean {
  if (guard.to === undefined) return test(facts.entry(account, guard.key));
  let found = false;
  for (const record of facts.entries(account, guard.key, guard.to)) {
    found = true;
    if (!test(record)) return false;
  }
  return found || test(undefined);
}

function keyHolds(
  guard: Extract<Guard, { readonly key: string }>,
  record: KeyRecord | undefined,
  nowMs: number,
): boolean {
  switch (guard.on) {
    case "detached-for": {
      const atMs = record?.detachedAtMs ?? 0;
      return atMs === 0 || nowMs - atMs >= guard.ms;
    }
    case "version":
      return compare(record?.version ?? 0, guard.is, guard.than);
    case "create":
      return compare(record?.createRevision ?? 0, guard.is, guard.than);
    case "mod":
      return compare(record?.modRevision ?? 0, guard.is, guard.than);
    case "lease":
      return compareLeases(record?.lease ?? "", guard.is, guard.than);
    case "value":
      return record !== undefined && compare(record.value, guard.is, guard.than);
  }
}

function compare<T extends number | string>(actual: T, is: Comparison, than: T): boolean {
  switch (is) {
    case "=":
      return actual === than;
    case "!=":
      return actual !== than;
    case "<":
      return actual < than;
    case ">":
      return actual > than;
  }
}

/** As they are written when they are numbers: "007" is a name of its own. */
const DECIMAL = /^(?:0|-?[1-9][0-9]*)$/;

function compareLeases(actual: LeaseId, is: Comparison, than: LeaseId): boolean {
  const [a, b] = [actual || "0", than || "0"];
  if (is === "=" || is === "!=" || !DECIMAL.test(a) || !DECIMAL.test(b)) return compare(actual, is, than);
  return compare(compareDecimals(a, b), is, 0);
}

/** Below 0 when `a` is less, above when it is more. Of any length: they need not be safe integers. */
function compareDecimals(a: string, b: string): number {
  const negative = a.startsWith("-");
  if (negative !== b.startsWith("-")) return negative ? -1 : 1;
  const more = a.length !== b.length ? a.length - b.length : a < b ? -1 : a > b ? 1 : 0;
  return negative ? -more : more;
}

function countKeys(facts: Facts, account: Account, prefix: string, enough: number): number {
  if (prefix === "") return facts.count(account, "keys");
  let count = 0;
  for (const _ of facts.entries(account, prefix, prefixEnd(prefix))) if (++count >= enough) break;
  return count;
}
