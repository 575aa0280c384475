/** Eureka's JSON as its server writes it by default, and as any of its clients may send it. */
import type { Outcome } from "../../../core/index.ts";
import { buildApplications, buildInstance, type ReadRegistry, toInt } from "./info.ts";
import { scanJson } from "./json-scan.ts";
import type { DataCenter, EurekaPort, InstanceInfo } from "./messages.ts";
import { EMPTY_MAP, isBranch, type Tree, VALUES_MAX } from "./tree.ts";

export function readInstanceJson(body: Buffer): Outcome<InstanceInfo> {
  const parsed = scanJson(body, VALUES_MAX.instance);
  return parsed.ok ? buildInstance(insideRoot(parsed.value, "instance")) : parsed;
}

export function readApplicationsJson(body: Buffer): Outcome<ReadRegistry> {
  const parsed = scanJson(body, VALUES_MAX.registry);
  return parsed.ok ? buildApplications(insideRoot(parsed.value, "applications")) : parsed;
}

/** The tree inside the root, or the tree itself: some clients leave the root out. */
function insideRoot(tree: Tree, root: string): Tree {
  return isBranch(tree) ? (tree.get(root) ?? tree) : tree;
}

/** One instance without its root, as it stands in lists and batches. */
export function writeInstanceJson(info: InstanceInfo): string {
  let json = `{"instanceId":${quote(info.instanceId)},"hostName":${quote(info.hostName)},"app":${quote(info.app)},"ipAddr":${quote(info.ipAddr)}`;
  if (info.sid !== undefined) json += `,"sid":${quote(info.sid)}`;
  json += `,"status":"${info.status}","overriddenStatus":"${info.overriddenStatus}"`;
  json += `,"port":${writePort(info.port)},"securePort":${writePort(info.securePort)},"countryId":${toInt(info.countryId)}`;
  if (info.dataCenterInfo !== undefined) json += `,"dataCenterInfo":${writeDataCenter(info.dataCenterInfo)}`;
  const lease = info.leaseInfo;
  json += `,"leaseInfo":{"renewalIntervalInSecs":${toInt(lease.renewalIntervalInSecs)}`;
  json += `,"durationInSecs":${toInt(lease.durationInSecs)}`;
  json += `,"registrationTimestamp":${lease.registrationTimestamp},"lastRenewalTimestamp":${lease.lastRenewalTimestamp}`;
  json += `,"evictionTimestamp":${lease.evictionTimestamp},"serviceUpTimestamp":${lease.serviceUpTimestamp}}`;
  json += `,"metadata":${writeMetadata(info.metadata)}`;
  json += optional("appGroupName", info.appGroupName);
  json += optional("homePageUrl", info.homePageUrl);
  json += optional("statusPageUrl", info.statusPageUrl);
  json += optional("healthCheckUrl", info.healthCheckUrl);
  json += optional("secureHealthCheckUrl", info.secureHealthCheckUrl);
  json += optional("vipAddress", info.vipAddress);
  json += optional("secureVipAddress", info.secureVipAddress);
  json += `,"isCoordinatingDiscoveryServer":"${info.isCoordinatingDiscoveryServer}"`;
  json += `,"lastUpdatedTimestamp":"${info.lastUpdatedTimestamp}"`;
  if (info.lastDirtyTimestamp !== undefined) json += `,"lastDirtyTimestamp":"${info.lastDirtyTimestamp}"`;
  json += `,"actionType":"${info.actionType}"`;
  json += optional("asgName", info.asgName);
  return `${json}}`;
}

function optional(name: string, value: string | undefined): string {
  return value === undefined ? "" : `,"${name}":${quote(value)}`;
}

function writePort({ port, enabled }: EurekaPort): string {
  return `{"$":${toInt(port)},"@enabled":"${enabled}"}`;
}

/** Java's clients make the class that is named here: there are these two and no others. */
function writeDataCenter({ name, metadata }: DataCenter): string {
  if (name !== "Amazon")
    return `{"@class":"com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo","name":"${name === "Netflix" ? name : "MyOwn"}"}`;
  return `{"@class":"com.netflix.appinfo.AmazonInfo","name":"Amazon","metadata":${writeTexts(metadata)}}`;
}

function writeMetadata(metadata: Readonly<Record<string, string>>): string {
  const json = writeTexts(metadata);
  return json === "{}" ? `{"@class":"${EMPTY_MAP}"}` : json;
}

function writeTexts(texts: Readonly<Record<string, string>>): string {
  let json = "";
  for (const key in texts) json += `${json === "" ? "" : ","}${quote(key)}:${quote(texts[key] as string)}`;
  return `{${json}}`;
}

/** Printable ASCII needs no escape: most texts do not. */
const UNESCAPED = /^[ !#-[\]-~]*$/;

const SURROGATE = /\p{Surrogate}/gu;

/** Half a surrogate pair is replaced: some clients would refuse the whole answer. */
export function quote(text: string): string {
  return UNESCAPED.test(text) ? `"${text}"` : JSON.stringify(text.replace(SURROGATE, "\ufffd"));
}

export function openApplicationJson(name: string): string {
  return `{"name":${quote(name)},"instance":[`;
}

export function openApplicationsJson(versionsDelta: string, hashcode: string): string {
  return `{"applications":{"versions__delta":${quote(versionsDelta)},"apps__hashcode":${quote(hashcode)},"application":[`;
}
