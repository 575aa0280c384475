/** Services of this API <-> instances of the catalog; the keys of sessions, which services may belong to. */
import {
  type AccountView,
  type Bytes,
  type Held,
  type Instance,
  type InstanceRecord,
  isLegalName,
  isTimeless,
  type LeaseRecord,
  LIMITS,
  type Ports,
  UNSAID,
} from "../../../core/index.ts";
import type { LastBeat } from "../accounts/tokens.ts";
import { isServiceId, type Metadata } from "../wire/fields.ts";

export const VIA = "rackspace";

/** Each session has a reserved key under this prefix, by which sessions are counted and listed. */
export const SESSIONS: Bytes = "\0rackspace/session/";

/** Lives and dies with the session's lease. */
export function sessionKey(id: string): Bytes {
  return SESSIONS + id;
}

/** A service as this API shows it. */
export interface ServiceBody {
  readonly id: string;
  /** Only of a service that belongs to a session. */
  readonly session_id?: string;
  readonly tags: readonly string[];
  readonly metadata: Metadata;
  /** Null for what has no timeout of its own. */
  readonly heartbeat_timeout: number | null;
  /** Ms; null before the first heartbeat. */
  readonly last_seen: number | null;
  /** Only while protection keeps it listed although its heartbeats stopped; the original knows nothing like it. */
  readonly held?: HeldBody;
}

export interface HeldBody {
  /** Ms. */
  readonly since: number;
  readonly reason: string;
}

export function toHeld(held: Held | null): { readonly held?: HeldBody } {
  return held === null ? {} : { held: { since: held.sinceMs, reason: held.reason } };
}

/** The part of an instance that a client of this API decides. */
export function toInstance(id: string, tags: readonly string[], metadata: Metadata): Instance {
  return {
    ...UNSAID,
    service: toServiceName(id, tags, metadata),
    id,
    address: toAddress(metadata),
    ports: toPorts(metadata),
    tags,
    meta: metadata,
    weight: 100,
    via: VIA,
  };
}

/** This API knows no names of services: metadata may name one, else a tag does, else the id. */
function toServiceName(id: string, tags: readonly string[], metadata: Metadata): string {
  const named = metadata.service;
  if (named !== undefined && isLegalName(named)) return named;
  return tags.find((tag) => isLegalName(tag)) ?? id;
}

function toAddress(metadata: Metadata): string {
  const address = metadata.address ?? metadata.ip ?? metadata.host ?? "";
  return address.length <= LIMITS.addressLengthMax ? address : "";
}

function toPorts(metadata: Metadata): Ports {
  const text = metadata.port ?? "";
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? { default: port } : {};
}

/** A session is a lease that this API granted and that is nobody's own. */
export function isSession(lease: LeaseRecord): boolean {
  return lease.via === VIA && !lease.own;
}

export function toTimeoutS(lease: LeaseRecord): number {
  return Math.round(lease.ttlMs / 1000);
}

/** Null for what has no timeout of its own. */
export function ownTimeoutS(lease: LeaseRecord | undefined): number | null {
  return lease === undefined || isSession(lease) || isTimeless(lease) ? null : toTimeoutS(lease);
}

export function toServiceBody(record: InstanceRecord, lease: LeaseRecord | undefined, lastBeat: LastBeat): ServiceBody {
  const session = lease !== undefined && isSession(lease);
  return {
    id: record.id,
    ...(session ? { session_id: lease.id } : {}),
    tags: record.tags,
    metadata: record.meta,
    heartbeat_timeout: ownTimeoutS(lease),
    last_seen: lease === undefined ? null : lastBeat(lease.id) || null,
    ...toHeld(record.held),
  };
}

/**
 * The instances that this API can show, each id once, sorted. Other dialects may have one id in several services:
 * the one that came through this API is shown, else the first.
 */
export function* eachService(account: AccountView, fromId: string): Iterable<InstanceRecord> {
  let shown: InstanceRecord | undefined;
  for (const record of account.instances(fromId)) {
    if (shown !== undefined && record.id !== shown.id) {
      if (isServiceId(shown.id)) yield shown;
      shown = undefined;
    }
    if (shown === undefined || (shown.via !== VIA && record.via === VIA)) shown = record;
  }
  if (shown !== undefined && isServiceId(shown.id)) yield shown;
}

/** Of all instances with one id, the one that this API means by it. */
export function chooseService(records: readonly InstanceRecord[]): InstanceRecord | undefined {
  return records.find((record) => record.via === VIA) ?? records[0];
}
