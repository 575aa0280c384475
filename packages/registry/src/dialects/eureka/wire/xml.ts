/** Eureka's XML, with the names and escapes of the library that the original writes it with (XStream). */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { buildApplications, buildInstance, type ReadRegistry, toInt } from "./info.ts";
import type { DataCenter, InstanceInfo } from "./messages.ts";
import { EMPTY_MAP, type Tree, VALUES_MAX } from "./tree.ts";
import { scanXml } from "./xml-scan.ts";
import { escapeText, toElementName } from "./xml-text.ts";

export function readInstanceXml(body: Buffer): Outcome<InstanceInfo> {
  const read = readRoot(body, "instance", VALUES_MAX.instance);
  return read.ok ? buildInstance(read.value) : read;
}

export function readApplicationsXml(body: Buffer): Outcome<ReadRegistry> {
  const read = readRoot(body, "applications", VALUES_MAX.registry);
  return read.ok ? buildApplications(read.value) : read;
}

function readRoot(body: Buffer, root: string, elementsMax: number): Outcome<Tree> {
  const scanned = scanXml(body, elementsMax);
  if (!scanned.ok) return scanned;
  const { tree } = scanned.value;
  if (scanned.value.root !== root) return refuse("invalid", `the root is not ${root}`);
  // An element without children is a text: an empty branch here.
  return ok(typeof tree === "string" ? new Map() : tree);
}

export function writeInstanceXml(info: InstanceInfo): string {
  let xml = `<instance>${element("instanceId", info.instanceId)}${element("hostName", info.hostName)}`;
  xml += element("app", info.app) + element("ipAddr", info.ipAddr) + element("sid", info.sid);
  xml += `<status>${info.status}</status><overriddenstatus>${info.overriddenStatus}</overriddenstatus>`;
  xml += `<port enabled="${info.port.enabled}">${toInt(info.port.port)}</port>`;
  xml += `<securePort enabled="${info.securePort.enabled}">${toInt(info.securePort.port)}</securePort>`;
  xml += `<countryId>${toInt(info.countryId)}</countryId>`;
  if (info.dataCenterInfo !== undefined) xml += writeDataCenter(info.dataCenterInfo);
  const lease = info.leaseInfo;
  xml += `<leaseInfo><renewalIntervalInSecs>${toInt(lease.renewalIntervalInSecs)}</renewalIntervalInSecs>`;
  xml += `<durationInSecs>${toInt(lease.durationInSecs)}</durationInSecs>`;
  xml += `<registrationTimestamp>${lease.registrationTimestamp}</registrationTimestamp>`;
  xml += `<lastRenewalTimestamp>${lease.lastRenewalTimestamp}</lastRenewalTimestamp>`;
  xml += `<evictionTimestamp>${lease.evictionTimestamp}</evictionTimestamp>`;
  xml += `<serviceUpTimestamp>${lease.serviceUpTimestamp}</serviceUpTimestamp></leaseInfo>`;
  xml += writeTexts(info.metadata);
  xml += element("appGroupName", info.appGroupName) + element("homePageUrl", info.homePageUrl);
  xml += element("statusPageUrl", info.statusPageUrl) + element("healthCheckUrl", info.healthCheckUrl);
  xml += element("secureHealthCheckUrl", info.secureHealthCheckUrl) + element("vipAddress", info.vipAddress);
  xml += element("secureVipAddress", info.secureVipAddress);
  xml += `<isCoordinatingDiscoveryServer>${info.isCoordinatingDiscoveryServer}</isCoordinatingDiscoveryServer>`;
  xml += `<lastUpdatedTimestamp>${info.lastUpdatedTimestamp}</lastUpdatedTimestamp>`;
  if (info.lastDirtyTimestamp !== undefined)
    xml += `<lastDirtyTimestamp>${info.lastDirtyTimestamp}</lastDirtyTimestamp>`;
  return `${xml}<actionType>${info.actionType}</actionType>${element("asgName", info.asgName)}</instance>`;
}

function element(name: string, value: string | undefined): string {
  return value === undefined ? "" : `<${name}>${escapeText(value)}</${name}>`;
}

/** Java's clients make the class that is named here: there are these two and no others. */
function writeDataCenter({ name, metadata }: DataCenter): string {
  if (name === "Amazon")
    return `<dataCenterInfo class="com.netflix.appinfo.AmazonInfo"><name>Amazon</name>${writeTexts(metadata)}</dataCenterInfo>`;
  const shown = name === "Netflix" ? name : "MyOwn";
  return `<dataCenterInfo class="com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"><name>${shown}</name></dataCenterInfo>`;
}

/** No element can have the empty key. */
function writeTexts(texts: Readonly<Record<string, string>>): string {
  let xml = "";
  for (const key in texts) {
    if (key === "") continue;
    const name = toElementName(key);
    xml += `<${name}>${escapeText(texts[key] as string)}</${name}>`;
  }
  return xml === "" ? `<metadata class="${EMPTY_MAP}"/>` : `<metadata>${xml}</metadata>`;
}

export function openApplicationXml(name: string): string {
  return `<application><name>${escapeText(name)}</name>`;
}

export function openApplicationsXml(versionsDelta: string, hashcode: string): string {
  return `<applications><versions__delta>${escapeText(versionsDelta)}</versions__delta><apps__hashcode>${escapeText(hashcode)}</apps__hashcode>`;
}
