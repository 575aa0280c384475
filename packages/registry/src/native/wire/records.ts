/** Records of the core as the JSON of answers. */
import { isUtf8 } from "node:buffer";
import type { AuthorBody, HeldBody, InstanceBody, KeyBody, LeaseBody, OverrideBody } from "@rollcall/client";
import {
  type Author,
  fromBytes,
  type Held,
  type InstanceRecord,
  isTimeless,
  type KeyRecord,
  type LeaseRecord,
  mainPort,
  type Pulse,
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
    statusSince: toTime(record.statusAtMs ?? record.createdAtMs),
    declaredStatus: record.status,
    override: toOverrideBody(record),
    checks: record.checks.length === 0 ? [] : record.checks.map((check) => toCheckBody(check, record.createdAtMs)),
    lease,
    ttlMs: lease === null ? null : ttlOf(lease),
    held: toHeldBody(held),
    via: record.via,
    createdAt: toTime(record.createdAtMs),
    updatedAt: toTime(record.stampMs),
    createRevision: record.createRevision,
    modRevision: record.modRevision,
  };
}

function toHeldBody(held: Held | null): HeldBody | null {
  if (held === null) return null;
  const { sinceMs, untilMs, reason } = held;
  return { since: toTime(sinceMs), until: untilMs === undefined ? null : toTime(untilMs), reason };
}

function toOverrideBody({ override, overridden }: InstanceRecord): OverrideBody | null {
  if (override === null) return null;
  const { sinceMs = 0, untilMs = 0, reason = "", by = "" } = overridden ?? {};
  return {
    status: override,
    reason,
    by: by === "" ? null : by,
    since: sinceMs === 0 ? null : toTime(sinceMs),
    until: untilMs === 0 ? null : toTime(untilMs),
  };
}

export function toAuthorBody(by: Author | undefined): AuthorBody | null {
  if (by === undefined) return null;
  const { token, dialect, address } = by;
  return {
    token: token && { id: token.id === "" ? null : token.id, name: token.name },
    dialect,
    address: address === "" ? null : address,
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
    held: toHeldBody(lease.held),
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
