/** @live Services: add, renew, show, remove, list; regions and environments. */
import {
  type Account,
  byPlan,
  type InstanceRecord,
  isTimeless,
  type Outcome,
  refuse,
  succeeded,
  type View,
} from "../../core/index.ts";
import { listParts } from "../../net/answers/parts.ts";
import { parseQuery } from "../../net/http/query.ts";
import type { Answer } from "../../net/routes/answer.ts";
import { type Heard, hear, whenHeard } from "../../net/routes/heard.ts";
import type { Call, Desk, Handle } from "./desk.ts";
import {
  chooseService,
  clampTtl,
  type End,
  environmentOf,
  isFindable,
  MISSING,
  REMOVE,
  refuseAnnounced,
  toAdd,
  toBody,
  UPDATE,
} from "./instances.ts";
import { ANY, BY_LABEL, select, splitPattern } from "./names/labels.ts";
import { EXISTS } from "./refusals.ts";
import { empty, encodeCounts, encodeJson, line, type ServiceBody, text } from "./wire/answer.ts";
import { decodeService } from "./wire/bodies.ts";

export const addService: Handle = async (desk, { account, uuid, bytes }) => {
  const decoded = decodeService(bytes);
  if (!decoded.ok) return line(500, decoded.detail);
  const wrong = refuseAnnounced(decoded.value);
  if (wrong !== undefined) return refuse("invalid", wrong);
  const outcome = await desk.registry.propose(account, toAdd(uuid, decoded.value));
  if (!outcome.ok) return outcome;
  return succeeded(outcome.value) ? empty(201) : refuse("exists", EXISTS);
};

export const updateService: Handle = async (desk, { account, uuid, bytes }) => {
  const decoded = decodeService(bytes);
  if (!decoded.ok) return line(500, decoded.detail);
  const ttlS = clampTtl(decoded.value.TTL);
  const renewed = await renew(desk, account, uuid, ttlS * 1000);
  const outcome = renewed ?? (await desk.registry.propose(account, byPlan(UPDATE, { uuid, ttlS })));
  return outcome.ok ? empty(200) : outcome;
};

/** The same TTL again is a heartbeat like others. Undefined where more is to be decided. */
async function renew(
  { registry }: Desk,
  account: Account,
  uuid: string,
  ttlMs: number,
): Promise<Outcome<unknown> | undefined> {
  const lease = registry.read((view) => {
    const record = chooseService(view.instancesById(account, uuid));
    return record?.lease == null ? undefined : view.lease(account, record.lease);
  });
  if (lease === undefined || !lease.own || lease.ttlMs !== ttlMs) return undefined;
  const renewed = await registry.renew(account, lease.id);
  return !renewed.ok && renewed.refusal === "not-found" ? undefined : renewed;
}

export const removeService: Handle = async ({ registry }, { account, uuid }) => {
  const outcome = await registry.propose(account, byPlan(REMOVE, uuid));
  return outcome.ok ? empty(200) : outcome;
};

export const getService: Handle = (desk, { account, uuid }) => {
  const { registry } = desk;
  const record = registry.read((view) => chooseService(view.instancesById(account, uuid)));
  if (record === undefined) return MISSING;
  return whenHeard(hearOf(desk, account, [record]), (heard) =>
    text(`${encodeJson(registry.read((view) => showService(desk, view, account, record, heard)))}\n`),
  );
};

/** Of the leases of these services. */
export function hearOf(
  { registry }: Desk,
  account: Account,
  records: readonly InstanceRecord[],
): Heard | Promise<Heard> {
  return hear(
    registry,
    account,
    records.flatMap(({ lease }) => lease ?? []),
  );
}

/** A service with what is left of its time. */
export function showService(
  { clock, settings }: Desk,
  view: View,
  account: Account,
  record: InstanceRecord,
  heard: Heard,
): ServiceBody {
  return toBody(record, endOf(clock.now(), view, account, record, heard), settings.environment, clock.now());
}

function endOf(nowMs: number, view: View, account: Account, record: InstanceRecord, heard: Heard): End {
  const lease = record.lease === null ? undefined : view.lease(account, record.lease);
  if (lease === undefined || isTimeless(lease)) return { kind: "never" };
  // A held one has no time left that it could count on.
  const deadlineMs = lease.held === null ? (heard(lease.id)?.deadlineMs ?? nowMs + lease.ttlMs) : nowMs;
  return { kind: "lease", ttlMs: lease.ttlMs, deadlineMs };
}

/** Services that clients may use. All of them are seen at one revision, however long the list is. */
export const listServices: Handle = async (desk, { request, account }) => {
  const { registry, settings } = desk;
  const labels = splitPattern(patternIn(request.search));
  if (labels.some((label) => label !== ANY)) await registry.group(BY_LABEL);
  const records = registry.read((view) => {
    const owner = view.account(account);
    const found =
      owner === undefined ? [] : select(owner, labels, settings.environment, Number.MAX_SAFE_INTEGER).records;
    return found.filter(isFindable);
  });
  if (records.length === 0) return MISSING;
  return whenHeard(hearOf(desk, account, records), (heard) =>
    text(listParts("[", encodeEach(desk, account, records, heard), "]\n")),
  );
};

/** Go leaves out what it cannot decode; without a pattern all are meant. */
export function patternIn(search: string): string {
  const query = parseQuery(search);
  return (query.ok && query.value.get("query")) || "*";
}

/** With what is left of their time when they are written. */
function* encodeEach(desk: Desk, account: Account, records: readonly InstanceRecord[], heard: Heard): Iterable<string> {
  for (const record of records)
    yield desk.registry.read((view) => encodeJson(showService(desk, view, account, record, heard)));
}

export const countRegions: Handle = (desk, call) => countBy(desk, call, (record) => record.zone);

export const countEnvironments: Handle = (desk, call) =>
  countBy(desk, call, (record) => environmentOf(record, desk.settings.environment));

function countBy(desk: Desk, { account }: Call, nameOf: (record: InstanceRecord) => string): Answer {
  const counts = desk.registry.read((view) => {
    const found = new Map<string, number>();
    for (const service of view.account(account)?.services() ?? []) {
      for (const record of service.instances.values()) {
        if (isFindable(record)) found.set(nameOf(record), (found.get(nameOf(record)) ?? 0) + 1);
      }
    }
    return found;
  });
  // The original ends the line only where there is something on it.
  return text(counts.size === 0 ? "{}" : encodeCounts(counts));
}
