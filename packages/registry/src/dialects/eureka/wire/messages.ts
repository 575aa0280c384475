/** What Eureka clients and servers say to each other, as data. Field names are the wire's own. */

/** The words for a status. */
export const STATUSES = ["UP", "DOWN", "STARTING", "OUT_OF_SERVICE", "UNKNOWN"] as const;

/** `UNKNOWN` is also what an unknown word becomes on input. */
export type EurekaStatus = (typeof STATUSES)[number];

export type ActionType = "ADDED" | "MODIFIED" | "DELETED";

export interface EurekaPort {
  readonly port: number;
  readonly enabled: boolean;
}

/** `Netflix`, `Amazon` or `MyOwn`; metadata only with Amazon. */
export interface DataCenter {
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The original's lease for a registration that says nothing of one. */
export const LEASE_DEFAULT = { renewalIntervalInSecs: 30, durationInSecs: 90 } as const;

/** Times in ms since 1970, 0 for never; the first two in seconds. */
export interface LeaseInfo {
  readonly renewalIntervalInSecs: number;
  readonly durationInSecs: number;
  readonly registrationTimestamp: number;
  readonly lastRenewalTimestamp: number;
  readonly evictionTimestamp: number;
  readonly serviceUpTimestamp: number;
}

/**
 * One instance. What a client left out is filled in on reading as the original does (`status` UP, lease 30/90 s, port 0
 * and disabled, …), except what takes the clock: that is undefined. Optional texts that were absent stay undefined
 * and are not written.
 */
export interface InstanceInfo {
  /** instanceId, else Amazon's `instance-id`, else hostName. */
  readonly instanceId: string;
  readonly hostName: string;
  /** Upper case. */
  readonly app: string;
  readonly ipAddr: string;
  readonly sid: string | undefined;
  readonly status: EurekaStatus;
  /** UNKNOWN when there is none. */
  readonly overriddenStatus: EurekaStatus;
  readonly port: EurekaPort;
  readonly securePort: EurekaPort;
  readonly countryId: number;
  /** Undefined when the client left it out: a registration without it is refused. */
  readonly dataCenterInfo: DataCenter | undefined;
  readonly leaseInfo: LeaseInfo;
  readonly metadata: Readonly<Record<string, string>>;
  readonly appGroupName: string | undefined;
  readonly homePageUrl: string | undefined;
  readonly statusPageUrl: string | undefined;
  readonly healthCheckUrl: string | undefined;
  readonly secureHealthCheckUrl: string | undefined;
  /** Comma lists. */
  readonly vipAddress: string | undefined;
  readonly secureVipAddress: string | undefined;
  readonly isCoordinatingDiscoveryServer: boolean;
  readonly lastUpdatedTimestamp: number;
  /** Undefined on input when it was left out: the server's time then. */
  readonly lastDirtyTimestamp: number | undefined;
  readonly actionType: ActionType;
  readonly asgName: string | undefined;
}

export interface Application {
  /** Upper case. */
  readonly name: string;
  readonly instances: readonly InstanceInfo[];
}

/** An answer to all, delta, vip and svip. */
export interface Applications {
  readonly versionsDelta: string;
  readonly hashcode: string;
  readonly applications: readonly Application[];
}

export type Format = "json" | "xml";

export type PeerAction = "Heartbeat" | "Register" | "Cancel" | "StatusUpdate" | "DeleteStatusOverride";

/** One line of a batch between servers. */
export interface PeerTask {
  readonly action: PeerAction;
  readonly appName: string;
  readonly id: string;
  readonly lastDirtyTimestamp: number | undefined;
  readonly overriddenStatus: EurekaStatus | undefined;
  readonly status: EurekaStatus | undefined;
  /** With Register only. */
  readonly instanceInfo: InstanceInfo | undefined;
}

export interface PeerResult {
  readonly statusCode: number;
  /** With 409: the copy that the answering server holds. */
  readonly responseEntity: InstanceInfo | undefined;
}
