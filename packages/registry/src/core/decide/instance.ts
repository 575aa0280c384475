import { type Outcome, ok, type Refused, refuse } from "../../outcome.ts";
import { ownString, shareId, shareInstance } from "../catalog/share.ts";
import type { CommandOf, Decision, Life } from "../command.ts";
import { ownLease } from "../command.ts";
import { LIMITS, refuseInstance } from "../limits.ts";
import type { Change, Check, Instance, InstanceRecord, LeaseId } from "../types.ts";
import { statusOf } from "../view.ts";
import { type Basis, changed, UNCHANGED } from "./basis.ts";
import { leaseChange, newLease, refuseLeaseCount, refuseTtl, sameMeta, writtenLease } from "./lease.ts";
import { stampAfter } from "./plan.ts";
import { outputLengthMax } from "./room.ts";

/** Registers, replaces, or moves an instance. The same again makes no change. */
export function decideRegister(basis: Basis, command: CommandOf<"register">): Outcome<Decision> {
  const { facts, account } = basis;
  const { instance } = command;
  const wrong = refuseInstance(instance);
  if (wrong !== undefined) return wrong;
  const at = facts.instance(account, instance.service, instance.id) ?? null;
  if (at !== null && command.ifAbsent === true)
    return refuse("exists", `instance ${instance.id} of ${instance.service} already exists`);
  const moved = findMoved(basis, command);
  if (moved !== null && at !== null)
    return refuse("exists", `instance ${instance.id} of ${instance.service} already exists`);
  const before = at ?? moved;
  const full = before === null ? refuseCounts(basis, command) : undefined;
  if (full !== undefined) return full;
  const life = decideLife(basis, command, before);
  if (!life.ok) return life;
  const { lease, changes } = life.value;
  const same = before !== null && moved === null && before.lease === lease && sameInstance(before, instance);
  const heard = findHeard(command, before, lease);
  if (same && changes.length === 0 && before.held === null) return changed([], heard);
  changes.push({
    kind: "instance",
    cause: before === null ? "registered" : "updated",
    before,
    after: dated(basis, before, recordOf(basis, command, before, lease)),
  });
  return changed(changes, heard);
}

/** What the registration says of the lease that the instance had before. */
function findHeard({ life }: CommandOf<"register">, before: InstanceRecord | null, lease: LeaseId | null) {
  if (typeof life !== "object" || !("ttlMs" in life) || life.quiet === true) return undefined;
  return lease !== null && lease === before?.lease ? { lease, ttlMs: life.ttlMs } : undefined;
}

/** The record that moves here from another name, if it is there. */
function findMoved(basis: Basis, command: CommandOf<"register">): InstanceRecord | null {
  const { replaces, instance } = command;
  if (replaces === undefined || (replaces.service === instance.service && replaces.id === instance.id)) return null;
  return basis.facts.instance(basis.account, replaces.service, replaces.id) ?? null;
}

function refuseCounts({ facts, account, limits }: Basis, { instance }: CommandOf<"register">): Refused | undefined {
  if (facts.count(account, "instances") >= limits.instancesMax)
    return refuse("limit", `the account may have ${limits.instancesMax} instances`);
  if (facts.count(account, "services") >= limits.servicesMax && facts.serviceSize(account, instance.service) === 0) {
    return refuse("limit", `the account may have ${limits.servicesMax} services`);
  }
  return undefined;
}

interface LifeDecision {
  readonly lease: LeaseId | null;
  readonly changes: Change[];
}

/** The lease that keeps the instance alive from now on, and the changes that this makes to leases. */
function decideLife(
  basis: Basis,
  command: CommandOf<"register">,
  before: InstanceRecord | null,
): Outcome<LifeDecision> {
  const { life } = command;
  if (life === "keep") return ok({ lease: before?.lease ?? null, changes: [] });
  if (life === "permanent") return ok({ lease: null, changes: endOwn(basis, before, null) });
  if ("ttlMs" in life) return decideOwnLease(basis, command, before, life);
  if (basis.facts.lease(basis.account, life.lease) === undefined)
    return refuse("not-found", `there is no lease ${life.lease}`);
  return ok({ lease: life.lease, changes: endOwn(basis, before, life.lease) });
}

