import { type Outcome, ok, refuse } from "../../outcome.ts";
import { isReserved } from "../bytes.ts";
import { ownString } from "../catalog/share.ts";
import type { CommandOf, Decision } from "../command.ts";
import { LIMITS, sizeOf } from "../limits.ts";
import type { Change, KeyRecord } from "../types.ts";
import { type Basis, changed, countKeys, UNCHANGED } from "./basis.ts";

export function decidePut(basis: Basis, command: CommandOf<"put">): Outcome<Decision> {
  const { facts, account, stamp, limits } = basis;
  const { key, value } = command;
  if (key === "") return refuse("invalid", "the key is empty");
  if (key.length > LIMITS.keyBytesMax) return refuse("too-large", `the key is longer than ${LIMITS.keyBytesMax} bytes`);
  if (value.length > LIMITS.valueBytesMax)
    return refuse("too-large", `the value is longer than ${LIMITS.valueBytesMax} bytes`);
  const lease = command.lease ?? null;
  if (lease !== null && facts.lease(account, lease) === undefined)
    return refuse("not-found", `there is no lease ${lease}`);
  const before = facts.entry(account, key) ?? null;
  if (before === null && !isReserved(key) && facts.counts(account).keys >= limits.keysMax) {
    return refuse("limit", `the account may have ${limits.keysMax} keys`);
  }
  const after: KeyRecord = {
    key: before?.key ?? ownString(key),
    value,
    lease,
    version: (before?.version ?? 0) + 1,
    createRevision: before?.createRevision ?? stamp.revision,
    modRevision: stamp.revision,
    stampMs: stamp.atMs,
    origin: stamp.origin,
  };
  const change = { kind: "key", cause: "put", before, after } as const;
  return countKeys(basis, change) ?? changed([change]);
}

export function decideDelete(basis: Basis, command: CommandOf<"delete">): Outcome<Decision> {
  const { facts, account } = basis;
  const { from, to } = command;
  if (to === undefined) {
    const before = facts.entry(account, from);
    return before === undefined ? UNCHANGED : changed([{ kind: "key", cause: "deleted", before, after: null }]);
  }
  const changes: Change[] = [];
  for (const before of facts.entries(account, from, to)) {
    if (changes.length >= LIMITS.changesMax) return refuse("too-large", `more than ${LIMITS.changesMax} keys at once`);
    const change = { kind: "key", cause: "deleted", before, after: null } as const;
    const refused = countKeys(basis, change);
    if (refused !== undefined) return refused;
    changes.push(change);
  }
  return changed(changes);
}

export function decideRange(basis: Basis, command: CommandOf<"range">): Outcome<Decision> {
  const { facts, account, sums } = basis;
  const { from, to } = command;
  const entries: KeyRecord[] = [];
  let count = 0;
  const limit = Math.min(command.limit ?? LIMITS.changesMax, LIMITS.changesMax);
  const only = to === undefined ? facts.entry(account, from) : undefined;
  const found = to === undefined ? (only === undefined ? [] : [only]) : facts.entries(account, from, to);
  for (const record of found) {
    if (++sums.rangeKeys > LIMITS.rangeKeysMax)
      return refuse("too-large", `more than ${LIMITS.rangeKeysMax} keys to be looked at in a transaction`);
    if (++count > limit) continue;
    entries.push(record);
    sums.rangeBytes += sizeOf(record);
    if (sums.rangeBytes > LIMITS.rangeBytesMax)
      return refuse(
        "too-large",
        `the keys that it reads hold more than ${LIMITS.rangeBytesMax} bytes; read fewer at once`,
      );
  }
  return ok({ changes: [], result: { kind: "range", entries, count, more: count > entries.length } });
}
