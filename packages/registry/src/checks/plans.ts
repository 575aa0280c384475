/**
 * Checks that are to be reported in time, as they are decided. For each a reserved key is kept by a lease: a report is its
 * heartbeat, and when it ends the key stays, detached, and tells that the time is up.
 */
import {
  type Account,
  type AnyPlan,
  type Bytes,
  type Check,
  type Command,
  type Facts,
  fromBytes,
  type InstanceRecord,
  type Outcome,
  ok,
  type Plan,
  type Planned,
  refuse,
  type Status,
  toBytes,
} from "../core/index.ts";

export const TIMES: Bytes = "\0checks/ttl/";
export const TTL_EXPIRED = "TTL expired";

/** Which check of which instance. */
export interface Timed {
  readonly service: string;
  readonly id: string;
  readonly checkId: string;
}

/** The names of services and instances have no slash. */
export function keyOf({ service, id, checkId }: Timed): Bytes {
  return TIMES + toBytes(`${service}/${id}/${checkId}`);
}

export function timedOf(key: Bytes): Timed {
  const [service = "", id = "", ...rest] = fromBytes(key.slice(TIMES.length)).split("/");
  return { service, id, checkId: rest.join("/") };
}

export function leaseOf({ service, id, checkId }: Timed): string {
  return `check/${service}/${id}/${checkId}`;
}

/** Whether its time is kept here, and not by the dialect that it came through. */
export function isTimed({ kind, intervalMs }: Check): boolean {
  return kind === "ttl" && intervalMs > 0;
}

export function findTimed(record: InstanceRecord | undefined, checkId: string): Check | undefined {
  return record?.checks.find((check) => check.id === checkId && isTimed(check));
}

function begin(timed: Timed, { intervalMs: ttlMs }: Check, via: string): readonly Command[] {
  const lease = leaseOf(timed);
  return [
    { kind: "grant", lease, ttlMs, via },
    { kind: "put", key: keyOf(timed), value: "", lease, atEnd: "detach" },
  ];
}

function inOrder(then: readonly Command[]): Outcome<Planned<null>> {
  return ok({ command: then.length === 0 ? null : { kind: "when", guards: [], then, otherwise: [] }, note: null });
}

/** Brings these to what is so: begins the time of those that are new, tells of those whose time is up, forgets those that went. */
export const SETTLE: Plan<{ readonly all: readonly Timed[] }> = {
  name: "checks/settle",
  make: (facts, account, { all }) => inOrder(all.flatMap((timed) => settleSteps(facts, account, timed))),
};

function settleSteps(facts: Facts, account: Account, timed: Timed): readonly Command[] {
  const record = facts.instance(account, timed.service, timed.id);
  const check = findTimed(record, timed.checkId);
  const key = facts.entry(account, keyOf(timed));
  const lease = facts.lease(account, leaseOf(timed));
  if (record === undefined || check === undefined) {
    const end: readonly Command[] = lease === undefined ? [] : [{ kind: "end", lease: lease.id, cause: "closed" }];
    return key === undefined ? end : [...end, { kind: "delete", from: key.key }];
  }
  if (key === undefined) return begin(timed, check, record.via);
  if (key.lease !== null) return lease?.ttlMs === check.intervalMs ? [] : begin(timed, check, record.via);
  if (check.status === "critical" && check.output === TTL_EXPIRED) return [];
  return [{ kind: "report", instance: record, checkId: check.id, status: "critical", output: TTL_EXPIRED }];
}

interface Reported extends Timed {
  readonly status: Status;
  readonly output: string;
}

/** A report of such a check; its time begins anew. */
export const REPORT: Plan<Reported> = {
  name: "checks/report",
  make(facts, account, { status, output, ...timed }) {
    const record = facts.instance(account, timed.service, timed.id);
    const check = findTimed(record, timed.checkId);
    if (record === undefined || check === undefined)
      return refuse("not-found", `instance ${timed.id} of ${timed.service} has no check ${timed.checkId}`);
    const told: Command = { kind: "report", instance: record, checkId: check.id, status, output };
    return inOrder([told, ...begin(timed, check, record.via)]);
  },
};

export const CHECK_PLANS: readonly AnyPlan[] = [SETTLE, REPORT];
