/** What other replicas have, merged unit by unit into what is here; and the tombstones of what goes. */
import type { Outcome } from "../../outcome.ts";
import {
  compareContents,
  compareVersions,
  findTombstone,
  findUnit,
  isOwnOf,
  isShared,
  isTombstone,
  nameOfUnit,
  ownerIn,
  stampOfLease,
  unitKey,
  versionOfUnit,
  writeTombstone,
} from "../catalog/unit.ts";
import type { CommandOf, Decision } from "../command.ts";
import {
  type Change,
  type InstanceRecord,
  type KeyRecord,
  type LeaseId,
  leaverOf,
  subjectOf,
  type Tombstone,
  type Unit,
  type UnitName,
} from "../types.ts";
import { type Basis, changed } from "./basis.ts";
import { Draft } from "./draft.ts";
import { endOwn } from "./instance.ts";
import { decideEnd, leaseChange, writtenInstance, writtenLease } from "./lease.ts";
import { stampAfter } from "./plan.ts";

type Living = Exclude<Unit, Tombstone>;
type LivingInstance = Extract<Unit, { readonly kind: "instance" }>;

/** Leases come before what they keep, whatever the order in which they were sent. */
const RANK: Readonly<Record<Unit["kind"], number>> = { lease: 0, instance: 1, key: 2, gone: 3 };

export function decideMerge(basis: Basis, { units }: CommandOf<"merge">): Outcome<Decision> {
  const draft = new Draft(basis.facts);
  const inner: Basis = { ...basis, facts: draft };
  const changes: Change[] = [];
  for (const unit of [...units].sort((a, b) => RANK[a.kind] - RANK[b.kind])) {
    const made = mergeOne(inner, unit);
    draft.fold(basis.account, made, basis.stamp.revision);
    for (const change of made) changes.push(change);
  }
  return changed(changes);
}

function mergeOne(basis: Basis, unit: Unit): readonly Change[] {
  const { facts, account } = basis;
  const here = findUnit(facts, account, nameOfUnit(unit));
  if (here !== undefined && !isNewer(unit, here)) return [];
  if (unit.kind === "gone") return bury(basis, unit, here?.kind === "gone" ? undefined : here);
  return replace(basis, unit, here?.kind === "gone" ? undefined : here);
}

function isNewer(unit: Unit, here: Unit): boolean {
  const by = compareVersions(versionOfUnit(unit), versionOfUnit(here));
  return by > 0 || (by === 0 && compareContents(unit, here) > 0);
}

/** `before` is of the same kind. */
function replace(basis: Basis, unit: Living, before: Living | undefined): readonly Change[] {
  const { stamp } = basis;
  const createRevision = before?.record.createRevision ?? stamp.revision;
  const numbers = { createRevision, modRevision: stamp.revision };
  if (unit.kind === "lease") {
    const cause = before === undefined ? "granted" : "updated";
    const known = basis.facts.lease(basis.account, unit.record.id) ?? null;
    return [leaseChange(cause, known, { ...unit.record, ...numbers })];
  }
  const isOnItsOwn = unit.record.lease === null || (unit.kind === "instance" && unit.own !== null);
  const lost = isOnItsOwn ? undefined : judgeLease(basis, unit);
  if (lost !== undefined) return lost;
  if (unit.kind === "key") {
    const old = (before?.record ?? null) as KeyRecord | null;
    return [{ kind: "key", cause: "put", before: old, after: { ...unit.record, ...numbers } }];
  }
  return replaceInstance(basis, unit, (before?.record ?? null) as InstanceRecord | null, numbers);
}

function replaceInstance(
  basis: Basis,
  { record, own }: LivingInstance,
  before: InstanceRecord | null,
  numbers: Pick<InstanceRecord, "createRevision" | "modRevision">,
): readonly Change[] {
  const changes = endOwn(basis, before, record.lease);
  if (own !== null) {
    const known = basis.facts.lease(basis.account, own.id) ?? null;
    const createRevision = known?.createRevision ?? basis.stamp.revision;
    const isSame = known !== null && stampOfLease(known) === stampOfLease(own) && known.origin === own.origin;
    const after = { ...own, createRevision, modRevision: basis.stamp.revision };
    if (!isSame) changes.push(leaseChange(known === null ? "granted" : "updated", known, after));
  }
  const wasHeld = before !== null && before.held !== null;
  const isHeld = record.held !== null;
  const cause = before === null ? "registered" : wasHeld === isHeld ? "updated" : isHeld ? "held" : "released";
  changes.push({ kind: "instance", cause, before, after: { ...record, ...numbers } });
  return changes;
}