function decideOwnLease(
  basis: Basis,
  command: CommandOf<"register">,
  before: InstanceRecord | null,
  life: Extract<Life, { ttlMs: number }>,
): Outcome<LifeDecision> {
  const { facts, account, stamp } = basis;
  const { instance } = command;
  const wrong = refuseTtl(life.ttlMs);
  if (wrong !== undefined) return wrong;
  const current = before?.lease == null ? undefined : facts.lease(account, before.lease);
  if (current?.own === true) {
    // Registering again is a sign of life, so protection lets go of the lease.
    if (current.ttlMs === life.ttlMs && current.held === null) return ok({ lease: current.id, changes: [] });
    const cause = current.ttlMs === life.ttlMs ? "released" : "updated";
    return ok({
      lease: current.id,
      changes: [
        leaseChange(cause, current, {
          ...current,
          ttlMs: life.ttlMs,
          held: null,
          modRevision: stamp.revision,
          ...writtenLease(stamp, current),
        }),
      ],
    });
  }
  const full = refuseLeaseCount(basis);
  if (full !== undefined) return full;
  const name = ownLease(instance);
  // An instance that was registered under this name and moved may have taken the lease of this name along.
  const id = ownString(facts.lease(account, name) === undefined ? name : `${name}#${stamp.revision}`);
  return ok({
    lease: id,
    changes: [leaseChange("granted", null, newLease(basis, id, life.ttlMs, instance.via, true))],
  });
}

/** The end of the instance's own lease, if it has one that is not the next one and keeps nothing else alive. */
export function endOwn({ facts, account }: Basis, before: InstanceRecord | null, next: LeaseId | null): Change[] {
  if (before?.lease == null || before.lease === next) return [];
  const lease = facts.lease(account, before.lease);
  if (lease?.own !== true) return [];
  const { instances, keys } = facts.members(account, lease.id);
  return instances.length > 1 || keys.length > 0 ? [] : [leaseChange("closed", lease, null)];
}

function recordOf(
  { stamp }: Basis,
  { instance, life }: CommandOf<"register">,
  before: InstanceRecord | null,
  lease: LeaseId | null,
): InstanceRecord {
  const shared = shareInstance(instance);
  const isShared = typeof life === "object" && "lease" in life;
  const keepId = isShared ? shareId : ownString;
  const record: InstanceRecord = {
    service: shared.service,
    id: before?.id === shared.id ? before.id : keepId(shared.id),
    address: shared.address,
    ports: shared.ports,
    protocol: shared.protocol,
    tags: shared.tags,
    meta: shared.meta,
    version: shared.version,
    zone: shared.zone,
    weight: shared.weight,
    status: shared.status,
    checks: shared.checks,
    via: shared.via,
    lease,
    override: before?.override ?? null,
    held: null,
    createRevision: before?.createRevision ?? stamp.revision,
    modRevision: stamp.revision,
    createdAtMs: before?.createdAtMs ?? stamp.atMs,
    stampMs: stampAfter(stamp, before?.stampMs ?? 0),
    origin: stamp.origin,
  };
  return before?.overridden === undefined ? record : { ...record, overridden: before.overridden };
}

/** The record with the times since when its status, and those of its checks, are what they are. */
function dated({ stamp: { atMs } }: Basis, before: InstanceRecord | null, after: InstanceRecord): InstanceRecord {
  if (before === null) return after;
  const sinceMs = statusOf(before) === statusOf(after) ? before.statusAtMs : atMs;
  const checks = after.checks.length === 0 ? after.checks : datedChecks(before, after.checks, atMs);
  if (sinceMs === after.statusAtMs && checks === after.checks) return after;
  const { statusAtMs: _, ...rest } = after;
  return sinceMs === undefined ? { ...rest, checks } : { ...rest, checks, statusAtMs: sinceMs };
}

function datedChecks(before: InstanceRecord, checks: readonly Check[], atMs: number): readonly Check[] {
  const all = checks.map((check) => {
    const was = before.checks.find(({ id }) => id === check.id);
    const sinceMs = was?.status === check.status ? was.sinceMs : atMs;
    if (sinceMs === check.sinceMs) return check;
    return sinceMs === undefined ? undated(check) : { ...check, sinceMs };
  });
  return all.every((check, i) => check === checks[i]) ? checks : all;
}

