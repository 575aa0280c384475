/** @live Handlers of leases: grant, look, renew one or many, end; and of those that protection holds. */
import type { LeaseBody } from "@rollcall/client";
import {
  type AccountView,
  type Command,
  fromBytes,
  type InstanceRecord,
  isReserved,
  type KeyRecord,
  type LeaseRecord,
  LIMITS,
  type Pulse,
  type Refused,
  refuse,
  sizeOf,
} from "../../../core/index.ts";
import { grant } from "../../../native/leases/grant.ts";
import { Fields, LEASE_LENGTH_MAX } from "../../../native/wire/fields.ts";
import { toTtl } from "../../../native/wire/numbers.ts";
import { toLeaseBody } from "../../../native/wire/records.ts";
import { isHiddenLease } from "../../../native/wire/reserved.ts";
import { listParts } from "../../../net/answers/parts.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeList, PAGE_BYTES_MAX, toBeat, toJson, toJsonBody, toRevised } from "../answers.ts";
import { type Exchange, signed, signing } from "../desk.ts";
import { decodePage, type Page } from "../wire/query.ts";

export const RENEWALS_MAX = 10_000;

/** POST …/leases */
export async function grantLease(exchange: Exchange): Promise<Result> {
  const granted = await grant(signing(exchange), exchange.account, exchange.json, "http");
  if (!granted.ok) return granted;
  const { created, ...body } = granted.value;
  return toJson(body, created ? 201 : 200);
}

function refuseMissing(lease: string): Refused {
  return refuse("not-found", `there is no lease ${lease}`);
}

function toBody({ desk, account }: Exchange, lease: LeaseRecord, pulse: Pulse | undefined): LeaseBody {
  return toLeaseBody(lease, pulse, desk.registry.keptBy(account, lease.id));
}

/** GET …/leases/:lease, with what it keeps alive. */
export async function getLease(exchange: Exchange): Promise<Result> {
  const { desk, account, params } = exchange;
  const id = params[0] as string;
  const [pulse] = await desk.registry.pulses(account, [id]);
  return desk.registry.read((view): Result => {
    const lease = isHiddenLease(id) ? undefined : view.lease(account, id);
    if (lease === undefined) return refuseMissing(id);
    const { instances, keys } = view.members(account, id);
    return toJsonBody(encodeLease(toBody(exchange, lease, pulse), instances, keys));
  });
}

function* encodeLease(body: LeaseBody, instances: readonly InstanceRecord[], keys: readonly KeyRecord[]) {
  yield* listParts(`${JSON.stringify(body).slice(0, -1)},"instances":[`, toNames(instances), "]");
  yield* listParts(',"keys":[', toKeyNames(keys), "]}\n");
}

function* toNames(instances: readonly InstanceRecord[]): Iterable<string> {
  for (const { service, id } of instances) yield JSON.stringify({ service, id });
}

function* toKeyNames(keys: readonly KeyRecord[]): Iterable<string | undefined> {
  for (const { key } of keys) yield isReserved(key) ? undefined : JSON.stringify(fromBytes(key));
}

/** GET …/leases, sorted by id. */
export function listLeases(exchange: Exchange): Promise<Result> {
  return listWhere(exchange, () => true);
}

/** GET …/held */
export function listHeld(exchange: Exchange): Promise<Result> {
  return listWhere(exchange, (lease) => lease.held !== null);
}

async function listWhere(exchange: Exchange, wanted: (lease: LeaseRecord) => boolean): Promise<Result> {
  const { desk, account, query } = exchange;
  const page = decodePage(query);
  if (!page.ok) return page;
  const { leases, next, revision } = desk.registry.read((view) => ({
    ...pageLeases(view.account(account), page.value, wanted),
    revision: view.revision,
  }));
  const pulses = await desk.registry.pulses(
    account,
    leases.map(({ id }) => id),
  );
  return toJsonBody(encodeList({ revision }, "leases", toBodies(exchange, leases, pulses), { next }));
}

function* toBodies(
  exchange: Exchange,
  leases: readonly LeaseRecord[],
  pulses: readonly (Pulse | undefined)[],
): Iterable<LeaseBody> {
  for (const [nth, lease] of leases.entries()) yield toBody(exchange, lease, pulses[nth]);
}

/** The first `limit` leases from `from` on, by id. The account keeps its leases in no order. */
function pageLeases(account: AccountView | undefined, { from, limit }: Page, wanted: (lease: LeaseRecord) => boolean) {
  let found: LeaseRecord[] = [];
  let bound: string | undefined;
  const most = limit + 1;
  const cut = (): void => {
    found.sort((a, b) => (a.id < b.id ? -1 : 1));
    if (found.length > most) found = found.slice(0, most);
    if (found.length === most) bound = found.at(-1)?.id;
  };
  for (const lease of account?.leases() ?? []) {
    if (lease.id < from || (bound !== undefined && lease.id >= bound)) continue;
    if (isHiddenLease(lease.id) || !wanted(lease)) continue;
    found.push(lease);
    // Sorting now and then keeps the candidates few without sorting all.
    if (found.length >= most * 4) cut();
  }
  cut();
  let fits = 0;
  for (let bytes = 0; fits < Math.min(limit, found.length) && bytes < PAGE_BYTES_MAX; fits++)
    bytes += sizeOf(found[fits] as LeaseRecord);
  return { leases: found.slice(0, fits), next: found[fits]?.id ?? null };
}