/** Of a member whose lease is not here: nothing yet; or, when that has ended here, so has the member. */
function judgeLease(basis: Basis, unit: Exclude<Living, { readonly kind: "lease" }>): readonly Change[] | undefined {
  const { facts, account, stamp } = basis;
  const id = unit.record.lease as LeaseId;
  if (facts.lease(account, id) !== undefined) return undefined;
  const slash = id.indexOf("/");
  const owner: UnitName = { kind: "instance", service: id.slice(0, slash), id: id.slice(slash + 1) };
  const ended =
    findTombstone(facts, account, { kind: "lease", id }) ??
    (slash < 0 ? undefined : findTombstone(facts, account, owner));
  if (ended === undefined) return [];
  const of = nameOfUnit(unit);
  const stampMs = versionOfUnit(unit).stampMs + 1;
  const here = findUnit(facts, account, of);
  const tombstone: Tombstone = { kind: "gone", of, stampMs, origin: stamp.origin, cause: "expired" };
  return bury(basis, tombstone, here?.kind === "gone" ? undefined : here);
}

/** What is here of it goes, and the tombstone stays. */
function bury(basis: Basis, tombstone: Tombstone, here: Living | undefined): readonly Change[] {
  return withTombstones(basis, here === undefined ? [] : remove(basis, here, tombstone), tombstone);
}

function remove(basis: Basis, here: Living, { cause }: Tombstone): readonly Change[] {
  switch (here.kind) {
    case "key":
      return [{ kind: "key", cause, before: here.record, after: null }];
    case "instance":
      return [...endOwn(basis, here.record, null), { kind: "instance", cause, before: here.record, after: null }];
    case "lease": {
      const ended = decideEnd(basis, {
        kind: "end",
        lease: here.record.id,
        cause: cause === "closed" ? "closed" : "expired",
      });
      return ended.ok ? ended.value.changes : [];
    }
  }
}

interface Leaver {
  readonly of: UnitName;
  /** The stamp of what goes. */
  readonly stampMs: number;
  readonly cause: Change["cause"];
}

/**
 * With a tombstone for each unit that goes and does not come back in the same commit: of this moment and this node, or as
 * another node (`by`) told of it; what goes along with that ended there.
 */
export function withTombstones(basis: Basis, changes: readonly Change[], by?: Tombstone): readonly Change[] {
  if (by === undefined && !changes.some(letsGo)) return changes;
  const left = new Map<string, Leaver>();
  if (by !== undefined) left.set(unitKey(by.of), by);
  const kept: Change[] = [];
  for (const change of changes) {
    const gone = leaverIn(basis, changes, change);
    if (gone !== undefined && !left.has(unitKey(gone.of))) left.set(unitKey(gone.of), gone);
    kept.push(left.size === 0 || change.after === null ? change : returned(change, left));
  }
  for (const [key, leaver] of left) {
    const isBy = by !== undefined && key === unitKey(by.of);
    kept.push(tombstoneChange(basis, isBy ? by : tombstoneOf(basis, leaver, by?.origin)));
  }
  return kept;
}

/** Whether something goes with a change. */
function letsGo(change: Change): boolean {
  return change.kind === "instance" ? leaverOf(change) !== null : change.after === null;
}

function tombstoneOf({ stamp }: Basis, { of, stampMs, cause }: Leaver, origin = stamp.origin): Tombstone {
  return { kind: "gone", of, stampMs: cause === "expired" ? stampMs + 1 : stampAfter(stamp, stampMs), origin, cause };
}

