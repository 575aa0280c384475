/** A service as lists show it, and how commits change it: no instances are kept. */
import type { ChangeBody, CommitBody, InstanceBody, ServiceSummaryBody, Status } from "@rollcall/client";
import { type Counts, isUsable, type Look, lookOf } from "./status.ts";

/** How often each name is there. */
export type Tally = Readonly<Record<string, number>>;

export interface Summary {
  readonly service: string;
  readonly revision: number;
  readonly all: number;
  readonly usable: number;
  /** Of the usable ones, how many are held. */
  readonly counts: Counts;
  readonly zones: Tally;
  /** How many instances of each zone are not usable, or held. */
  readonly zoneTrouble: Tally;
  readonly versions: Tally;
  /** By dialect. */
  readonly via: Tally;
  readonly tags: readonly string[];
  readonly overrides: number;
  readonly consumers: number;
  readonly changedAt: string | null;
  readonly unusableSince: string | null;
  /** The last one that went, when none is left. */
  readonly lost: { readonly id: string; readonly at: string; readonly cause: string; readonly reason: string } | null;
}

export function toSummary(body: ServiceSummaryBody): Summary {
  const { service, revision, usable, statuses, held, via, tags, overrides, consumers, changedAt, unusableSince } = body;
  return {
    service,
    revision,
    all: body.instances,
    usable,
    counts: held > 0 ? { ...statuses, held } : statuses,
    zones: toTally(body.zones),
    zoneTrouble: toTrouble(body.zones),
    versions: toTally(body.versions),
    via,
    tags,
    overrides,
    consumers,
    changedAt,
    unusableSince,
    lost: null,
  };
}

type ByStatus = Readonly<Record<string, Readonly<Partial<Record<Status, number>>>>>;

function toTally(names: ByStatus): Tally {
  const sum = (counts: ByStatus[string]) => Object.values(counts).reduce((all, one) => all + one, 0);
  return Object.fromEntries(Object.entries(names).map(([name, counts]) => [name, sum(counts)]));
}

function toTrouble(zones: ByStatus): Tally {
  const sums = Object.entries(zones).map(
    ([zone, { critical = 0, warning = 0, unknown = 0 }]) => [zone, critical + warning + unknown] as const,
  );
  return Object.fromEntries(sums.filter(([, sum]) => sum > 0));
}

function isInTrouble({ status, held }: InstanceBody): boolean {
  return held !== null || status === "critical" || status === "warning" || status === "unknown";
}

function emptySummary(service: string): Summary {
  return {
    service,
    revision: 0,
    all: 0,
    usable: 0,
    counts: {},
    zones: {},
    zoneTrouble: {},
    versions: {},
    via: {},
    tags: [],
    overrides: 0,
    consumers: 0,
    changedAt: null,
    unusableSince: null,
    lost: null,
  };
}

/** Folds a commit into the services, in place; answers those that are different now. */
export function foldCommit(services: Map<string, Summary>, commit: CommitBody): Set<string> {
  const changed = new Set<string>();
  for (const change of commit.changes) {
    if (change.kind !== "instance") continue;
    const former = services.get(change.service) ?? emptySummary(change.service);
    // What the list was read with is not counted twice.
    if (commit.revision < former.revision || (commit.revision === former.revision && !changed.has(change.service)))
      continue;
    services.set(change.service, foldChange(former, change, commit));
    changed.add(change.service);
  }
  return changed;
}

function foldChange(former: Summary, change: ChangeBody & { kind: "instance" }, { revision, at }: CommitBody): Summary {
  const { before, after } = change;
  const steps: readonly (readonly [InstanceBody, 1 | -1])[] = [
    ...(before === null ? [] : [[before, -1] as const]),
    ...(after === null ? [] : [[after, 1] as const]),
  ];
  let { all, usable, counts, zones, zoneTrouble, versions, via, overrides, tags } = former;
  for (const [record, by] of steps) {
    all += by;
    if (isUsable(record)) usable += by;
    if (record.override !== null) overrides += by;
    counts = bump(counts, lookOf(record), by) as Counts;
    if (record.zone !== "") zones = bump(zones, record.zone, by);
    if (record.zone !== "" && isInTrouble(record)) zoneTrouble = bump(zoneTrouble, record.zone, by);
    if (record.version !== "") versions = bump(versions, record.version, by);
    via = bump(via, record.via, by);
    if (by === 1 && record.tags.some((tag) => !tags.includes(tag))) tags = [...new Set([...tags, ...record.tags])];
  }
  const { id, cause, reason } = change;
  return {
    ...former,
    revision,
    all: Math.max(0, all),
    usable: Math.max(0, usable),
    counts,
    zones,
    zoneTrouble,
    versions,
    via,
    tags,
    overrides: Math.max(0, overrides),
    changedAt: at,
    unusableSince: usable > 0 ? null : (former.unusableSince ?? at),
    lost: all > 0 ? null : { id, at, cause, reason },
  };
}

/** A name that comes to none goes. */
function bump(tally: Tally | Counts, name: string | Look, by: 1 | -1): Tally {
  const all = tally as Tally;
  const value = (all[name] ?? 0) + by;
  if (value > 0) return { ...all, [name]: value };
  const { [name]: _, ...rest } = all;
  return rest;
}

/** The same of instances at hand. */
export function toSummaryOf(service: string, instances: readonly InstanceBody[]): Summary {
  const services = new Map<string, Summary>();
  const changes = instances.map((after) => ({
    kind: "instance" as const,
    cause: "registered" as const,
    service,
    id: after.id,
    reason: "",
    before: null,
    after,
  }));
  foldCommit(services, { revision: 1, at: "", account: "", by: null, changes });
  return services.get(service) ?? emptySummary(service);
}
