import { type Outcome, type Refused, refuse } from "../../outcome.ts";
import { ownString } from "../catalog/share.ts";
import { sizeOf } from "../catalog/size.ts";
import { stampOfLease } from "../catalog/unit.ts";
import type { CommandOf, Decision } from "../command.ts";
import { LIMITS, refuseMeta } from "../limits.ts";
import {
  type Cause,
  type Change,
  type Held,
  type InstanceRecord,
  isTimeless,
  type KeyRecord,
  type LeaseId,
  type LeaseRecord,
} from "../types.ts";
import { type Basis, changed } from "./basis.ts";
import { type Stamp, stampAfter } from "./plan.ts";

const NO_META: Readonly<Record<string, string>> = Object.freeze({});

export function refuseTtl(ttlMs: number): Refused | undefined {
  if (isTimeless({ ttlMs })) return undefined;
  if (Number.isInteger(ttlMs) && ttlMs >= LIMITS.ttlMsMin && ttlMs <= LIMITS.ttlMsMax) return undefined;
  return refuse("invalid", `a ttl must be from ${LIMITS.ttlMsMin} to ${LIMITS.ttlMsMax} ms`);
}

/** Grants a lease, or gives it another ttl; its members stay. */
export function decideGrant(basis: Basis, command: CommandOf<"grant">): Outcome<Decision> {
  const { facts, account } = basis;
  const { lease: id, ttlMs } = command;
  const wrong = refuseTtl(ttlMs) ?? refuseMeta(command.meta ?? NO_META);
  if (wrong !== undefined) return wrong;
  if (id === "" || id.length > 2 * LIMITS.idLengthMax)
    return refuse("invalid", `a lease id must be 1 to ${2 * LIMITS.idLengthMax} characters`);
  const before = facts.lease(account, id);
  if (before === undefined) return grantNew(basis, command);
  if (command.ifAbsent === true) return refuse("exists", `lease ${id} already exists`);
  const { revision: modRevision } = basis.stamp;
  const meta = command.meta ?? before.meta;
  const heard = command.quiet === true ? undefined : { lease: id, ttlMs };
  if (before.ttlMs === ttlMs && sameMeta(before.meta, meta)) return changed([], heard);
  // What has no time any more cannot have lapsed.
  const still = isTimeless({ ttlMs }) ? { held: null, modRevision } : { modRevision };
  const written = writtenLease(basis.stamp, before);
  const changes: Change[] = [leaseChange("updated", before, { ...before, ttlMs, meta, ...still, ...written })];
  // Instances show their ttl, so they become different too.
  for (const record of before.ttlMs === ttlMs ? [] : sortInstances(facts.members(account, id).instances))
    changes.push({
      kind: "instance",
      cause: "updated",
      before: record,
      after: { ...record, ...still, ...writtenInstance(basis.stamp, record) },
    });
  return changed(changes, heard);
}

function grantNew(basis: Basis, command: CommandOf<"grant">): Outcome<Decision> {
  const refused = refuseLeaseCount(basis);
  if (refused !== undefined) return refused;
  return changed([
    leaseChange(
      "granted",
      null,
      newLease(basis, ownString(command.lease), command.ttlMs, command.via, false, command.meta ?? NO_META),
    ),
  ]);
}

export function refuseLeaseCount({ facts, account, limits }: Basis): Refused | undefined {
  if (facts.count(account, "leases") < limits.leasesMax) return undefined;
  return refuse("limit", `the account may have ${limits.leasesMax} leases`);
}

export function newLease(
  { stamp }: Basis,
  id: string,
  ttlMs: number,
  via: string,
  own: boolean,
  meta = NO_META,
): LeaseRecord {
  const lease = {
    id,
    ttlMs,
    via,
    own,
    meta,
    held: null,
    createRevision: stamp.revision,
    modRevision: stamp.revision,
    grantedAtMs: stamp.atMs,
    origin: stamp.origin,
  };
  return stamp.stampMs === undefined ? lease : { ...lease, stampMs: stamp.stampMs };
}

/**
 * What a change makes of a lease's stamp and keeper where nodes have no common order: who wrote last keeps it. Nothing
 * where they have one.
 */
export function writtenLease(stamp: Stamp, before: LeaseRecord): Pick<LeaseRecord, "stampMs" | "origin"> | undefined {
  if (stamp.stampMs === undefined) return undefined;
  return { stampMs: stampAfter(stamp, stampOfLease(before)), origin: stamp.origin };
}

/** The same of an instance, for changes that are not told by its stamp elsewhere. */
export function writtenInstance(
  stamp: Stamp,
  before: InstanceRecord,
): Pick<InstanceRecord, "stampMs" | "origin"> | undefined {
  if (stamp.stampMs === undefined) return undefined;
  return { stampMs: stampAfter(stamp, before.stampMs), origin: stamp.origin };
}

export function leaseChange(cause: Cause, before: LeaseRecord | null, after: LeaseRecord | null): Change {
  return { kind: "lease", cause, before, after, silence: null };
}

/** More than any record takes: while so much is free nothing needs to be added up. */
const RECORD_BYTES_MAX = 2 * 1024 * 1024;

