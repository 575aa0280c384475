/** Services of SkyDNS <-> instances of the catalog. */
import {
  type Command,
  type Instance,
  type InstanceRecord,
  isTimeless,
  LIMITS,
  type Life,
  mainPort,
  ok,
  type Plan,
  refuse,
  statusOf,
  UNSAID,
} from "../../core/index.ts";
import { TTL_MS_MAX } from "../contract.ts";
import { type ServiceBody, toRfc3339 } from "./wire/answer.ts";
import type { Announced } from "./wire/bodies.ts";

export const VIA = "skydns";

export const NOT_EXISTS = "Service does not exist in registry";
export const MISSING = refuse("not-found", NOT_EXISTS);

/** The key of an instance's meta for its environment. */
export const META_ENVIRONMENT = "skydns.environment";
/** The key for the TTL in seconds; only with services that do not expire. */
const META_TTL = "skydns.ttl";
/** The key by which instances of other dialects say their environment. */
const META_ENVIRONMENT_FOREIGN = "environment";

const TTL_S_MIN = LIMITS.ttlMsMin / 1000;
const TTL_S_MAX = TTL_MS_MAX / 1000;
const FIELD_LENGTH_MAX = 255;
const CONTROL = /\p{Cc}/u;

/** What neither the catalog nor names in DNS can carry, although the original takes it; undefined when all is well. */
export function refuseAnnounced(announced: Announced): string | undefined {
  if (announced.Host === "" || announced.Port === 0) return "Host and Port required";
  for (const field of ["Name", "Version", "Environment", "Region", "Host"] as const) {
    if (announced[field].length > FIELD_LENGTH_MAX) return `${field} is longer than ${FIELD_LENGTH_MAX} characters`;
    if (CONTROL.test(announced[field])) return `${field} has control characters`;
  }
  return undefined;
}

export function toInstance(uuid: string, announced: Announced): Instance {
  const { Name, Version, Environment, Region, Host, Port, TTL, NoExpire } = announced;
  return {
    ...UNSAID,
    service: Name,
    id: uuid,
    address: Host,
    ports: { default: Port },
    meta: { [META_ENVIRONMENT]: Environment, ...(NoExpire ? { [META_TTL]: String(clampTtl(TTL)) } : {}) },
    version: Version,
    zone: Region,
    weight: 100,
    via: VIA,
  };
}

/** Within what the registry can keep, in seconds: a TTL of 0 becomes the shortest. */
export function clampTtl(ttlS: number): number {
  return Math.min(Math.max(ttlS, TTL_S_MIN), TTL_S_MAX);
}

/** Adds it unless the UUID stands for a service already, whatever its name. */
export function toAdd(uuid: string, announced: Announced): Command {
  const life: Life = announced.NoExpire ? "permanent" : { ttlMs: clampTtl(announced.TTL) * 1000 };
  const register: Command = { kind: "register", instance: toInstance(uuid, announced), life, ifAbsent: true };
  return { kind: "when", guards: [{ on: "instance", id: uuid, exists: false }], then: [register], otherwise: [] };
}

/** The one of all instances with an id that this API means. */
export function chooseService(records: readonly InstanceRecord[]): InstanceRecord | undefined {
  return records.find((record) => record.via === VIA) ?? records[0];
}

/** The TTL that the client says: a heartbeat, and another one changes the lease first. */
export const UPDATE: Plan<{ readonly uuid: string; readonly ttlS: number }> = {
  name: "skydns/update",
  make(facts, account, { uuid, ttlS }) {
    const record = chooseService(facts.instancesById(account, uuid));
    if (record === undefined) return MISSING;
    const lease = record.lease === null ? undefined : facts.lease(account, record.lease);
    if (lease === undefined || isTimeless(lease)) return ok({ command: toRemember(record, ttlS), note: null });
    // A lease that others live by as well is not this client's to keep, nor to change.
    if (!lease.own) return refuse("conflict", "the service shares its lease with others");
    return ok({ command: { kind: "grant", lease: lease.id, ttlMs: ttlS * 1000, via: lease.via }, note: null });
  },
};

/** Another TTL for a service that does not expire. Null when there is nothing to change. */
function toRemember(record: InstanceRecord, ttlS: number): Command | null {
  const text = String(ttlS);
  if (record.via !== VIA || record.meta[META_TTL] === text) return null;
  const meta = { ...record.meta, [META_TTL]: text };
  return { kind: "register", instance: { ...record, meta }, life: "keep" };
}

export const REMOVE: Plan<string> = {
  name: "skydns/remove",
  make(facts, account, uuid) {
    const record = chooseService(facts.instancesById(account, uuid));
    return record === undefined ? MISSING : ok({ command: { kind: "deregister", instance: record }, note: null });
  },
};

/** The environment of an instance; those of other dialects may say none. */
export function environmentOf({ meta }: InstanceRecord, fallback: string): string {
  return meta[META_ENVIRONMENT] ?? meta[META_ENVIRONMENT_FOREIGN] ?? fallback;
}

/** Whether clients that look for services are to find it. */
export function isFindable(record: InstanceRecord): boolean {
  const status = statusOf(record);
  return status === "passing" || status === "warning";
}

/** When an instance ends unless it is renewed. */
export type End =
  | { readonly kind: "never" }
  | { readonly kind: "lease"; readonly ttlMs: number; readonly deadlineMs: number }
  /** It has ended. */
  | { readonly kind: "ended"; readonly atMs: number };

export function toBody(record: InstanceRecord, end: End, environment: string, nowMs: number): ServiceBody {
  const { TTL, expiresMs } = toTtl(record, end, nowMs);
  return {
    UUID: record.id,
    Name: record.service,
    Version: record.version,
    Environment: environmentOf(record, environment),
    Region: record.zone,
    Host: record.address,
    Port: portOf(record),
    TTL,
    Expires: toRfc3339(expiresMs),
    NoExpire: end.kind === "never",
  };
}

/** What is listed lives for another second: leases end a little after their time, and protection may keep them. */
function toTtl({ meta }: InstanceRecord, end: End, nowMs: number): { TTL: number; expiresMs: number } {
  switch (end.kind) {
    case "never": {
      const TTL = clampTtl(Number(meta[META_TTL] ?? TTL_S_MAX) || TTL_S_MAX);
      return { TTL, expiresMs: nowMs + TTL * 1000 };
    }
    case "lease": {
      const leftMs = Math.min(end.deadlineMs - nowMs, end.ttlMs);
      return { TTL: Math.max(1, Math.floor(leftMs / 1000)), expiresMs: nowMs + Math.max(leftMs, 1000) };
    }
    case "ended":
      return { TTL: 0, expiresMs: end.atMs };
  }
}

/** 0 for an instance without ports. */
function portOf({ ports }: InstanceRecord): number {
  return mainPort(ports) ?? 0;
}
