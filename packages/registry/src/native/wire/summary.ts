/** Services as lists show them. */
import type { ServiceSummaryBody, StatusCounts } from "@rollcall/client";
import { type InstanceRecord, isUsable, type ServiceView, type Status, statusOf } from "../../core/index.ts";
import { toTime } from "./numbers.ts";

/** Distinct names of a service that are shown, so that an answer stays small. */
const NAMES_MAX = 100;

/** All but `consumers`: they come and go without a revision. */
export type Summary = Omit<ServiceSummaryBody, "consumers">;

/** Names with the statuses of the instances that have them. No name is one of JavaScript's own. */
class Tally {
  readonly #counts = new Map<string, StatusCounts>();

  add(name: string, status: Status): void {
    if (name === "") return;
    let counts = this.#counts.get(name);
    if (counts === undefined) {
      counts = {};
      this.#counts.set(name, counts);
    }
    counts[status] = (counts[status] ?? 0) + 1;
  }

  toBody(): Record<string, StatusCounts> {
    return toRecord([...this.#counts]);
  }
}

function toRecord<T>(pairs: readonly (readonly [string, T])[]): Record<string, T> {
  const sorted = [...pairs].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, NAMES_MAX);
  return Object.fromEntries(sorted);
}

export function toSummary(service: ServiceView, records: Iterable<InstanceRecord>): Summary {
  const statuses: StatusCounts = {};
  const heldStatuses: StatusCounts = {};
  const via = new Map<string, number>();
  const [versions, zones] = [new Tally(), new Tally()];
  const tags = new Set<string>();
  let [instances, usable, held, overrides, firstMs] = [0, 0, 0, 0, Number.POSITIVE_INFINITY];
  for (const record of records) {
    const status = statusOf(record);
    const counts = record.held === null ? statuses : heldStatuses;
    counts[status] = (counts[status] ?? 0) + 1;
    instances++;
    if (isUsable(record)) usable++;
    if (record.held !== null) held++;
    if (record.override !== null) overrides++;
    if (record.createdAtMs < firstMs) firstMs = record.createdAtMs;
    via.set(record.via, (via.get(record.via) ?? 0) + 1);
    versions.add(record.version, status);
    zones.add(record.zone, status);
    for (const tag of record.tags) tags.add(tag);
  }
  tags.delete("");
  // One that never had a usable instance has had none since its first came.
  const unusableMs = usable > 0 || instances === 0 ? 0 : service.lostAtMs || firstMs;
  return {
    service: service.name,
    revision: service.revision,
    instances,
    usable,
    statuses,
    held,
    heldStatuses,
    overrides,
    tags: [...tags].sort().slice(0, NAMES_MAX),
    via: toRecord([...via]),
    versions: versions.toBody(),
    zones: zones.toBody(),
    changedAt: service.changedAtMs === 0 ? null : toTime(service.changedAtMs),
    unusableSince: unusableMs === 0 ? null : toTime(unusableMs),
  };
}
