import { type Outcome, ok, type Refused, refuse } from "../../outcome.ts";
import { FLOOR_KEY, isReserved } from "../bytes.ts";
import { ownString } from "../catalog/share.ts";
import { sizeOf } from "../catalog/size.ts";
import type { CommandOf, Decision, Numbered } from "../command.ts";
import { LIMITS } from "../limits.ts";
import type { Bytes, Change, KeyRecord } from "../types.ts";
import { type Basis, changed, countKeys, type KeyChange, type Sums, UNCHANGED } from "./basis.ts";
import { endLeft } from "./lease.ts";
import { stampAfter } from "./plan.ts";

export function decidePut(basis: Basis, command: CommandOf<"put">): Outcome<Decision> {
  const { facts, account } = basis;
  const numbered = command.numbered && takeNumber(basis, command.key, command.numbered);
  if (numbered?.ok === false) return numbered;
  const key = numbered?.value.name ?? command.key;
  const wrong = refuseName(key);
  if (wrong !== undefined) return wrong;
  const before = facts.entry(account, key) ?? null;
  if (before === null && (command.keepValue === true || command.keepLease === true))
    return refuse("not-found", "there is no such key");
  if (before !== null && command.ifAbsent === true) return refuse("exists", "the key already exists");
  const value = command.keepValue === true && before !== null ? before.value : command.value;
  if (value.length > LIMITS.valueBytesMax)
    return refuse("too-large", `the value is longer than ${LIMITS.valueBytesMax} bytes`);
  const kept = command.keepLease === true ? before : null;
  const named = kept === null ? (command.lease ?? null) : kept.lease;
  const granted = named === null ? undefined : facts.lease(account, named);
  if (named !== null && granted === undefined) return refuse("not-found", `there is no lease ${named}`);
  // One copy of the name for all that hangs on it.
  const lease = granted?.id ?? null;
  const atEnd = kept?.atEnd ?? (lease === null ? "delete" : (command.atEnd ?? "delete"));
  const counted = numbered?.value.counted;
  const change = writeKey(basis, before, { key, value, lease, atEnd });
  const changes = counted === undefined ? [change] : [counted, change];
  const refused = refuseKeys(basis, changes);
  if (refused !== undefined) return refused;
  return before?.lease == null || before.lease === lease
    ? changed(changes)
    : changed([...endLeft(basis, [before]), ...changes]);
}

const UNLEASED = { lease: null, atEnd: "delete" } as const;

/** The key with its number, and that the counter moves on. */
function takeNumber(
  basis: Basis,
  key: Bytes,
  { counter, digits }: Numbered,
): Outcome<{ readonly name: Bytes; readonly counted?: KeyChange }> {
  if (!Number.isInteger(digits) || digits < 0 || digits > LIMITS.digitsMax)
    return refuse("invalid", `a number in a name has 0 to ${LIMITS.digitsMax} digits`);
  const nameOf = (number: number): Bytes => (digits === 0 ? key : `${key}${String(number).padStart(digits, "0")}`);
  if (counter === undefined) return ok({ name: nameOf(basis.stamp.revision) });
  const wrong = refuseName(counter);
  if (wrong !== undefined) return wrong;
  const before = basis.facts.entry(basis.account, counter) ?? null;
  const next = before === null ? 0 : toCount(before.value);
  if (next === undefined) return refuse("conflict", "the counter holds no number to count on from");
  const name = nameOf(next);
  if (counter === name) return refuse("invalid", "a counter cannot count itself");
  const { lease, atEnd } = before ?? UNLEASED;
  return ok({ name, counted: writeKey(basis, before, { key: counter, value: String(next + 1), lease, atEnd }) });
}

function refuseName(key: Bytes): Refused | undefined {
  if (key === "") return refuse("invalid", "the key is empty");
  if (key.length <= LIMITS.keyBytesMax) return undefined;
  return refuse("too-large", `the key is longer than ${LIMITS.keyBytesMax} bytes`);
}

/** The number that a counter holds, as it is written there. */
function toCount(value: Bytes): number | undefined {
  const count = Number(value);
  return String(count) === value && count >= 0 && count < Number.MAX_SAFE_INTEGER && Number.isInteger(count)
    ? count
    : undefined;
}

function writeKey(
  { stamp }: Basis,
  before: KeyRecord | null,
  { key, value, lease, atEnd }: Pick<KeyRecord, "key" | "value" | "lease" | "atEnd">,
): KeyChange {
  const after: KeyRecord = {
    key: before?.key ?? ownString(key),
    value,
    lease,
    atEnd,
    detachedAtMs: lease === null ? (before?.detachedAtMs ?? 0) : 0,
    version: (before?.version ?? 0) + 1,
    createRevision: before?.createRevision ?? stamp.revision,
    modRevision: stamp.revision,
    createdAtMs: before?.createdAtMs ?? stamp.atMs,
    stampMs: stampAfter(stamp, before?.stampMs ?? 0),
    origin: stamp.origin,
  };
  return { kind: "key", cause: "put", before, after };
}