/** POST …/leases/:lease/renew */
export function renewLease(exchange: Exchange): Promise<Result> {
  const { desk, account, params } = exchange;
  return desk.registry.renew(account, params[0] as string).then((outcome) => {
    if (outcome.ok) return toBeat(toTtl(outcome.value.ttlMs));
    else return outcome;
  });
}

const RENEW_FIELDS: ReadonlySet<string> = new Set(["leases"]);

/** POST …/leases/renew: many heartbeats in one request. */
export function renewLeases(exchange: Exchange): Result | Promise<Result> {
  const { desk, account } = exchange;
  const fields = new Fields(exchange.json, RENEW_FIELDS);
  fields.need("leases");
  const leases = fields.texts("leases", RENEWALS_MAX, LEASE_LENGTH_MAX);
  if (fields.fault !== undefined) return fields.fault;
  return desk.registry.renewMany(account, leases).then((ttls) => {
    const missing = leases.filter((_, i) => ttls[i] === 0);
    const unreached = leases.filter((_, i) => (ttls[i] as number) < 0);
    const renewed = leases.length - missing.length - unreached.length;
    return toJson({ renewed, missing, ...(unreached.length > 0 && { unreached }) });
  });
}

/** DELETE …/leases/:lease: what it keeps alive goes with it. */
export async function endLease(exchange: Exchange): Promise<Result> {
  const { desk, account, params } = exchange;
  const lease = params[0] as string;
  if (isHiddenLease(lease)) return refuseMissing(lease);
  return toRevised(await desk.registry.propose(account, signed(exchange, { kind: "end", lease, cause: "closed" })));
}

const RELEASE_FIELDS: ReadonlySet<string> = new Set(["leases", "service"]);

const ENDED_AT_ONCE = 300;

/**
 * POST …/held/release: lets go now what is named, or all. They end as expired, which they long are: merely to take the
 * mark away would give each a new ttl, after which protection would hold them again.
 */
export async function releaseHeld(exchange: Exchange): Promise<Result> {
  const { desk, account } = exchange;
  const fields = new Fields(exchange.json ?? {}, RELEASE_FIELDS);
  const named = fields.has("leases") ? fields.texts("leases", RENEWALS_MAX, LEASE_LENGTH_MAX) : undefined;
  const service = fields.has("service") ? fields.text("service", "", LIMITS.nameLengthMax) : undefined;
  if (named !== undefined && service !== undefined) fields.fail("give leases or a service, not both");
  if (fields.fault !== undefined) return fields.fault;
  const { held, missing } = desk.registry.read((view) => findHeld(view.account(account), named, service));
  if (held.length === 0 && missing.length > 0) return refuse("not-found", `lease ${missing[0]} is not held`);
  if (held.length === 0 && service !== undefined)
    return refuse("not-found", `no instance of service ${service} is held`);
  let revision = desk.registry.read((view) => view.revision);
  if (exchange.query.has("dry")) return toJson({ revision, released: held.length, missing });
  let released = 0;
  for (let from = 0; from < held.length; from += ENDED_AT_ONCE) {
    const some = held.slice(from, from + ENDED_AT_ONCE);
    const pulses = await desk.registry.pulses(account, some);
    const then = some.map((lease, nth) => toEndHeld(lease, pulses[nth], desk.clock.now()));
    const all: Command = { kind: "when", guards: [], then, otherwise: [] };
    const outcome = await desk.registry.propose(account, signed(exchange, all));
    if (!outcome.ok) return outcome;
    revision = outcome.value.revision;
    released += outcome.value.commit?.changes.filter((change) => change.kind === "lease").length ?? 0;
  }
  return toJson({ revision, released, missing });
}

/** One that is heard meanwhile stays. */
function toEndHeld(lease: string, pulse: Pulse | undefined, nowMs: number): Command {
  const silence = {
    deadlineMs: Math.min(pulse?.deadlineMs ?? nowMs, nowMs),
    lastBeatMs: pulse?.lastBeatMs ?? 0,
    beats: pulse?.beats ?? 0,
  };
  const end: Command = { kind: "end", lease, cause: "expired", silence };
  return { kind: "when", guards: [{ on: "lease-held", lease }], then: [end], otherwise: [] };
}

/** The held leases among those named, or of a service, or all; and those named that are not held. */
function findHeld(
  account: AccountView | undefined,
  named: readonly string[] | undefined,
  service: string | undefined,
): { readonly held: readonly string[]; readonly missing: readonly string[] } {
  if (named !== undefined) {
    const isHeld = (lease: string): boolean => account?.lease(lease)?.held != null;
    const unique = [...new Set(named)];
    return { held: unique.filter(isHeld), missing: unique.filter((lease) => !isHeld(lease)) };
  }
  const held = new Set<string>();
  if (service !== undefined) {
    for (const one of account?.service(service)?.instances.values() ?? [])
      if (one.held !== null && one.lease !== null) held.add(one.lease);
  } else for (const lease of account?.leases() ?? []) if (lease.held !== null) held.add(lease.id);
  return { held: [...held], missing: [] };
}
