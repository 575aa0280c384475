/** Records of the core as the JSON of answers. */
import { isUtf8 } from "node:buffer";
import type { InstanceBody, KeyBody, LeaseBody, ServiceSummaryBody, Status as StatusBody } from "@rollcall/client";
import {
  fromBytes,
  type InstanceRecord,
  isTimeless,
  type KeyRecord,
  type LeaseRecord,
  mainPort,
  type Pulse,
  type ServiceView,
  statusOf,
  toBuffer,
} from "../../core/index.ts";
import { toCheckBody } from "./checks.ts";
import { toTime, toTtl } from "./numbers.ts";

/** The ttl of a lease; null when it is not there, or has no time. */
export type TtlOf = (lease: string) => number | null;

export function toInstanceBody(record: InstanceRecord, ttlOf: TtlOf): InstanceBody {
  const { held, lease } = record;
  return {
    service: record.service,
    id: record.id,
    address: record.address,
    port: mainPort(record.ports) ?? 0,
    ports: record.ports as Record<string, number>,
    protocol: record.protocol,
    tags: record.tags as string[],
    meta: record.meta as Record<string, string>,
    version: record.version,
    zone: record.zone,
    weight: record.weight,
    status: statusOf(record),
    declaredStatus: record.status,
    override: record.override,
    checks: record.checks.length === 0 ? [] : record.checks.map((check) => toCheckBody(check)),
    lease,
    ttlMs: lease === null ? null : ttlOf(lease),
    held: held === null ? null : { since: toTime(held.sinceMs), reason: held.reason },
    via: record.via,
    createdAt: toTime(record.createdAtMs),
    updatedAt: toTime(record.stampMs),
    createRevision: record.createRevision,
    modRevision: record.modRevision,
  };
}

/** `keptBy`: the node that keeps it, where there are several; without a pulse that one was not reached. */
export function toLeaseBody(lease: LeaseRecord, pulse: Pulse | undefined, keptBy?: string): LeaseBody {
  const beatMs = pulse?.lastBeatMs ?? 0;
  const isUnknown = isTimeless(lease) || (keptBy !== undefined && pulse === undefined);
  return {
    lease: lease.id,
    ttlMs: toTtl(lease.ttlMs),
    via: lease.via,
    own: lease.own,
    meta: lease.meta as Record<string, string>,
    held: lease.held === null ? null : { since: toTime(lease.held.sinceMs), reason: lease.held.reason },
    grantedAt: toTime(lease.grantedAtMs),
    lastBeatAt: beatMs === 0 ? null : toTime(beatMs),
    beats: pulse?.beats ?? 0,
    expiresAt: isUnknown ? null : toTime(pulse?.deadlineMs || lease.grantedAtMs + lease.ttlMs),
    ...(keptBy !== undefined && { keptBy }),
  };
}

export function toKeyBody(record: KeyRecord): KeyBody {
  const key = toBuffer(record.key);
  const value = toBuffer(record.value);
  const body: KeyBody = {
    key: fromBytes(record.key),
    value: isUtf8(value) ? value.toString("utf8") : null,
    version: record.version,
    createRevision: record.createRevision,
    modRevision: record.modRevision,
    lease: record.lease,
  };
  if (body.value === null) body.valueBase64 = value.toString("base64");
  if (!isUtf8(key)) body.keyBase64 = key.toString("base64");
  return body;
}

/** Distinct texts, sorted; only the first few, so that an answer stays small. */
const NAMES_MAX = 100;

function sorted(names: Set<string>): string[] {
  names.delete("");
  return [...names].sort().slice(0, NAMES_MAX);
}

export function toSummaryBody(service: ServiceView, records: Iterable<InstanceRecord>): ServiceSummaryBody {
  const statuses: Partial<Record<StatusBody, number>> = {};
  const tags = new Set<string>();
  const versions = new Set<string>();
  const zones = new Set<string>();
  let instances = 0;
  let held = 0;
  for (const record of records) {
    instances++;
    if (record.held === null) {
      const status = statusOf(record);
      statuses[status] = (statuses[status] ?? 0) + 1;
    } else held++;
    for (const tag of record.tags) tags.add(tag);
    versions.add(record.version);
    zones.add(record.zone);
  }
  return {
    service: service.name,
    revision: service.revision,
    instances,
    statuses,
    held,
    tags: sorted(tags),
    versions: sorted(versions),
    zones: sorted(zones),
  };
}

const BASE64 = "base64:";

/** Where the next page of keys begins, as text: a key that is not UTF-8, or looks like the other form, in base64. */
export function toKeyCursor(key: string): string {
  const bytes = toBuffer(key);
  return isUtf8(bytes) && !key.startsWith(BASE64) ? bytes.toString("utf8") : BASE64 + bytes.toString("base64");
}

export function fromKeyCursor(cursor: string): string {
  if (cursor.startsWith(BASE64)) return Buffer.from(cursor.slice(BASE64.length), "base64").toString("latin1");
  return Buffer.from(cursor, "utf8").toString("latin1");
}