/** What is wrong with writing these at once. */
function refuseKeys(basis: Basis, changes: readonly KeyChange[]): Refused | undefined {
  const { facts, account, limits } = basis;
  let added = 0;
  for (const { before, after } of changes) if (before === null && after !== null && !isReserved(after.key)) added++;
  if (added > 0 && facts.count(account, "keys") + added > limits.keysMax)
    return refuse("limit", `the account may have ${limits.keysMax} keys`);
  for (const change of changes) {
    const refused = countKeys(basis, change);
    if (refused !== undefined) return refused;
  }
  return undefined;
}

export function decideDelete(basis: Basis, command: CommandOf<"delete">): Outcome<Decision> {
  const { facts, account } = basis;
  const { from, to } = command;
  if (to === undefined) {
    const before = facts.entry(account, from);
    if (before === undefined) return UNCHANGED;
    return changed([...endLeft(basis, [before]), { kind: "key", cause: "deleted", before, after: null }]);
  }
  const changes: Change[] = [];
  const gone: KeyRecord[] = [];
  for (const before of facts.entries(account, from, to)) {
    if (changes.length >= LIMITS.changesMax) return refuse("too-large", `more than ${LIMITS.changesMax} keys at once`);
    const change = { kind: "key", cause: "deleted", before, after: null } as const;
    const refused = countKeys(basis, change);
    if (refused !== undefined) return refused;
    changes.push(change);
    if (before.lease !== null) gone.push(before);
  }
  return changed(gone.length === 0 ? changes : [...endLeft(basis, gone), ...changes]);
}

export function decideCompact(basis: Basis, { revision }: CommandOf<"compact">): Outcome<Decision> {
  const before = basis.facts.entry(basis.account, FLOOR_KEY) ?? null;
  const latest = basis.stamp.revision - 1;
  if (!Number.isSafeInteger(revision) || revision < 0) return refuse("invalid", "a revision is a whole number");
  if (revision > latest) return refuse("invalid", `revision ${revision} is in the future; the latest is ${latest}`);
  if (before !== null && revision <= Number(before.value))
    return refuse("compacted", `history up to revision ${before.value} is gone already`);
  return changed([writeKey(basis, before, { key: FLOOR_KEY, value: String(revision), ...UNLEASED })]);
}

export function decideRange(basis: Basis, command: CommandOf<"range">): Outcome<Decision> {
  const { facts, account, sums } = basis;
  const { from, to } = command;
  if (command.at !== undefined) return refuse("unsupported", "a plan cannot read at an older revision");
  const entries: KeyRecord[] = [];
  let count = 0;
  const limit = limitOf(command.limit);
  const only = to === undefined ? facts.entry(account, from) : undefined;
  const found = to === undefined ? (only === undefined ? [] : [only]) : facts.entries(account, from, to);
  for (const record of found) {
    const refused = lookAt(sums, 1) ?? (++count > limit ? undefined : answerWith(sums, record));
    if (refused !== undefined) return refused;
    if (count <= limit) entries.push(record);
  }
  return ok({ changes: [], result: { kind: "range", entries, count, more: count > entries.length } });
}

/** Counts what was read before it is decided, with what is read then. */
export function decideKnown({ sums }: Basis, { outcome }: CommandOf<"known">): Outcome<Decision> {
  if (!outcome.ok) return outcome;
  const { entries, count } = outcome.value;
  let refused = lookAt(sums, count);
  for (const record of entries) refused ??= answerWith(sums, record);
  return refused ?? ok({ changes: [], result: outcome.value });
}

export function limitOf(limit: number | undefined): number {
  return Math.min(limit ?? LIMITS.changesMax, LIMITS.changesMax);
}

/** Counts keys that a range looks at. */
export function lookAt(sums: Pick<Sums, "rangeKeys">, keys: number): Refused | undefined {
  sums.rangeKeys += keys;
  if (sums.rangeKeys <= LIMITS.rangeKeysMax) return undefined;
  return refuse("too-large", `more than ${LIMITS.rangeKeysMax} keys to be looked at in a transaction`);
}

/** Counts what a range answers. */
export function answerWith(sums: Pick<Sums, "rangeBytes">, record: KeyRecord): Refused | undefined {
  sums.rangeBytes += sizeOf(record);
  if (sums.rangeBytes <= LIMITS.rangeBytesMax) return undefined;
  return refuse("too-large", `the keys that it reads hold more than ${LIMITS.rangeBytesMax} bytes; read fewer at once`);
}
