/** Statuses both ways, and which of several words about an instance is shown. Pure. */
import type { Check, InstanceRecord, Status } from "../../core/index.ts";
import type { EurekaStatus } from "./codec-model.ts";
import { META } from "./translate-meta.ts";

const FROM: Readonly<Record<EurekaStatus, Status>> = {
  UP: "passing",
  DOWN: "critical",
  STARTING: "starting",
  OUT_OF_SERVICE: "draining",
  UNKNOWN: "unknown",
};

const TO: Readonly<Record<Status, EurekaStatus>> = {
  passing: "UP",
  // There is no such word; the instance still takes requests.
  warning: "UP",
  critical: "DOWN",
  starting: "STARTING",
  draining: "OUT_OF_SERVICE",
  unknown: "UNKNOWN",
};

const SEVERITY: Readonly<Record<Status, number>> = {
  passing: 0,
  warning: 1,
  unknown: 2,
  starting: 3,
  draining: 4,
  critical: 5,
};

export function fromEurekaStatus(status: EurekaStatus): Status {
  return FROM[status];
}

export function toEurekaStatus(status: Status): EurekaStatus {
  return TO[status];
}

/** What the instance and its checks say, without any operator's word. */
export function saidStatus(record: { readonly status: Status; readonly checks: readonly Check[] }): EurekaStatus {
  let worst = record.status;
  for (const check of record.checks) if (SEVERITY[check.status] > SEVERITY[worst]) worst = check.status;
  return TO[worst];
}

/** The operator's word; UNKNOWN when there is none. UP is kept beside the catalog's own override: see `applyUp`. */
export function overrideOf(record: InstanceRecord): EurekaStatus {
  if (record.override !== null) return TO[record.override];
  return record.meta[META.overriddenStatus] === "UP" ? "UP" : "UNKNOWN";
}

/**
 * The status shown. An instance that says DOWN, STARTING or UNKNOWN is believed; between UP and OUT_OF_SERVICE the
 * operator has the last word.
 */
export function shownStatus(record: InstanceRecord): EurekaStatus {
  const said = saidStatus(record);
  if (said !== "UP" && said !== "OUT_OF_SERVICE") return said;
  const override = overrideOf(record);
  return override === "UNKNOWN" ? said : override;
}

/**
 * The status to store for what a client says. The operator's UP turns a client's OUT_OF_SERVICE around, and nothing
 * else: as an override of the catalog it would hide a client's later DOWN from everybody.
 */
export function applyUp(said: EurekaStatus, override: EurekaStatus): EurekaStatus {
  return override === "UP" && said === "OUT_OF_SERVICE" ? "UP" : said;
}
