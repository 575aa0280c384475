/** Registrations to commands, and what came of them to answers. */
import type { RegisteredBody } from "@rollcall/client";
import type {
  Account,
  Check,
  CommandOf,
  InstanceKey,
  InstanceRecord,
  Life,
  Receipt,
  Registry,
} from "../../core/index.ts";
import type { Surroundings } from "../wire/commits.ts";
import type { Registration } from "../wire/registration.ts";

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
  { registry, around }: { readonly registry: Registry; readonly around: Surroundings },
  account: Account,
  { service, id }: InstanceKey,
  life: Life,
  receipt: Receipt,
): RegisteredBody {
  const record = registeredRecord(receipt) ?? registry.read((view) => view.instance(account, service, id));
  const lease = record?.lease ?? null;
  const stated = typeof life === "object" && "ttlMs" in life ? life.ttlMs : undefined;
  const ttlMs = lease === null ? null : (stated ?? around.ttlMs(account, lease));
  return { service, id, revision: receipt.revision, created: isCreated(receipt), lease, ttlMs };
}
