/** Instances of the catalog as Eureka shows them, those of other dialects among them. */
import { isIP } from "node:net";
import { type Account, type InstanceRecord, mainPort, type Registry } from "../../../core/index.ts";
import type { Heard } from "../../../net/routes/heard.ts";
import {
  type ActionType,
  type DataCenter,
  type EurekaPort,
  type InstanceInfo,
  LEASE_DEFAULT,
  type LeaseInfo,
} from "../wire/messages.ts";
import { META, showDataCenter, showMetadata } from "./meta.ts";
import { VIA } from "./registration.ts";
import { overrideOf, shownStatus } from "./status.ts";

/** What is known of an instance's lease. */
export interface Vitals {
  /** Undefined for an instance without a lease. */
  readonly ttlMs: number | undefined;
  /** Wall-clock ms; 0 before the first heartbeat. */
  readonly lastBeatMs: number;
}

/** Clients read a 32-bit number. */
const DURATION_MAX = 2 ** 31 - 1;

export const NO_VITALS: Vitals = { ttlMs: undefined, lastBeatMs: 0 };

/** What it takes to show instances. */
export interface InfoSource {
  readonly registry: Registry;
  /** The data center in which instances of other dialects are shown. */
  readonly dataCenter: string;
}

/** An instance as Eureka shows it now. `heard`: what is known of heartbeats besides those that this node hears. */
export function infoOf(
  { registry, dataCenter }: InfoSource,
  account: Account,
  record: InstanceRecord,
  actionType: ActionType = "ADDED",
  heard: Heard = (lease) => registry.pulse(account, lease),
): InstanceInfo {
  const { lease } = record;
  if (lease === null) return toInfo(record, NO_VITALS, actionType, dataCenter);
  const ttlMs = registry.read((view) => view.lease(account, lease)?.ttlMs);
  const lastBeatMs = heard(lease)?.lastBeatMs ?? 0;
  return toInfo(record, { ttlMs, lastBeatMs }, actionType, dataCenter);
}

export function toInfo(
  record: InstanceRecord,
  vitals: Vitals,
  actionType: ActionType,
  dataCenter: string,
): InstanceInfo {
  const { meta } = record;
  // Other dialects' clients may have written an empty one, with which nobody could do anything.
  const hostName = meta[META.hostName] || record.address;
  const links = record.via === VIA ? kept(record) : derived(record, hostName);
  return {
    instanceId: record.id,
    hostName,
    app: record.service.toUpperCase(),
    ipAddr: record.address,
    sid: meta[META.sid],
    status: shownStatus(record),
    overriddenStatus: overrideOf(record),
    port: toPort(meta[META.port], nonSecurePort(record)),
    securePort: toPort(meta[META.securePort], securePort(record)),
    countryId: toWhole(meta[META.countryId], 1),
    dataCenterInfo: toDataCenter(record, dataCenter),
    leaseInfo: toLeaseInfo(record, vitals),
    metadata: toMetadata(record),
    appGroupName: meta[META.appGroupName],
    asgName: meta[META.asgName],
    isCoordinatingDiscoveryServer: meta[META.coordinating] === "true",
    lastUpdatedTimestamp: record.stampMs,
    lastDirtyTimestamp: lastDirtyOf(record),
    actionType,
    ...links,
  };
}

/** The time (ms) by which two copies of an instance are ordered. */
export function lastDirtyOf(record: InstanceRecord): number {
  return dirtyOf(record) ?? record.stampMs;
}

/** The time that a client of Eureka gave its copy; undefined when there is none, or it cannot be read. */
export function dirtyOf(record: InstanceRecord): number | undefined {
  const text = record.meta[META.lastDirtyTimestamp];
  if (text === undefined || !DIGITS.test(text)) return undefined;
  const dirty = Number(text);
  return dirty > 0 && Number.isSafeInteger(dirty) ? dirty : undefined;
}

const DIGITS = /^[0-9]{1,16}$/;

type Links = Pick<
  InstanceInfo,
  "homePageUrl" | "statusPageUrl" | "healthCheckUrl" | "secureHealthCheckUrl" | "vipAddress" | "secureVipAddress"
>;

