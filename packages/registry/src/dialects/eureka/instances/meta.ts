/** The keys of an instance's meta for what Eureka knows and the catalog has no field for. */
import { setText } from "../wire/tree.ts";

/** Keys of this dialect begin with it. A client's own keys that do are kept behind `OWN`. */
const PREFIX = "eureka.";

export const META = {
  hostName: "eureka.hostName",
  /** `<number>,<enabled>` where `ports` cannot say it. */
  port: "eureka.port",
  securePort: "eureka.securePort",
  vip: "eureka.vip",
  secureVip: "eureka.secureVip",
  homePageUrl: "eureka.homePageUrl",
  statusPageUrl: "eureka.statusPageUrl",
  healthCheckUrl: "eureka.healthCheckUrl",
  secureHealthCheckUrl: "eureka.secureHealthCheckUrl",
  appGroupName: "eureka.appGroupName",
  asgName: "eureka.asgName",
  sid: "eureka.sid",
  countryId: "eureka.countryId",
  dataCenter: "eureka.dataCenter",
  renewalInterval: "eureka.renewalIntervalInSecs",
  coordinating: "eureka.coordinating",
  lastDirtyTimestamp: "eureka.lastDirtyTimestamp",
  serviceUpTimestamp: "eureka.serviceUpTimestamp",
  overriddenStatus: "eureka.overriddenStatus",
} as const;

/** Before the keys of Amazon's metadata. */
const DATA_CENTER = "eureka.dc.";
/** Before a client's own keys that begin as ours do. */
const OWN = "eureka.meta.";

/** A client's metadata as it is kept. */
export function keepMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const key in metadata) setText(kept, key.startsWith(PREFIX) ? OWN + key : key, metadata[key] as string);
  return kept;
}

/** A client's metadata as it was sent. */
export function showMetadata(meta: Readonly<Record<string, string>>): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const key in meta) {
    const value = meta[key] as string;
    if (!key.startsWith(PREFIX)) setText(shown, key, value);
    else if (key.startsWith(OWN)) setText(shown, key.slice(OWN.length), value);
  }
  return shown;
}

export function keepDataCenter(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const key in metadata) kept[DATA_CENTER + key] = metadata[key] as string;
  return kept;
}

export function showDataCenter(meta: Readonly<Record<string, string>>): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const key in meta)
    if (key.startsWith(DATA_CENTER)) setText(shown, key.slice(DATA_CENTER.length), meta[key] as string);
  return shown;
}
