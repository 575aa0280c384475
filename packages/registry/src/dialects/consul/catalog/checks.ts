/** Checks as Consul shows them: those of services, of nodes, and what tells of instances of other protocols. */
import { type Check, type Grouping, type InstanceRecord, type Status, statusOf } from "../../../core/index.ts";
import { formatDuration } from "../wire/duration.ts";
import { encodeJson } from "../wire/json.ts";
import { type Extras, extrasOf } from "./extras.ts";
import type { CheckStatus, Node, NodeCheck } from "./nodes.ts";
import { META, type Place, VIA } from "./place.ts";

export interface ShownCheck {
  readonly node: string;
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly notes: string;
  readonly output: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly serviceTags: readonly string[];
  readonly type: string;
  readonly interval: string;
  readonly timeout: string;
  readonly definition: Readonly<Record<string, unknown>>;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** Clients know these three. */
const SHOWN: Readonly<Record<Status, CheckStatus>> = {
  passing: "passing",
  warning: "warning",
  critical: "critical",
  starting: "critical",
  draining: "critical",
  unknown: "critical",
};

/** The checks of a service, in the order of their ids. */
export function checksOf(record: InstanceRecord, place: Place): readonly ShownCheck[] {
  const extras = extrasOf(record);
  const shown = record.checks.map((check) => toShown(record, place, check, extras));
  const all = isPlain(record) ? shown : [...shown, statusCheck(record, place)];
  return all.sort(compareChecks);
}

/** By node, and by their ids there. */
export function compareChecks(one: ShownCheck, other: ShownCheck): number {
  const [a, b] = [one.node.toLowerCase(), other.node.toLowerCase()];
  if (a !== b) return a < b ? -1 : 1;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

/** All that there is to say of its status is in its checks, or in those of the node where it was seen. */
function isPlain({ via, override, status, meta }: InstanceRecord): boolean {
  return via === VIA && override === null && (status === "passing" || meta[META.mirror] !== undefined);
}

function toShown(record: InstanceRecord, { node, id }: Place, check: Check, extras: Extras): ShownCheck {
  const more = extras.checks?.[check.id];
  return {
    node,
    id: check.id,
    name: check.name,
    status: SHOWN[check.status],
    notes: more?.notes ?? "",
    output: check.output,
    serviceId: id,
    serviceName: record.service,
    serviceTags: record.tags,
    type: more?.type ?? "",
    interval: check.intervalMs > 0 ? formatDuration(check.intervalMs) : "",
    timeout: check.timeoutMs > 0 ? formatDuration(check.timeoutMs) : "",
    definition: more?.definition ?? {},
    createIndex: record.createRevision,
    modifyIndex: record.modRevision,
  };
}

/** The states of a service's checks. */
export function statesOf(record: InstanceRecord): ReadonlySet<CheckStatus> {
  const states = new Set<CheckStatus>();
  for (const { status } of record.checks) states.add(SHOWN[status]);
  if (!isPlain(record)) states.add(saidOf(record));
  return states;
}

/** Instances by the states of their checks; those whose checks are all passing are in no group. */
export const BY_TROUBLE: Grouping = {
  keysOf(record) {
    if (record.checks.length === 0 && isPlain(record)) return NO_TROUBLE;
    return [...statesOf(record)].filter((state) => state !== "passing");
  },
};
const NO_TROUBLE: readonly string[] = [];

/** An override is the last word, whatever the checks say; they are shown beside it. */
function saidOf(record: InstanceRecord): CheckStatus {
  const { override, status, checks } = record;
  return SHOWN[override ?? (checks.length === 0 ? statusOf(record) : status)];
}

/** What an instance says of itself, or an operator of it, as one more check. */
function statusCheck(record: InstanceRecord, { node, id }: Place): ShownCheck {
  const { override, held, via, lease, status } = record;
  const words = [
    override === null ? `it says of itself: ${status}` : `an operator says of it: ${override}`,
    `registered through ${via}`,
    lease === null ? "without a lease" : "kept alive by a lease",
    ...(held === null ? [] : [`held since ${new Date(held.sinceMs).toISOString()}: ${held.reason}`]),
  ];
  return {
    node,
    id: via === VIA ? `status:${id}` : `service:${id}`,
    name: `Service '${record.service}' status`,
    status: saidOf(record),
    notes: "",
    output: words.join("; "),
    serviceId: id,
    serviceName: record.service,
    serviceTags: record.tags,
    type: "",
    interval: "",
    timeout: "",
    definition: {},
    createIndex: record.createRevision,
    modifyIndex: record.modRevision,
  };
}

/** In the order of their ids. */
export function nodeChecksOf(node: Node): readonly ShownCheck[] {
  return node.checks.map((check) => toNodeCheck(node, check)).sort(compareChecks);
}

function toNodeCheck(node: Node, { id, name, status, notes, output, type, definition }: NodeCheck): ShownCheck {
  return {
    node: node.name,
    id,
    name,
    status,
    notes,
    output,
    serviceId: "",
    serviceName: "",
    serviceTags: [],
    type,
    interval: "",
    timeout: "",
    definition: definition ?? {},
    createIndex: node.createIndex,
    modifyIndex: node.modifyIndex,
  };
}

const WORST: Readonly<Record<CheckStatus, number>> = { passing: 0, warning: 1, critical: 2 };

/** As Consul aggregates: the worst of them, passing when there is none. */
export function worstOf(checks: readonly Pick<ShownCheck, "status">[]): CheckStatus {
  let worst: CheckStatus = "passing";
  for (const { status } of checks) if (WORST[status] > WORST[worst]) worst = status;
  return worst;
}

export function encodeCheck(check: ShownCheck): string {
  return encodeJson({
    Node: check.node,
    CheckID: check.id,
    Name: check.name,
    Status: check.status,
    Notes: check.notes,
    Output: check.output,
    ServiceID: check.serviceId,
    ServiceName: check.serviceName,
    ServiceTags: check.serviceTags,
    Type: check.type,
    Interval: check.interval,
    Timeout: check.timeout,
    ExposedPort: 0,
    Definition: check.definition,
    CreateIndex: check.createIndex,
    ModifyIndex: check.modifyIndex,
  });
}
