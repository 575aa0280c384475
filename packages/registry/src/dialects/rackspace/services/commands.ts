/** Creating, changing and removing services -> commands, and their receipts -> what happened. */
import type {
  Command,
  Guard,
  Instance,
  InstanceRecord,
  LeaseRecord,
  Life,
  Receipt,
  Result,
} from "../../../core/index.ts";
import type { NewService, ServiceUpdate } from "../wire/bodies.ts";
import { alreadyExists, type Fault, limitReached, wrongField } from "../wire/faults.ts";
import { sessionKey, toInstance, VIA } from "./instances.ts";

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

export function when(guard: Guard, then: Command): Command {
  return { kind: "when", guards: [guard], then: [then], otherwise: [] };
}

/** How deep the nest of `when` held: the number of guards that were true. */
export function depthOf(result: Result): number {
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
export function merge(record: InstanceRecord, update: ServiceUpdate): Instance {
  const tags = update.tags ?? record.tags;
  const meta = update.metadata ?? record.meta;
  if (record.via === VIA) {
    const { protocol, version, zone, weight, status, checks } = record;
    return { ...toInstance(record.id, tags, meta), protocol, version, zone, weight, status, checks };
  }
  const { service, id, address, ports, protocol, version, zone, weight, status, checks, via } = record;
  return { service, id, address, ports, protocol, tags, meta, version, zone, weight, status, checks, via };
}

/**
 * An update is decided against the very record it was merged with: another one in between makes it fail, to be merged
 * again. So none is lost, and a service that was removed meanwhile stays so.
 */
export function toUpdate(
  record: InstanceRecord,
  instance: Instance,
  lease: LeaseRecord | undefined,
  timeoutS: number | undefined,
): Command {
  const seen = { service: record.service, id: record.id };
  // A timeout is a matter of a lease of one's own; services of a session have none. Only heartbeats are heartbeats.
  const life: Life = timeoutS !== undefined && lease?.own === true ? { ttlMs: timeoutS * 1000, quiet: true } : "keep";
  const moved = instance.service !== record.service;
  return when(
    { on: "instance-mod", instance: seen, revision: record.modRevision },
    { kind: "register", instance, life, ...(moved ? { replaces: seen } : {}) },
  );
}

/** The same care: what is removed is the service that was seen, wherever an update moved it meanwhile. */
export function toDelete({ service, id, modRevision }: InstanceRecord): Command {
  const instance = { service, id };
  const guard = { on: "instance-mod", instance, revision: modRevision } as const;
  return when(guard, { kind: "deregister", instance });
}

/** The lease that the creation granted. */
export function grantedLease(receipt: Receipt): LeaseRecord | undefined {
  for (const change of receipt.commit?.changes ?? []) {
    if (change.kind === "lease" && change.before === null && change.after !== null) return change.after;
  }
  return undefined;
}