/** Refuses what would let a lease keep so much that its end is too long for one commit. */
export function refuseLong({ facts, account }: Basis, changes: readonly Change[]): Refused | undefined {
  let granted: LeaseId | undefined;
  for (const change of changes) {
    if (change.kind === "lease" && change.before === null) granted = change.after?.id;
    if (change.kind === "lease" || change.after === null || change.after.lease === null) continue;
    const { before, after } = change;
    const { lease } = change.after;
    // As in nearly all registrations: what it keeps need not be looked for, as it is nothing.
    if (lease === granted) continue;
    const kept = facts.leaseBytes(account, lease);
    if (kept <= LIMITS.leaseBytesMax - RECORD_BYTES_MAX) continue;
    const more = sizeOf(after) - (before?.lease === lease ? sizeOf(before) : 0);
    if (more > 0 && kept + more > LIMITS.leaseBytesMax)
      return refuse("too-large", `lease ${lease} would keep more than ${LIMITS.leaseBytesMax} bytes; use several`);
  }
  return undefined;
}

/**
 * Ends a lease and its members in one commit: the lease first, then instances and keys, each sorted. Keys that are to be
 * detached stay.
 */
export function decideEnd(basis: Basis, command: CommandOf<"end">): Outcome<Decision> {
  const { facts, account } = basis;
  const { lease: id, cause } = command;
  const lease = facts.lease(account, id);
  if (lease === undefined) return refuse("not-found", `there is no lease ${id}`);
  if (command.createRevision !== undefined && command.createRevision !== lease.createRevision) {
    return refuse("conflict", `lease ${id} was granted anew`);
  }
  const { instances, keys } = facts.members(account, id);
  const changes: Change[] = [{ kind: "lease", cause, before: lease, after: null, silence: command.silence ?? null }];
  for (const before of sortInstances(instances)) changes.push({ kind: "instance", cause, before, after: null });
  for (const before of sortKeys(keys))
    changes.push({ kind: "key", cause, before, after: before.atEnd === "detach" ? detach(basis, before) : null });
  return changed(changes);
}

function detach({ stamp }: Basis, before: KeyRecord): KeyRecord {
  return {
    ...before,
    lease: null,
    atEnd: "delete",
    detachedAtMs: stamp.atMs,
    version: before.version + 1,
    modRevision: stamp.revision,
    stampMs: stampAfter(stamp, before.stampMs),
    origin: stamp.origin,
  };
}

/** The ends of leases that an instance had to itself once, and whose last members are these keys, which go. */
export function endLeft({ facts, account }: Basis, gone: readonly KeyRecord[]): Change[] {
  const left = new Map<LeaseId, number>();
  for (const { lease } of gone) if (lease !== null) left.set(lease, (left.get(lease) ?? 0) + 1);
  const changes: Change[] = [];
  for (const [id, count] of left) {
    const lease = facts.lease(account, id);
    if (lease?.own !== true) continue;
    const { instances, keys } = facts.members(account, id);
    if (instances.length === 0 && keys.length === count) changes.push(leaseChange("closed", lease, null));
  }
  return changes;
}

function sortInstances(instances: readonly InstanceRecord[]): readonly InstanceRecord[] {
  if (instances.length < 2) return instances;
  return [...instances].sort((a, b) => (a.service < b.service || (a.service === b.service && a.id < b.id) ? -1 : 1));
}

function sortKeys(keys: readonly KeyRecord[]): readonly KeyRecord[] {
  return keys.length < 2 ? keys : [...keys].sort((a, b) => (a.key < b.key ? -1 : 1));
}

export function decideHold(basis: Basis, command: CommandOf<"hold">): Outcome<Decision> {
  const { reason, untilMs } = command;
  const held: Held = { sinceMs: basis.stamp.atMs, reason, ...(untilMs !== undefined && { untilMs }) };
  return changed(mark(basis, command.leases, held, "held"));
}

export function decideRelease(basis: Basis, command: CommandOf<"release">): Outcome<Decision> {
  return changed(mark(basis, command.leases, null, "released"));
}

/**
 * Sets or clears `held` on leases and on their instances. Leases that are gone, that have it so, or that have no time, are
 * passed over.
 */
function mark(basis: Basis, leases: readonly string[], held: Held | null, cause: Cause): Change[] {
  const { facts, account, stamp } = basis;
  const changes: Change[] = [];
  for (const id of leases) {
    const before = facts.lease(account, id);
    if (before === undefined || isTimeless(before) || (before.held === null) === (held === null)) continue;
    const written = writtenLease(stamp, before);
    changes.push(leaseChange(cause, before, { ...before, held, modRevision: stamp.revision, ...written }));
    for (const record of sortInstances(facts.members(account, id).instances)) {
      changes.push({
        kind: "instance",
        cause,
        before: record,
        after: { ...record, held, modRevision: stamp.revision, ...writtenInstance(stamp, record) },
      });
    }
  }
  return changes;
}

export function sameMeta(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  let size = 0;
  for (const key in a) {
    if (a[key] !== b[key]) return false;
    size++;
  }
  for (const _ in b) size--;
  return size === 0;
}