/** As the client gave them; undefined where it gave none. */
function kept({ meta }: InstanceRecord): Links {
  return {
    homePageUrl: meta[META.homePageUrl],
    statusPageUrl: meta[META.statusPageUrl],
    healthCheckUrl: meta[META.healthCheckUrl],
    secureHealthCheckUrl: meta[META.secureHealthCheckUrl],
    vipAddress: meta[META.vip],
    secureVipAddress: meta[META.secureVip],
  };
}

/** For an instance of another dialect: what Eureka's clients look for, unless its meta says otherwise. */
function derived(record: InstanceRecord, hostName: string): Links {
  const given = kept(record);
  const main = nonSecurePort(record);
  const secure = securePort(record);
  const host = isIP(hostName) === 6 ? `[${hostName}]` : hostName;
  const base =
    main !== undefined ? `http://${host}:${main}` : secure !== undefined ? `https://${host}:${secure}` : undefined;
  return {
    homePageUrl: given.homePageUrl ?? (base && `${base}/`),
    statusPageUrl: given.statusPageUrl ?? (base && `${base}/info`),
    healthCheckUrl: given.healthCheckUrl ?? (base && `${base}/health`),
    secureHealthCheckUrl: given.secureHealthCheckUrl,
    vipAddress: vipAddressOf(record, false),
    secureVipAddress: vipAddressOf(record, true),
  };
}

/** The comma list of (secure) vip addresses, as `toInfo` shows it. */
export function vipAddressOf(record: InstanceRecord, secure: boolean): string | undefined {
  const said = record.meta[secure ? META.secureVip : META.vip];
  if (said !== undefined || record.via === VIA) return said;
  return secure && securePort(record) === undefined ? undefined : record.service;
}

/** The port without TLS: the main one of those that are not `secure`. */
function nonSecurePort({ ports, protocol }: InstanceRecord): number | undefined {
  if (protocol === "https" && ports.secure === undefined) return undefined;
  const { secure: _, ...plain } = ports;
  return mainPort(plain);
}

function securePort({ ports, protocol }: InstanceRecord): number | undefined {
  return ports.secure ?? (protocol === "https" ? mainPort(ports) : undefined);
}

function toPort(said: string | undefined, known: number | undefined): EurekaPort {
  if (said !== undefined) {
    const comma = said.indexOf(",");
    return { port: toWhole(said.slice(0, comma), 0), enabled: said.slice(comma + 1) === "true" };
  }
  return known === undefined ? { port: 0, enabled: false } : { port: known, enabled: true };
}

function toDataCenter({ meta, via }: InstanceRecord, fallback: string): DataCenter {
  return { name: meta[META.dataCenter] ?? (via === VIA ? "MyOwn" : fallback), metadata: showDataCenter(meta) };
}

/** Zone and version stand in the metadata, where Eureka's clients look for them. */
function toMetadata(record: InstanceRecord): Record<string, string> {
  const metadata = showMetadata(record.meta);
  if (record.via === VIA) return metadata;
  if (record.zone !== "" && metadata.zone === undefined) metadata.zone = record.zone;
  if (record.version !== "" && metadata.version === undefined) metadata.version = record.version;
  return metadata;
}

function toLeaseInfo(record: InstanceRecord, { ttlMs, lastBeatMs }: Vitals): LeaseInfo {
  const durationInSecs = toDuration(ttlMs);
  const usual = LEASE_DEFAULT.renewalIntervalInSecs;
  // Others said nothing of an interval: a third of the lease, as Eureka's own 30 of 90.
  const unsaid = record.via === VIA ? usual : Math.max(1, Math.floor(durationInSecs / 3));
  const interval = toWhole(record.meta[META.renewalInterval], unsaid);
  return {
    renewalIntervalInSecs: interval,
    durationInSecs,
    registrationTimestamp: record.createdAtMs,
    lastRenewalTimestamp: lastBeatMs === 0 ? record.stampMs : lastBeatMs,
    evictionTimestamp: 0,
    serviceUpTimestamp: toWhole(record.meta[META.serviceUpTimestamp], record.createdAtMs),
  };
}

/** What has no time shows the usual one; what has more than clients can read, the most they can. */
function toDuration(ttlMs = Number.POSITIVE_INFINITY): number {
  if (ttlMs === Number.POSITIVE_INFINITY) return LEASE_DEFAULT.durationInSecs;
  return Math.min(Math.max(1, Math.round(ttlMs / 1000)), DURATION_MAX);
}

function toWhole(text: string | undefined, fallback: number): number {
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : fallback;
}
