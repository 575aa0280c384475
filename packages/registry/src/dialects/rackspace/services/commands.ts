/** Creating, changing and removing services -> commands, and their receipts -> what happened. */
import {
  type Command,
  type Guard,
  type Instance,
  type InstanceRecord,
  type LeaseRecord,
  type Life,
  ok,
  type Plan,
  type Receipt,
  type Result,
  refuse,
} from "../../../core/index.ts";
import type { NewService, ServiceUpdate } from "../wire/bodies.ts";
import { alreadyExists, type Fault, limitReached, wrongField } from "../wire/faults.ts";
import { chooseService, isSession, sessionKey, toInstance, VIA } from "./instances.ts";

/**
 * The first guard that fails decides the answer: the session, the id, the limit. All three stand in one command, so
 * that of many at once exactly one comes in, and the limit is exact.
 */
export function toCreate(service: NewService, servicesMax: number): Command {
  const { life } = service;
  const register: Command = {
    kind: "register",
    instance: toInstance(service.id, service.tags, service.metadata),
    life: "session" in life ? { lease: life.session } : { ttlMs: life.timeoutS * 1000 },
    ifAbsent: true,
  };
  const limited = when({ on: "count", of: "instances", below: servicesMax }, register);
  const fresh = when({ on: "instance", id: service.id, exists: false }, limited);
  if (!("session" in life)) return fresh;
  return when({ on: "version", key: sessionKey(life.session), is: ">", than: 0 }, fresh);
}

function when(guard: Guard, then: Command): Command {
  return { kind: "when", guards: [guard], then: [then], otherwise: [] };
}

/** How deep the nest of `when` held: the number of guards that were true. */
function depthOf(result: Result): number {
  if (result.kind !== "when" || !result.succeeded) return 0;
  const inner = result.results[0];
  return 1 + (inner === undefined ? 0 : depthOf(inner));
}

/** Why nothing was created; undefined when the service is there. */
export function explainCreate(receipt: Receipt, service: NewService, servicesMax: number): Fault | undefined {
  const faults: Fault[] = [alreadyExists(service.id), limitReached("service", servicesMax)];
  const { life } = service;
  if ("session" in life) faults.unshift(wrongField("session_id", `Session with id ${life.session} does not exist`));
  return faults[depthOf(receipt.result)];
}

/** The record with the update laid over it. Instances of other dialects keep all that this API has no word for. */
function merge(record: InstanceRecord, update: ServiceUpdate): Instance {
  const tags = update.tags ?? record.tags;
  const meta = update.metadata ?? record.meta;
  if (record.via === VIA) {
    const { protocol, version, zone, weight, status, checks } = record;
    return { ...toInstance(record.id, tags, meta), protocol, version, zone, weight, status, checks };
  }
  const { service, id, address, ports, protocol, version, zone, weight, status, checks, via } = record;
  return { service, id, address, ports, protocol, tags, meta, version, zone, weight, status, checks, via };
}

/** Lays an update over the service as it is. Says what is wrong with it, if anything is. */
export const UPDATE: Plan<{ readonly id: string; readonly update: ServiceUpdate }, Fault | null> = {
  name: "rackspace/update",
  make(facts, account, { id, update }) {
    const record = chooseService(facts.instancesById(account, id));
    if (record === undefined) return refuse("not-found", id);
    const lease = record.lease === null ? undefined : facts.lease(account, record.lease);
    // Only services of sessions have a session_id; for all others it is a key like any unknown one.
    if (update.session !== undefined && lease !== undefined && isSession(lease) && update.session !== lease.id) {
      return ok({ command: null, note: wrongField("session_id", "Attempted to mutate immutable field") });
    }
    if (Object.keys(update).every((key) => key === "session")) return ok({ command: null, note: null });
    const merged = merge(record, update);
    // Under its new name another dialect already has this id: it stays where it is.
    const stays = merged.service !== record.service && facts.instance(account, merged.service, id) !== undefined;
    const instance = stays ? { ...merged, service: record.service } : merged;
    return ok({ command: toUpdate(record, instance, lease, update.timeoutS), note: null });
  },
};

function toUpdate(
  { service, id }: InstanceRecord,
  instance: Instance,
  lease: LeaseRecord | undefined,
  timeoutS: number | undefined,
): Command {
  // A timeout is a matter of a lease of one's own; services of a session have none. Only heartbeats are heartbeats.
  const life: Life = timeoutS !== undefined && lease?.own === true ? { ttlMs: timeoutS * 1000, quiet: true } : "keep";
  const moved = instance.service !== service;
  return { kind: "register", instance, life, ...(moved ? { replaces: { service, id } } : {}) };
}

/** Removes the service of this id, wherever an update moved it. */
export const DELETE: Plan<string> = {
  name: "rackspace/delete",
  make(facts, account, id) {
    const record = chooseService(facts.instancesById(account, id));
    if (record === undefined) return refuse("not-found", id);
    return ok({ command: { kind: "deregister", instance: { service: record.service, id } }, note: null });
  },
};

/** The lease that the creation granted. */
export function grantedLease(receipt: Receipt): LeaseRecord | undefined {
  for (const change of receipt.commit?.changes ?? []) {
    if (change.kind === "lease" && change.before === null && change.after !== null) return change.after;
  }
  return undefined;
}