function undated({ sinceMs: _, ...check }: Check): Check {
  return check;
}

function sameInstance(a: InstanceRecord, b: Instance): boolean {
  return (
    a.address === b.address &&
    a.protocol === b.protocol &&
    a.version === b.version &&
    a.zone === b.zone &&
    a.weight === b.weight &&
    a.status === b.status &&
    a.via === b.via &&
    sameList(a.tags, b.tags) &&
    samePorts(a.ports, b.ports) &&
    sameMeta(a.meta, b.meta) &&
    sameChecks(a.checks, b.checks)
  );
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function samePorts(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

function sameChecks(a: readonly Check[], b: readonly Check[]): boolean {
  return a.length === b.length && a.every((check, i) => sameCheck(check, b[i] as Check));
}

function sameCheck(a: Check, b: Check): boolean {
  return JSON.stringify(undated(a)) === JSON.stringify(undated(b));
}

export function decideDeregister(basis: Basis, command: CommandOf<"deregister">): Outcome<Decision> {
  const { service, id } = command.instance;
  const before = basis.facts.instance(basis.account, service, id);
  if (before === undefined) return refuse("not-found", `there is no instance ${id} of ${service}`);
  const changes = endOwn(basis, before, null);
  changes.push({ kind: "instance", cause: "deregistered", before, after: null });
  return changed(changes);
}

/** A check's result. The same result again is no change. */
export function decideReport(basis: Basis, command: CommandOf<"report">): Outcome<Decision> {
  const { service, id } = command.instance;
  const before = basis.facts.instance(basis.account, service, id);
  if (before === undefined) return refuse("not-found", `there is no instance ${id} of ${service}`);
  const known = before.checks.find((check) => check.id === command.checkId);
  const check = known ?? command.check;
  if (check === undefined) return refuse("not-found", `instance ${id} of ${service} has no check ${command.checkId}`);
  if (known === undefined && before.checks.length >= LIMITS.checksMax)
    return refuse("limit", `more than ${LIMITS.checksMax} checks`);
  const output = command.output.slice(0, outputLengthMax(basis));
  if (known !== undefined && known.status === command.status && known.output === output && known.reportedAtMs > 0)
    return UNCHANGED;
  const reported: Check = {
    ...check,
    id: command.checkId,
    status: command.status,
    output,
    reportedAtMs: basis.stamp.atMs,
  };
  const checks =
    known === undefined
      ? [...before.checks, reported]
      : before.checks.map((other) => (other === known ? reported : other));
  return changed([
    { kind: "instance", cause: "reported", before, after: restamp(basis, before, { ...before, checks }) },
  ]);
}

export function decideOverride(basis: Basis, command: CommandOf<"override">): Outcome<Decision> {
  const { service, id } = command.instance;
  const before = basis.facts.instance(basis.account, service, id);
  if (before === undefined) return refuse("not-found", `there is no instance ${id} of ${service}`);
  const { status, reason = "", by = "", untilMs = 0, ifUntilMs } = command;
  const { overridden: was, ...rest } = before;
  if (ifUntilMs !== undefined && was?.untilMs !== ifUntilMs) return refuse("conflict", "the override is another one");
  const isSaid = command.reason !== undefined || command.untilMs !== undefined || was?.untilMs !== 0;
  const isOther = was !== undefined && isSaid && (was.reason !== reason || was.untilMs !== untilMs);
  if (before.override === status && (status === null || !isOther)) return UNCHANGED;
  const sinceMs = before.override === status && was !== undefined ? was.sinceMs : basis.stamp.atMs;
  const after =
    status === null
      ? { ...rest, override: null }
      : { ...rest, override: status, overridden: { sinceMs, untilMs, reason, by } };
  return changed([{ kind: "instance", cause: "overridden", before, after: restamp(basis, before, after) }]);
}

function restamp(basis: Basis, before: InstanceRecord, record: InstanceRecord): InstanceRecord {
  const { stamp } = basis;
  const stampMs = stampAfter(stamp, record.stampMs);
  return { ...dated(basis, before, record), modRevision: stamp.revision, stampMs, origin: stamp.origin };
}
