/** Services: add, renew, show, remove, list; regions and environments. */
import {
  type Account,
  type InstanceRecord,
  type Outcome,
  ok,
  type Receipt,
  refuse,
  type View,
} from "../../core/index.ts";
import type { Answer, Desk } from "./desk.ts";
import {
  chooseService,
  clampTtl,
  type End,
  environmentOf,
  isFindable,
  refuseAnnounced,
  toAdd,
  toBody,
  toRemember,
  toRemove,
} from "./instances.ts";
import { select, splitPattern } from "./names/labels.ts";
import { EXISTS, NOT_EXISTS, toWord } from "./refusals.ts";
import { encodeCounts, encodeJson, type ServiceBody } from "./wire/answer.ts";
import { decodeService } from "./wire/bodies.ts";

const MISSING: Answer = { kind: "word", status: 404, text: NOT_EXISTS };

export async function addService(desk: Desk, account: Account, uuid: string, bytes: string): Promise<Answer> {
  const decoded = decodeService(bytes);
  if (!decoded.ok) return { kind: "word", status: 500, text: decoded.detail };
  const wrong = refuseAnnounced(decoded.value);
  if (wrong !== undefined) return { kind: "word", status: 400, text: wrong };
  const outcome = await desk.registry.propose(account, toAdd(uuid, decoded.value));
  if (!outcome.ok) return { kind: "word", ...toWord(outcome) };
  if (!hasSucceeded(outcome.value)) return { kind: "word", status: 409, text: EXISTS };
  return { kind: "empty", status: 201 };
}

function hasSucceeded({ result }: Receipt): boolean {
  return result.kind === "when" && result.succeeded;
}

function find(desk: Desk, account: Account, uuid: string): InstanceRecord | undefined {
  return desk.registry.read((view) => chooseService(view.instancesById(account, uuid)));
}

/** At most so often is a change decided again because another one came in between. */
const TRIES_MAX = 100;

/** The same TTL is a heartbeat: nothing is written. Another one changes the lease first. */
export async function updateService(desk: Desk, account: Account, uuid: string, bytes: string): Promise<Answer> {
  const decoded = decodeService(bytes);
  if (!decoded.ok) return { kind: "word", status: 500, text: decoded.detail };
  const ttlS = clampTtl(decoded.value.TTL);
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const record = find(desk, account, uuid);
    if (record === undefined) return MISSING;
    const outcome =
      record.lease === null ? await remember(desk, account, record, ttlS) : await renew(desk, account, record, ttlS);
    if (outcome === null) continue;
    return outcome.ok ? { kind: "empty", status: 200 } : { kind: "word", ...toWord(outcome) };
  }
  return { kind: "word", status: 503, text: "the service changed too often" };
}

/** Null: it changed in between. */
type Tried = Outcome<unknown> | null;

async function renew(desk: Desk, account: Account, record: InstanceRecord, ttlS: number): Promise<Tried> {
  const { registry } = desk;
  const id = record.lease as string;
  const lease = registry.read((view) => view.lease(account, id));
  if (lease === undefined) return null;
  // A lease that others live by as well is not this client's to keep, nor to change.
  if (!lease.own) return refuse("conflict", "the service shares its lease with others");
  const ttlMs = ttlS * 1000;
  if (lease.ttlMs !== ttlMs) {
    const changed = await registry.propose(account, {
      kind: "when",
      guards: [{ on: "instance-mod", instance: record, revision: record.modRevision }],
      then: [{ kind: "grant", lease: id, ttlMs, via: lease.via }],
      otherwise: [],
    });
    if (!changed.ok) return changed;
    if (!hasSucceeded(changed.value)) return null;
  }
  const renewed = await registry.renew(account, id);
  return !renewed.ok && renewed.refusal === "not-found" ? null : renewed;
}

async function remember(desk: Desk, account: Account, record: InstanceRecord, ttlS: number): Promise<Tried> {
  const command = toRemember(record, ttlS);
  if (command === undefined) return ok(true);
  const outcome = await desk.registry.propose(account, command);
  return outcome.ok && !hasSucceeded(outcome.value) ? null : outcome;
}

export async function removeService(desk: Desk, account: Account, uuid: string): Promise<Answer> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const record = find(desk, account, uuid);
    if (record === undefined) return MISSING;
    const outcome = await desk.registry.propose(account, toRemove(record));
    if (!outcome.ok) return { kind: "word", ...toWord(outcome) };
    if (hasSucceeded(outcome.value)) return { kind: "empty", status: 200 };
  }
  return { kind: "word", status: 503, text: "the service changed too often" };
}

export function getService(desk: Desk, account: Account, uuid: string): Answer {
  const body = desk.registry.read((view) => {
    const record = chooseService(view.instancesById(account, uuid));
    return record && showService(desk, view, account, record);
  });
  return body === undefined ? MISSING : { kind: "text", text: `${encodeJson(body)}\n` };
}

/** A service with what is left of its time. */
export function showService(desk: Desk, view: View, account: Account, record: InstanceRecord): ServiceBody {
  const { clock, settings } = desk;
  return toBody(record, endOf(desk, view, account, record), settings.environment, clock.now());
}

function endOf({ registry, clock }: Desk, view: View, account: Account, record: InstanceRecord): End {
  const lease = record.lease === null ? undefined : view.lease(account, record.lease);
  if (lease === undefined) return { kind: "never" };
  const deadlineMs = registry.pulse(account, lease.id)?.deadlineMs ?? clock.now() + lease.ttlMs;
  return { kind: "lease", ttlMs: lease.ttlMs, deadlineMs };
}

/** Services that somebody who looks for one may use. What is written is seen at one revision, however long it is. */
export function listServices(desk: Desk, account: Account, query: string): Answer {
  const { registry, settings } = desk;
  const records = registry.read((view) => {
    const owner = view.account(account);
    const labels = splitPattern(query);
    const found =
      owner === undefined ? [] : select(owner, labels, settings.environment, Number.MAX_SAFE_INTEGER).records;
    return found.filter(isFindable);
  });
  if (records.length === 0) return MISSING;
  return { kind: "pieces", pieces: encodeList(desk, account, records) };
}

/** So many at a time: nobody else waits for a long list. */
const PIECE_SERVICES = 500;

function* encodeList(desk: Desk, account: Account, records: readonly InstanceRecord[]): Iterable<string> {
  for (let from = 0; from < records.length; from += PIECE_SERVICES) {
    const slice = records.slice(from, from + PIECE_SERVICES);
    const bodies = desk.registry.read((view) =>
      slice.map((record) => encodeJson(showService(desk, view, account, record))),
    );
    const end = from + PIECE_SERVICES >= records.length ? "]\n" : "";
    yield `${from === 0 ? "[" : ","}${bodies.join(",")}${end}`;
  }
}

export function countRegions(desk: Desk, account: Account): Answer {
  return countBy(desk, account, (record) => record.zone);
}

export function countEnvironments(desk: Desk, account: Account): Answer {
  return countBy(desk, account, (record) => environmentOf(record, desk.settings.environment));
}

function countBy(desk: Desk, account: Account, nameOf: (record: InstanceRecord) => string): Answer {
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
  return { kind: "text", text: counts.size === 0 ? "{}" : `${encodeCounts(counts)}\n` };
}
