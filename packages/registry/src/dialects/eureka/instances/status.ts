/** Statuses both ways, and which of several words about an instance is shown. */
import { type InstanceRecord, type Status, statusOf } from "../../../core/index.ts";
import type { EurekaStatus } from "../wire/messages.ts";
import { META } from "./meta.ts";

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

export function fromEurekaStatus(status: EurekaStatus): Status {
  return FROM[status];
}

export function toEurekaStatus(status: Status): EurekaStatus {
  return TO[status];
}

/** What the instance and its checks say, without any operator's word. */
export function saidStatus(record: InstanceRecord): EurekaStatus {
  return toEurekaStatus(statusOf(record.override === null ? record : { ...record, override: null }));
}

/** The operator's word; UNKNOWN when there is none. UP is kept beside the catalog's own override: see `applyUp`. */
export function overrideOf(record: InstanceRecord): EurekaStatus {
  if (record.override !== null) return toEurekaStatus(record.override);
  return hasUp(record) ? "UP" : "UNKNOWN";
}

/** True when an operator said something that holds. */
export function isOverridden(record: InstanceRecord): boolean {
  return record.override !== null || hasUp(record);
}

function hasUp(record: InstanceRecord): boolean {
  return record.meta[META.overriddenStatus] === "UP";
}

/** The status shown. It is the one that every other protocol shows. */
export function shownStatus(record: InstanceRecord): EurekaStatus {
  const shown = toEurekaStatus(statusOf(record));
  return record.override === null && hasUp(record) ? applyUp(shown, "UP") : shown;
}

/**
 * The status to store for what a client says. The operator's UP turns a client's OUT_OF_SERVICE around, and nothing
 * else: as an override of the catalog it would hide a client's later DOWN from everybody.
 */
export function applyUp(said: EurekaStatus, override: EurekaStatus): EurekaStatus {
  return override === "UP" && said === "OUT_OF_SERVICE" ? "UP" : said;
}
