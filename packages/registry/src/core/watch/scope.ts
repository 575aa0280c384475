/** Which commits a scope holds. */

import { isInRange } from "../bytes.ts";
import type { Scope } from "../registry.ts";
import { type Bytes, type Change, type Commit, subjectOf } from "../types.ts";

const NAMED_SERVICES_MAX = 16;

/** The same for scopes that are written alike; undefined for those that are too long to be compared. */
export function nameScope({ account, services = [], anyService, keys }: Scope): string | undefined {
  if (services.length > NAMED_SERVICES_MAX) return undefined;
  return JSON.stringify([account, services, anyService, keys?.from, keys?.to]);
}

export function isEverything(scope: Scope): boolean {
  return scope.services === undefined && scope.anyService !== true && scope.keys === undefined;
}

export function keyInScope({ keys }: Scope, key: Bytes): boolean {
  return keys !== undefined && isInRange(keys, key);
}

export function concerns(scope: Scope, commit: Commit): boolean {
  if (scope.account !== undefined && scope.account !== commit.account) return false;
  return isEverything(scope) || commit.changes.some((change) => isInScope(scope, change));
}

function isInScope(scope: Scope, change: Change): boolean {
  if (change.kind === "key") return keyInScope(scope, subjectOf(change).key);
  if (change.kind !== "instance") return false;
  if (scope.anyService === true) return true;
  const services = scope.services ?? [];
  return services.includes(change.after?.service ?? "") || services.includes(change.before?.service ?? "");
}
