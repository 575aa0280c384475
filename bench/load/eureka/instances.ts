/** The instances of the group `eureka`: the same on every side, registered as Java's clients register theirs. */
import { toRequest } from "../clients/http1.ts";

/** The number of applications that they are spread over. */
const APPLICATIONS = 100;
const PORT = 8080;
const BASE = "/eureka/apps";
/** The time that an instance gives for its first registration; later ones are newer. */
export const FIRST_DIRTY_MS = 1_700_000_000_000;

export interface EurekaInstance {
  /** As it stands in paths. */
  app: string;
  id: string;
  host: string;
  address: string;
}

/** Instance `number`; the scripts of wrk make the same names. */
export function toEurekaInstance(number: number): EurekaInstance {
  const name = `app-${String(number % APPLICATIONS).padStart(3, "0")}`;
  const host = `h${number}.example.net`;
  const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
  return { app: name.toUpperCase(), id: `${host}:${name}:${PORT}`, host, address };
}

/** What may differ between instances. */
export interface Saying {
  leaseS?: number;
  /** A word in its metadata. */
  mark?: string;
  dirtyMs?: number;
}

/** A registration with all that Spring Cloud's client sends: 1 100 bytes. */
export function toRegister(number: number, saying: Saying = {}): Buffer {
  const { app, id, host, address } = toEurekaInstance(number);
  const { leaseS = 90, mark = "none", dirtyMs = FIRST_DIRTY_MS } = saying;
  const url = `http://${host}:${PORT}`;
  const instance = {
    instanceId: id,
    app,
    appGroupName: null,
    ipAddr: address,
    sid: "na",
    homePageUrl: `${url}/`,
    statusPageUrl: `${url}/actuator/info`,
    healthCheckUrl: `${url}/actuator/health`,
    secureHealthCheckUrl: null,
    vipAddress: app.toLowerCase(),
    secureVipAddress: app.toLowerCase(),
    countryId: 1,
    dataCenterInfo: { "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo", name: "MyOwn" },
    hostName: host,
    status: "UP",
    overriddenStatus: "UNKNOWN",
    leaseInfo: {
      renewalIntervalInSecs: Math.max(1, Math.floor(leaseS / 3)),
      durationInSecs: leaseS,
      registrationTimestamp: 0,
      lastRenewalTimestamp: 0,
      evictionTimestamp: 0,
      serviceUpTimestamp: 0,
    },
    isCoordinatingDiscoveryServer: false,
    lastUpdatedTimestamp: String(FIRST_DIRTY_MS),
    lastDirtyTimestamp: String(dirtyMs),
    actionType: null,
    asgName: null,
    port: { $: PORT, "@enabled": "true" },
    securePort: { $: 443, "@enabled": "false" },
    metadata: { "management.port": String(PORT), zone: "zone-a", mark },
  };
  return toRequest("POST", `${BASE}/${app}`, JSON.stringify({ instance }));
}

/** A heartbeat without anything else, as the JavaScript client sends it. */
export function toBeat(number: number): Buffer {
  const { app, id } = toEurekaInstance(number);
  return toRequest("PUT", `${BASE}/${app}/${id}`);
}

export function toCancel(number: number): Buffer {
  const { app, id } = toEurekaInstance(number);
  return toRequest("DELETE", `${BASE}/${app}/${id}`);
}

export const FETCH_ALL = toRequest("GET", `${BASE}/`, undefined, { type: "application/json" });
export const FETCH_DELTA = toRequest("GET", `${BASE}/delta`, undefined, { type: "application/json" });
/** A server that is ready answers 404, and caches nothing that is fetched later. */
export const NO_INSTANCE_PATH = `${BASE}/NONE/none`;
export const FETCH_PATH = `${BASE}/`;
