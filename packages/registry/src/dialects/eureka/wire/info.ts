/** Instances out of trees, with the original's defaults. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import {
  type ActionType,
  type Application,
  type Applications,
  type DataCenter,
  type EurekaPort,
  type EurekaStatus,
  type InstanceInfo,
  LEASE_DEFAULT,
  type LeaseInfo,
  STATUSES,
} from "./messages.ts";
import { Fields, isBranch, type Tree } from "./tree.ts";

const ACTIONS: ReadonlySet<string> = new Set(["ADDED", "MODIFIED", "DELETED"]);
const DATA_CENTERS: ReadonlyMap<string, string> = new Map([
  ["amazon", "Amazon"],
  ["myown", "MyOwn"],
  ["netflix", "Netflix"],
]);
/** Words for no sid: the original never writes them. */
const NO_SID: ReadonlySet<string> = new Set(["na", "unknown"]);

/** A status in letters of any case; every other word is UNKNOWN. */
export function toStatus(text: string): EurekaStatus {
  return findStatus(text.trim()) ?? "UNKNOWN";
}

/** A status in letters of any case; undefined for every other word. */
export function findStatus(text: string): EurekaStatus | undefined {
  const word = text.toUpperCase();
  return STATUSES.find((status) => status === word);
}

export function buildInstance(tree: Tree | undefined): Outcome<InstanceInfo> {
  if (!isBranch(tree)) return refuse("invalid", "instance is not an object");
  const fields = new Fields(tree);
  const info = toInstanceInfo(fields);
  return fields.wrong === undefined ? ok(info) : refuse("invalid", fields.wrong);
}

function toInstanceInfo(fields: Fields): InstanceInfo {
  const hostName = fields.text("hostName") ?? "";
  const dataCenterInfo = toDataCenter(fields);
  const status = fields.text("status");
  const overridden = fields.text("overriddenstatus") ?? fields.text("overriddenStatus");
  const sid = fields.text("sid");
  const lastDirtyTimestamp = fields.looseWhole("lastDirtyTimestamp") ?? 0;
  return {
    instanceId: fields.text("instanceId") || dataCenterInfo?.metadata["instance-id"] || hostName,
    hostName,
    app: (fields.text("app") ?? "").toUpperCase(),
    ipAddr: fields.text("ipAddr") ?? "",
    sid: sid === undefined || NO_SID.has(sid) ? undefined : sid,
    status: status === undefined ? "UP" : toStatus(status),
    overriddenStatus: overridden === undefined ? "UNKNOWN" : toStatus(overridden),
    port: toPort(fields, "port", true),
    securePort: toPort(fields, "securePort", false),
    countryId: toInt(fields.whole("countryId") ?? 1),
    dataCenterInfo,
    leaseInfo: toLeaseInfo(fields.branch("leaseInfo")),
    metadata: fields.branch("metadata")?.texts() ?? {},
    appGroupName: fields.text("appGroupName")?.toUpperCase(),
    homePageUrl: fields.text("homePageUrl"),
    statusPageUrl: fields.text("statusPageUrl"),
    healthCheckUrl: fields.text("healthCheckUrl"),
    secureHealthCheckUrl: fields.text("secureHealthCheckUrl"),
    vipAddress: fields.text("vipAddress"),
    secureVipAddress: fields.text("secureVipAddress"),
    isCoordinatingDiscoveryServer: fields.flag("isCoordinatingDiscoveryServer") ?? false,
    lastUpdatedTimestamp: fields.looseWhole("lastUpdatedTimestamp") ?? 0,
    // Clients that do not know it send 0 or nothing. As a time it would be older than any other, and never count.
    lastDirtyTimestamp: lastDirtyTimestamp > 0 ? lastDirtyTimestamp : undefined,
    actionType: toAction(fields.text("actionType")),
    asgName: fields.text("asgName"),
  };
}

/** `{"$": 80, "@enabled": "true"}`, or the number alone. A port that does not say so is enabled, a secure one is not. */
function toPort(fields: Fields, name: string, enabledUnsaid: boolean): EurekaPort {
  if (!fields.has(name)) return { port: 0, enabled: false };
  const port = fields.whole(name) ?? 0;
  const enabled = fields.isBranch(name) ? fields.branch(name)?.flag("@enabled") : undefined;
  return { port: toInt(port), enabled: enabled ?? (enabledUnsaid && port > 0) };
}

/** Within the range of Java's int: at a number beyond it, Java's clients drop the whole answer. */
export function toInt(value: number): number {
  return Math.max(-0x8000_0000, Math.min(0x7fff_ffff, value));
}

function toDataCenter(fields: Fields): DataCenter | undefined {
  const inside = fields.branch("dataCenterInfo");
  if (inside === undefined) return undefined;
  const said = inside.text("name")?.trim() ?? "";
  const name = said === "" ? "" : DATA_CENTERS.get(said.toLowerCase());
  if (name === undefined) inside.complain("dataCenterInfo name is none of Netflix, Amazon and MyOwn");
  return { name: name ?? "", metadata: name === "Amazon" ? (inside.branch("metadata")?.texts() ?? {}) : {} };
}

function toLeaseInfo(fields: Fields | undefined): LeaseInfo {
  const renewalIntervalInSecs = toInt(fields?.looseWhole("renewalIntervalInSecs") ?? 0);
  const durationInSecs = toInt(fields?.looseWhole("durationInSecs") ?? 0);
  return {
    renewalIntervalInSecs: renewalIntervalInSecs > 0 ? renewalIntervalInSecs : LEASE_DEFAULT.renewalIntervalInSecs,
    durationInSecs: durationInSecs > 0 ? durationInSecs : LEASE_DEFAULT.durationInSecs,
    registrationTimestamp: fields?.looseWhole("registrationTimestamp") ?? 0,
    lastRenewalTimestamp: fields?.looseWhole("lastRenewalTimestamp") ?? fields?.looseWhole("renewalTimestamp") ?? 0,
    evictionTimestamp: fields?.looseWhole("evictionTimestamp") ?? 0,
    serviceUpTimestamp: fields?.looseWhole("serviceUpTimestamp") ?? 0,
  };
}

function toAction(said: string | undefined): ActionType {
  const action = said?.trim().toUpperCase() ?? "";
  return ACTIONS.has(action) ? (action as ActionType) : "ADDED";
}

/** A whole registry. */
export interface ReadRegistry extends Applications {
  /** The number of instances that cannot be read. */
  readonly skipped: number;
}

/** An instance that cannot be read is left out: the others are worth having. */
export function buildApplications(tree: Tree | undefined): Outcome<ReadRegistry> {
  if (!isBranch(tree)) return refuse("invalid", "applications is not an object");
  const fields = new Fields(tree);
  const applications: Application[] = [];
  let skipped = 0;
  for (const one of fields.list("application")) {
    if (!isBranch(one)) return refuse("invalid", "application is not an object");
    const inside = new Fields(one);
    const instances: InstanceInfo[] = [];
    for (const instance of inside.list("instance")) {
      const built = buildInstance(instance);
      if (built.ok) instances.push(built.value);
      else skipped++;
    }
    applications.push({ name: (inside.text("name") ?? "").toUpperCase(), instances });
  }
  const versionsDelta = fields.text("versions__delta") ?? fields.text("versions_delta") ?? "1";
  const hashcode = fields.text("apps__hashcode") ?? fields.text("apps_hashcode") ?? "";
  if (fields.wrong !== undefined) return refuse("invalid", fields.wrong);
  return ok({ versionsDelta, hashcode, applications, skipped });
}
