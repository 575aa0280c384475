/** What other servers are told of a change, and in which words. */
import { type Change, type InstanceRecord, type LeaseRecord, ownerOf, ownLease } from "../../../core/index.ts";
import { lastDirtyOf, NO_VITALS, toInfo } from "../instances/info.ts";
import { META } from "../instances/meta.ts";
import { VIA } from "../instances/registration.ts";
import { overrideOf } from "../instances/status.ts";
import { type InstanceInfo, LEASE_DEFAULT, type PeerTask } from "../wire/messages.ts";

/** What a change means to other servers. The content is looked up when it is sent: the newest is what counts. */
export type News =
  | { readonly kind: "register" | "override"; readonly service: string; readonly id: string }
  /** `dirtyMs` is the lastDirtyTimestamp of the copy that is gone: older registrations of the same id are told by it. */
  | { readonly kind: "cancel"; readonly service: string; readonly id: string; readonly dirtyMs: number };

/** The news in one change; most have one or none. That a lease ran out is no news: every server finds that out by itself. */
export function toNews(change: Change): readonly News[] {
  if (change.kind === "lease") return toLeaseNews(change.before, change.after);
  if (change.kind !== "instance") return [];
  const { before, after, cause } = change;
  if (before !== null && after !== null && isSame(before, after)) return toUpdateNews(before, after);
  const news: News[] = [];
  if (before !== null && cause !== "expired")
    news.push({ kind: "cancel", service: before.service, id: before.id, dirtyMs: lastDirtyOf(before) });
  if (after !== null) news.push({ kind: "register", service: after.service, id: after.id });
  return news;
}

function isSame(before: InstanceRecord, after: InstanceRecord): boolean {
  return before.service === after.service && before.id === after.id;
}

/** Another time to live of an instance that is otherwise as before. */
function toLeaseNews(before: LeaseRecord | null, after: LeaseRecord | null): readonly News[] {
  if (before === null || after === null || !after.own || before.ttlMs === after.ttlMs) return [];
  const owner = ownerOf(after.id);
  return owner === undefined ? [] : [{ kind: "register", ...owner }];
}

/** An override is news of its own, and brings its status and its time along: these make no other. */
function toUpdateNews(before: InstanceRecord, after: InstanceRecord): readonly News[] {
  const { service, id } = after;
  const isOverridden = overrideOf(before) !== overrideOf(after);
  const news: News[] = [];
  if (describe(before, isOverridden) !== describe(after, isOverridden)) news.push({ kind: "register", service, id });
  if (isOverridden) news.push({ kind: "override", service, id });
  return news;
}

/** An instance as a registration carries it, to be compared. */
function describe(record: InstanceRecord, isOverridden: boolean): string {
  const info = toInfo({ ...record, override: null }, NO_VITALS, "ADDED", "MyOwn");
  const dirty = record.via === VIA && !isOverridden ? info.lastDirtyTimestamp : 0;
  return JSON.stringify({
    ...info,
    status: isOverridden ? "UNKNOWN" : info.status,
    overriddenStatus: "UNKNOWN",
    leaseInfo: 0,
    lastUpdatedTimestamp: 0,
    lastDirtyTimestamp: dirty,
  });
}

export function toRegisterTask(info: InstanceInfo): PeerTask {
  return { ...toTask("Register", info), instanceInfo: info };
}

export function toHeartbeatTask(info: InstanceInfo): PeerTask {
  const { overriddenStatus } = info;
  return {
    ...toTask("Heartbeat", info),
    overriddenStatus: overriddenStatus === "UNKNOWN" ? undefined : overriddenStatus,
  };
}

/** The operator's word as it is now: given, or taken back. */
export function toOverrideTask(info: InstanceInfo): PeerTask {
  const { overriddenStatus } = info;
  if (overriddenStatus === "UNKNOWN") return toTask("DeleteStatusOverride", info);
  return { ...toTask("StatusUpdate", info), status: overriddenStatus };
}

export function toCancelTask(service: string, id: string): PeerTask {
  return {
    action: "Cancel",
    appName: service.toUpperCase(),
    id,
    lastDirtyTimestamp: undefined,
    overriddenStatus: undefined,
    status: undefined,
    instanceInfo: undefined,
  };
}

function toTask(action: PeerTask["action"], info: InstanceInfo): PeerTask {
  return {
    action,
    appName: info.app,
    id: info.instanceId,
    lastDirtyTimestamp: info.lastDirtyTimestamp,
    overriddenStatus: undefined,
    status: info.status,
    instanceInfo: undefined,
  };
}

/** Clients beat a little early or late; a heartbeat at every interval is passed on at every interval. */
const INTERVAL_SHARE = 0.8;
/** The others hear so many heartbeats in a lease, or a short one would end there. */
const LEASE_SHARE = 3;
const INTERVAL_MS_MIN = 500;

/** The least time between two heartbeats of an instance that are passed on. */
export function toPauseMs(record: InstanceRecord, ttlMs: number | undefined): number {
  const said = Number(record.meta[META.renewalInterval] ?? LEASE_DEFAULT.renewalIntervalInSecs) * 1000;
  const shareMs = (ttlMs ?? Number.POSITIVE_INFINITY) / LEASE_SHARE;
  return Math.max(Math.min(said > 0 ? said : shareMs, shareMs) * INTERVAL_SHARE, INTERVAL_MS_MIN * INTERVAL_SHARE);
}

/** The time between two heartbeats for a native. */
export function toBehalfMs(ttlMs: number | undefined): number {
  const leaseMs = ttlMs ?? LEASE_DEFAULT.durationInSecs * 1000;
  return Math.max(Math.min(leaseMs / LEASE_SHARE, LEASE_DEFAULT.renewalIntervalInSecs * 1000), INTERVAL_MS_MIN);
}

/** The key of an instance in the maps of this room. */
export function keyOf(service: string, id: string): string {
  return ownLease({ service, id });
}

/** A service URL for people: without user and password. */
export function showUrl(url: string): string {
  const shown = new URL(url);
  shown.username = "";
  shown.password = "";
  return shown.href;
}
