/** Messages to commands, receipts to answers, refusals to HTTP. Pure. */
import type { RegisteredBody } from "@rollcall/client";
import {
  type Change,
  type Check,
  type CommandOf,
  type InstanceRecord,
  isReserved,
  type LeaseId,
  type Outcome,
  type Receipt,
  type Refusal,
  refuse,
  subjectOf,
} from "../../../core/index.ts";
import type { Registration } from "./registration.ts";

/** RFC 9110 §15. `exists` and `conflict` only come from conditions that the request states. */
export const STATUS_OF: Readonly<Record<Refusal, number>> = {
  invalid: 400,
  "too-large": 413,
  limit: 429,
  forbidden: 403,
  "not-found": 404,
  exists: 412,
  conflict: 412,
  compacted: 410,
  unsupported: 501,
  unavailable: 503,
};

/** Seconds after which it makes sense to try again; undefined where it makes none. */
export const RETRY_AFTER: Readonly<Partial<Record<Refusal, string>>> = { limit: "1", unavailable: "1" };

/** Keys that begin with byte 0 belong to the dialects: they are not to be read or written here. */
export function refuseReserved(key: string): Outcome<string> {
  if (key === "") return refuse("invalid", "the key is empty");
  return isReserved(key) ? refuse("forbidden", "keys that begin with byte 0 are reserved") : { ok: true, value: key };
}

/** Where a prefix begins for outsiders: the empty one begins after the reserved keys. */
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

export function toRegister({ instance, life }: Registration, ifAbsent: boolean): CommandOf<"register"> {
  return ifAbsent ? { kind: "register", instance, life, ifAbsent } : { kind: "register", instance, life };
}

/**
 * A registration that says nothing of a check's state leaves it as it is: registering again after a lost answer must
 * not turn a passing check into an unknown one.
 */
export function carryChecks(
  registration: Registration,
  stated: ReadonlySet<string>,
  record: InstanceRecord | undefined,
): Registration {
  if (record === undefined || record.checks.length === 0 || registration.instance.checks.length === 0)
    return registration;
  const known = new Map<string, Check>(record.checks.map((check) => [check.id, check]));
  const checks = registration.instance.checks.map((check) => {
    const before = known.get(check.id);
    if (before === undefined) return check;
    const { output, reportedAtMs } = before;
    return { ...check, status: stated.has(check.id) ? check.status : before.status, output, reportedAtMs };
  });
  return { ...registration, instance: { ...registration.instance, checks } };
}

/** Whether the registration made a new instance. */
export function isCreated(receipt: Receipt): boolean {
  const { result } = receipt;
  const changes = result.kind === "changed" ? result.changes : (receipt.commit?.changes ?? []);
  for (const change of changes) if (change.kind === "instance") return change.before === null;
  return false;
}

/** The record that a registration left behind; undefined when it changed nothing. */
export function registeredRecord(receipt: Receipt): InstanceRecord | undefined {
  for (const change of receipt.commit?.changes ?? [])
    if (change.kind === "instance" && change.after !== null) return change.after;
  return undefined;
}

export function toRegisteredBody(
  service: string,
  id: string,
  receipt: Receipt,
  lease: LeaseId | null,
  ttlMs: number | null,
): RegisteredBody {
  return { service, id, revision: receipt.revision, created: isCreated(receipt), lease, ttlMs };
}