/** The unit that goes with a change. */
function leaverIn(basis: Basis, changes: readonly Change[], change: Change): Leaver | undefined {
  const { cause } = change;
  if (change.kind === "instance") {
    const leaver = leaverOf(change);
    if (leaver === null) return undefined;
    const before = changes.find((one) => one.kind === "lease" && one.before !== null && one.before.id === leaver.lease);
    const known = before?.kind === "lease" ? before.before : null;
    const lease = known ?? (leaver.lease === null ? undefined : basis.facts.lease(basis.account, leaver.lease));
    const ownMs = lease !== undefined && isOwnOf(leaver, lease) ? stampOfLease(lease) : 0;
    return {
      of: nameOfUnit({ kind: "instance", record: leaver, own: null }),
      stampMs: Math.max(leaver.stampMs, ownMs),
      cause,
    };
  }
  if (change.after !== null || change.before === null) return undefined;
  if (change.kind === "key") {
    const { key, stampMs } = change.before;
    return isShared(key) ? { of: { kind: "key", key }, stampMs, cause } : undefined;
  }
  const { before } = change;
  if (ownerIn(basis.facts, basis.account, before) !== undefined) return undefined;
  return { of: { kind: "lease", id: before.id }, stampMs: stampOfLease(before), cause };
}

/** A unit that went and came back in one commit is newer than what went. */
function returned(change: Change, left: Map<string, Leaver>): Change {
  const { after } = change;
  if (after === null || change.before !== null || change.kind === "lease") return change;
  const of: UnitName =
    change.kind === "key"
      ? { kind: "key", key: subjectOf(change).key }
      : nameOfUnit({ kind: "instance", record: subjectOf(change), own: null });
  const gone = left.get(unitKey(of));
  if (gone === undefined) return change;
  left.delete(unitKey(of));
  const stampMs = Math.max(after.stampMs ?? 0, gone.stampMs + 1);
  return { ...change, after: { ...after, stampMs } } as Change;
}

function tombstoneChange({ facts, account, stamp }: Basis, tombstone: Tombstone): Change {
  const { key, value } = writeTombstone(tombstone);
  const before = facts.entry(account, key) ?? null;
  const { revision, atMs, origin } = stamp;
  const after: KeyRecord = {
    ...{ key, value, lease: null, atEnd: "delete", detachedAtMs: 0, version: (before?.version ?? 0) + 1 },
    ...{ createRevision: before?.createRevision ?? revision, modRevision: revision },
    ...{ createdAtMs: atMs, stampMs: atMs, origin },
  };
  return { kind: "key", cause: "put", before, after };
}

export function decideTake(basis: Basis, command: CommandOf<"take">): Outcome<Decision> {
  const { facts, account, stamp } = basis;
  const changes: Change[] = [];
  const take = (record: InstanceRecord): void => {
    const written = writtenInstance(stamp, record);
    const after = { ...record, held: null, modRevision: stamp.revision, ...written };
    changes.push({ kind: "instance", cause: record.held === null ? "updated" : "released", before: record, after });
  };
  for (const id of command.leases) {
    const before = facts.lease(account, id);
    if (before === undefined) continue;
    const { instances } = facts.members(account, id);
    const ownerMs = instances.reduce((ms, one) => (isOwnOf(one, before) ? Math.max(ms, one.stampMs) : ms), 0);
    const newest = { ...before, stampMs: Math.max(stampOfLease(before), ownerMs) };
    const after = { ...before, held: null, modRevision: stamp.revision, ...writtenLease(stamp, newest) };
    changes.push(leaseChange(before.held === null ? "updated" : "released", before, after));
    for (const record of instances) if (record.held !== null) take(record);
  }
  for (const { service, id } of command.instances ?? []) {
    const record = facts.instance(account, service, id);
    if (record !== undefined) take(record);
  }
  for (const key of command.keys ?? []) {
    const before = facts.entry(account, key);
    if (before === undefined || isTombstone(key)) continue;
    const stampMs = stampAfter(stamp, before.stampMs);
    const after = { ...before, modRevision: stamp.revision, stampMs, origin: stamp.origin };
    changes.push({ kind: "key", cause: "put", before, after });
  }
  return changed(changes);
}
