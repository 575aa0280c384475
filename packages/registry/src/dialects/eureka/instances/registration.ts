/** What a client registers, as the catalog takes it. */
import {
  type Account,
  type Facts,
  type Instance,
  type InstanceRecord,
  LIMITS,
  type Outcome,
  ok,
  type Ports,
  refuse,
} from "../../../core/index.ts";
import { TTL_MS_MAX } from "../../contract.ts";
import { type EurekaPort, type InstanceInfo, LEASE_DEFAULT } from "../wire/messages.ts";
import { keepDataCenter, keepMetadata, META } from "./meta.ts";
import { applyUp, fromEurekaStatus } from "./status.ts";

export const VIA = "eureka";

/** A registration as the catalog takes it. */
export interface Registration {
  readonly instance: Instance;
  readonly ttlMs: number;
}

/** The catalog's service of an application: its name in lower case. By way of upper case, as some letters have two. */
export function toService(app: string): string {
  return app.toUpperCase().toLowerCase();
}

/** The instance of an application, whatever its letters' case: of the service in lower case first. */
export function findInstance(facts: Facts, account: Account, app: string, id: string): InstanceRecord | undefined {
  const service = toService(app);
  return (
    facts.instance(account, service, id) ??
    facts.instancesById(account, id).find((record) => toService(record.service) === service)
  );
}

/**
 * What a client registers. `before` is the instance as it is now: what an operator said of it and since when it is up
 * go on. Refused as `invalid` when something is missing.
 */
export function toInstance(
  info: InstanceInfo,
  before: InstanceRecord | undefined,
  nowMs: number,
): Outcome<Registration> {
  const missing = findMissing(info);
  if (missing !== undefined) return refuse("invalid", missing);
  const address = info.ipAddr === "" ? info.hostName : info.ipAddr;
  const said = applyUp(info.status, before?.meta[META.overriddenStatus] === "UP" ? "UP" : "UNKNOWN");
  const instance: Instance = {
    service: toService(info.app),
    id: info.instanceId,
    address,
    ports: toPorts(info),
    protocol: info.securePort.enabled && !info.port.enabled ? "https" : "http",
    tags: [],
    meta: toMeta(info, address, before, nowMs),
    version: info.metadata.version ?? "",
    zone: info.metadata.zone ?? info.dataCenterInfo?.metadata["availability-zone"] ?? "",
    weight: 100,
    status: fromEurekaStatus(said),
    checks: [],
    via: VIA,
  };
  return ok({ instance, ttlMs: toTtlMs(info.leaseInfo.durationInSecs) });
}

/** The original's words for what is wrong with a registration at this application's address. */
export function findFault(info: InstanceInfo, app: string): string | undefined {
  const missing = findMissing(info);
  // The original looks at the data center after the name.
  if (missing !== undefined && !missing.startsWith("Missing dataCenterInfo")) return missing;
  if (info.app.toUpperCase() !== app.toUpperCase())
    return `Mismatched appName, expecting ${app.toUpperCase()} but was ${info.app}`;
  return missing;
}

/** The original's words for what a registration must have. */
function findMissing(info: InstanceInfo): string | undefined {
  if (info.instanceId === "") return "Missing instanceId";
  if (info.hostName === "") return "Missing hostname";
  if (info.ipAddr === "") return "Missing ip address";
  if (info.app === "") return "Missing appName";
  if (info.dataCenterInfo === undefined) return "Missing dataCenterInfo";
  if (info.dataCenterInfo.name === "") return "Missing dataCenterInfo Name";
  return undefined;
}

/** Clients that leave the duration to the server send 0 or less. */
function toTtlMs(durationS: number): number {
  const chosen = durationS > 0 ? durationS : LEASE_DEFAULT.durationInSecs;
  return Math.min(Math.max(chosen * 1000, LIMITS.ttlMsMin), TTL_MS_MAX);
}

function toPorts(info: InstanceInfo): Ports {
  const ports: Record<string, number> = {};
  if (info.port.enabled && info.port.port > 0) ports.default = info.port.port;
  if (info.securePort.enabled && info.securePort.port > 0) ports.secure = info.securePort.port;
  return ports;
}

/** Whether the catalog's ports can say it: they have the enabled ones, by number. */
function isInPorts({ port, enabled }: EurekaPort): boolean {
  return enabled === port > 0;
}

function toMeta(
  info: InstanceInfo,
  address: string,
  before: InstanceRecord | undefined,
  nowMs: number,
): Record<string, string> {
  const meta = keepMetadata(info.metadata);
  const keep = (key: string, value: string | undefined): void => {
    if (value !== undefined) meta[key] = value;
  };
  if (info.hostName !== address) meta[META.hostName] = info.hostName;
  if (!isInPorts(info.port)) meta[META.port] = `${info.port.port},${info.port.enabled}`;
  if (!isInPorts(info.securePort)) meta[META.securePort] = `${info.securePort.port},${info.securePort.enabled}`;
  keep(META.vip, info.vipAddress);
  keep(META.secureVip, info.secureVipAddress);
  keep(META.homePageUrl, info.homePageUrl);
  keep(META.statusPageUrl, info.statusPageUrl);
  keep(META.healthCheckUrl, info.healthCheckUrl);
  keep(META.secureHealthCheckUrl, info.secureHealthCheckUrl);
  keep(META.appGroupName, info.appGroupName);
  keep(META.asgName, info.asgName);
  keep(META.sid, info.sid);
  if (info.countryId !== 1) meta[META.countryId] = String(info.countryId);
  if (info.dataCenterInfo !== undefined) {
    if (info.dataCenterInfo.name !== "MyOwn") meta[META.dataCenter] = info.dataCenterInfo.name;
    Object.assign(meta, keepDataCenter(info.dataCenterInfo.metadata));
  }
  const interval = info.leaseInfo.renewalIntervalInSecs;
  if (interval > 0 && interval !== LEASE_DEFAULT.renewalIntervalInSecs) meta[META.renewalInterval] = String(interval);
  if (info.isCoordinatingDiscoveryServer) meta[META.coordinating] = "true";
  meta[META.lastDirtyTimestamp] = String(info.lastDirtyTimestamp ?? nowMs);
  if (before?.meta[META.overriddenStatus] === "UP") meta[META.overriddenStatus] = "UP";
  keep(META.serviceUpTimestamp, upSince(info, before, nowMs));
  return meta;
}

/** Since when it is up: carried over, as the original does. */
function upSince(info: InstanceInfo, before: InstanceRecord | undefined, nowMs: number): string | undefined {
  const known = before?.meta[META.serviceUpTimestamp];
  if (known !== undefined) return known;
  if (info.status !== "UP") return undefined;
  return String(info.leaseInfo.serviceUpTimestamp > 0 ? info.leaseInfo.serviceUpTimestamp : nowMs);
}
