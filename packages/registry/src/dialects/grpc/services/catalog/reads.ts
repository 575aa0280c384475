/** @live Reads of the catalog: instances of a service, services, explain. */
import {
  type Account,
  type InstanceRecord,
  type Outcome,
  ok,
  perRevision,
  type Refused,
  type ServiceView,
  sizeOf,
  type View,
} from "../../../../core/index.ts";
import { type InstanceFilter, toFilter } from "../../../../native/catalog/filter.ts";
import { explainInstance } from "../../../../native/catalog/history.ts";
import { toTtl } from "../../../../native/wire/numbers.ts";
import { toInstanceBody } from "../../../../native/wire/records.ts";
import { toSummary } from "../../../../native/wire/summary.ts";
import type { Method } from "../../../../net/grpc/method.ts";
import { awaitSurely } from "../../../../net/routes/catch-up.ts";
import { encodePosition } from "../../../../net/routes/position.ts";
import { unary } from "../../calls.ts";
import type { Desk } from "../../desk.ts";
import type { DiscoverRequest, ExplainRequest, ListServicesRequest } from "../../proto/generated/registry.ts";
import { readLimit } from "../../wire/limit.ts";

/** A page ends early when its records pass this, by their size in memory: clients take messages of 4 MiB. */
const PAGE_BYTES_MAX = 3 * 1024 * 1024;
/** What the looks of one page may cost before it is cut short: no request may hold the others up for long. */
const LOOKS_MAX = 20_000;

/** Answers from the view, which is not older than the call where it asks for that. */
export function readCurrent<T extends object>(
  { registry }: Desk,
  isCurrent: boolean,
  answer: (view: View) => T extends PromiseLike<unknown> ? never : T,
): Outcome<T> | Promise<Outcome<T>> {
  if (!isCurrent) return ok(registry.read(answer));
  return awaitSurely(registry).then((reached) => (reached.ok ? ok(registry.read(answer)) : reached));
}

function discover(desk: Desk, account: Account, request: DiscoverRequest) {
  const { service, tags, meta, zone, version, protocol, statuses, from, current } = request;
  const metas = Object.entries(meta).map(([key, value]) => [key, [value]] as const);
  const filter = toFilter({ zone, version, protocol, statuses, tags, metas });
  if (!filter.ok) return filter;
  const limit = readLimit(request.limit);
  if (!limit.ok) return limit;
  return readCurrent(desk, current, (view) => {
    const all = view.account(account);
    const found = all?.service(service);
    const page = found === undefined ? NOTHING : pageOf(found, from, limit.value, filter.value);
    const ttlOf = (lease: string) => toTtl(all?.lease(lease)?.ttlMs);
    return {
      revision: found?.revision ?? 0,
      position: encodePosition(view.revision, desk.mark),
      instances: page.records.map((record) => toInstanceBody(record, ttlOf)),
      next: page.next,
    };
  });
}

interface Page {
  readonly records: readonly InstanceRecord[];
  readonly next: string;
}

const NOTHING: Page = { records: [], next: "" };

const SORTED_MAX = 1_000_000;

/** Their ids, in order. */
const idsOf = perRevision((service: ServiceView) => [...service.instances.keys()].sort(), {
  costMax: SORTED_MAX,
  costOf: ({ length }) => length,
});

function pageOf(service: ServiceView, from: string, limit: number, filter: InstanceFilter | undefined): Page {
  const ids = idsOf(service);
  const records: InstanceRecord[] = [];
  let looks = 0;
  let bytes = 0;
  for (let at = placeOf(ids, from); at < ids.length; at++) {
    const id = ids[at] as string;
    if (records.length >= limit || looks >= LOOKS_MAX || bytes >= PAGE_BYTES_MAX) return { records, next: id };
    const record = service.instances.get(id) as InstanceRecord;
    looks += filter?.cost ?? 1;
    if (filter?.matches(record) === false) continue;
    records.push(record);
    bytes += sizeOf(record);
  }
  return { records, next: "" };
}

/** Of the first that is not before `from`. */
function placeOf(ids: readonly string[], from: string): number {
  let [low, high] = [0, ids.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] as string) < from) low = middle + 1;
    else high = middle;
  }
  return low;
}

function listServices(desk: Desk, account: Account, request: ListServicesRequest) {
  const limit = readLimit(request.limit);
  if (!limit.ok) return limit;
  return readCurrent(desk, request.current, (view) => {
    const services: object[] = [];
    let looks = 0;
    let next = "";
    for (const service of view.account(account)?.services(request.from) ?? []) {
      if (services.length >= limit.value || looks >= LOOKS_MAX) {
        next = service.name;
        break;
      }
      looks += service.instances.size;
      services.push(toSummary(service, service.instances.values()));
    }
    const revision = view.account(account)?.catalogRevision ?? 0;
    return { revision, position: encodePosition(view.revision, desk.mark), services, next };
  });
}

function explain(desk: Desk, account: Account, { service, id }: ExplainRequest): Promise<Outcome<object, Refused>> {
  return explainInstance(desk, account, { service, id });
}

export const READS: readonly Method<Desk>[] = [
  unary<DiscoverRequest>("Catalog/Discover", "reader", discover),
  unary<ListServicesRequest>("Catalog/ListServices", "reader", listServices),
  unary<ExplainRequest>("Catalog/Explain", "reader", explain),
];
