/** @live Handlers of reads: services, one service, instances; with filters, pages, long polls and entity tags. */
import type { InstanceBody, ServiceSummaryBody } from "@rollcall/client";
import {
  type AccountView,
  type InstanceRecord,
  perRevision,
  type Scope,
  type ServiceView,
  sizeOf,
  type View,
} from "../../../core/index.ts";
import type { InstanceFilter } from "../../../native/catalog/filter.ts";
import { type Summary, toSummary } from "../../../native/wire/summary.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { encodeList, findUnchanged, PAGE_BYTES_MAX, toState, toStateBody } from "../answers.ts";
import type { Exchange } from "../desk.ts";
import { awaitChange } from "../follow/poll.ts";
import { decodeFilter, decodePage, decodeWait, type Page as PageRequest } from "../wire/query.ts";
import { type Known, knownConsumers } from "./consumers.ts";
import { answerService, type Shown, show, snapshotOf, toShownBody } from "./listing.ts";

/** GET …/services/:service */
export function getService(exchange: Exchange): Result | Promise<Result> {
  const { request, query, account, params } = exchange;
  const name = params[0] as string;
  if (request.search === "") return toService(exchange, name, undefined);
  const filter = decodeFilter(query);
  if (!filter.ok) return filter;
  noteConsumer(exchange, name);
  const scope: Scope = { account, services: [name] };
  const revisionOf = (view: View): number => view.account(account)?.service(name)?.revision ?? 0;
  return answerAfter(exchange, scope, revisionOf, () => toService(exchange, name, filter.value));
}

function noteConsumer({ desk, account, query }: Exchange, provider: string): void {
  const consumer = query.get("consumer");
  if (consumer === undefined || consumer === "") return;
  desk.consumers.note(account, consumer, provider, query.get("protocol") ?? "", "lookup");
}

/** Answers at once, or when the thing's revision is greater than `after`, or when the wait is over. */
function answerAfter(
  exchange: Exchange,
  scope: Scope,
  revisionOf: (view: View) => number,
  answer: () => Answer,
): Result | Promise<Result> {
  const { desk, query } = exchange;
  const wait = decodeWait(query, desk.mark);
  if (!wait.ok) return wait;
  const { waitMs } = wait.value;
  const now = desk.registry.read((view) => ({ thing: revisionOf(view), all: view.revision }));
  const after = wait.value.after ?? now.thing;
  if (waitMs === 0 || now.thing > after) return answer();
  // A position ahead of the thing's own revision may come from another answer: changes up to it do not count.
  return awaitChange(exchange, scope, now.all, waitMs, (woken) =>
    woken === "changed" && desk.registry.read(revisionOf) <= after ? undefined : answer(),
  );
}

function toService(exchange: Exchange, name: string, filter: InstanceFilter | undefined): Answer {
  const { desk, account } = exchange;
  return desk.registry.read((view) => {
    const all = view.account(account);
    const service = all?.service(name);
    if (all === undefined || service === undefined)
      return toState(exchange, 0, () => ({ service: name, revision: 0, instances: [] }));
    if (filter === undefined)
      return findUnchanged(exchange, service.revision) ?? answerService(service, { account: all, mark: desk.mark });
    const before = { service: name, revision: service.revision };
    return toStateBody(exchange, service.revision, () =>
      encodeList(before, "instances", encodeShown(snapshotOf(service, all), filter)),
    );
  });
}

function* encodeShown(all: readonly Shown[], filter: InstanceFilter | undefined): Iterable<InstanceBody | undefined> {
  for (const shown of all) yield filter?.matches(shown.record) === false ? undefined : toShownBody(shown);
}

/** What the looks of one page may cost before it is cut short: no request may hold the others up for long. */
const LOOKS_MAX = 20_000;

interface Page {
  readonly name: string;
  readonly items: Iterable<object | undefined>;
  readonly next: string | null;
}

/** One page of the account's catalog, filtered, at its revision; waits when asked to. */
function answerPage(
  exchange: Exchange,
  pageOf: (
    account: AccountView | undefined,
    filter: InstanceFilter | undefined,
    request: PageRequest,
    exchange: Exchange,
  ) => Page,
): Result | Promise<Result> {
  const { desk, account, query } = exchange;
  const filter = decodeFilter(query);
  if (!filter.ok) return filter;
  const page = decodePage(query);
  if (!page.ok) return page;
  const revisionOf = (view: View): number => view.account(account)?.catalogRevision ?? 0;
  return answerAfter(exchange, { account, anyService: true }, revisionOf, () =>
    desk.registry.read((view) =>
      toStateBody(exchange, revisionOf(view), () => {
        const { name, items, next } = pageOf(view.account(account), filter.value, page.value, exchange);
        return encodeList({ revision: revisionOf(view) }, name, items, { next });
      }),
    ),
  );
}

/** By provider; one that is known by several things is one. */
function countConsumers(all: readonly Known[]): ReadonlyMap<string, number> {
  const counts = new Map<string, Set<string>>();
  for (const { provider, consumer } of all) {
    const consumers = counts.get(provider) ?? new Set();
    counts.set(provider, consumers.add(consumer));
  }
  return new Map(Array.from(counts, ([provider, consumers]) => [provider, consumers.size]));
}

/** GET …/services */
export function listServices(exchange: Exchange): Result | Promise<Result> {
  return answerPage(exchange, pageServices);
}

function pageServices(
  account: AccountView | undefined,
  filter: InstanceFilter | undefined,
  { from, limit }: PageRequest,
  { desk, account: name }: Exchange,
): Page {
  const consumers = countConsumers(knownConsumers(desk, name, account));
  const services: ServiceSummaryBody[] = [];
  let looks = 0;
  let bytes = 0;
  for (const service of account?.services(from) ?? []) {
    if (services.length >= limit || looks >= LOOKS_MAX || bytes >= PAGE_BYTES_MAX)
      return { name: "services", items: services, next: service.name };
    looks += service.instances.size * (filter?.cost ?? 1);
    const summary =
      filter === undefined ? summaryOf(service) : toSummary(service, matching(service.instances.values(), filter));
    if (filter !== undefined && summary.instances === 0) continue;
    services.push({ ...summary, consumers: consumers.get(service.name) ?? 0 });
    bytes += sizeOfSummary(summary);
  }
  return { name: "services", items: services, next: null };
}

const SUMMARIES_BYTES_MAX = 16 * 1024 * 1024;

/** Of all instances of a service. */
const summaryOf = perRevision((service: ServiceView) => toSummary(service, service.instances.values()), {
  costMax: SUMMARIES_BYTES_MAX,
  costOf: sizeOfSummary,
});

function sizeOfSummary({ service, tags, versions, zones }: Summary): number {
  let size = 400 + service.length;
  for (const name of tags) size += name.length + 3;
  for (const names of [versions, zones]) for (const name in names) size += name.length + 30;
  return size;
}

function* matching(records: Iterable<InstanceRecord>, filter: InstanceFilter | undefined): Iterable<InstanceRecord> {
  for (const record of records) if (filter?.matches(record) !== false) yield record;
}

/** GET …/instances, sorted by (id, service). A cursor is `<id>/<service>`: neither holds a slash. */
export function listInstances(exchange: Exchange): Result | Promise<Result> {
  return answerPage(exchange, pageInstances);
}

function pageInstances(
  account: AccountView | undefined,
  filter: InstanceFilter | undefined,
  { from, limit }: PageRequest,
): Page {
  const instances: Shown[] = [];
  const items = encodeShown(instances, undefined);
  const [fromId = "", fromService = ""] = from.split("/", 2);
  let looks = 0;
  let bytes = 0;
  for (const record of account?.instances(fromId) ?? []) {
    if (record.id === fromId && record.service < fromService) continue;
    if (instances.length >= limit || looks >= LOOKS_MAX || bytes >= PAGE_BYTES_MAX)
      return { name: "instances", items, next: `${record.id}/${record.service}` };
    looks += filter?.cost ?? 1;
    if (filter?.matches(record) === false) continue;
    instances.push(show(account, record));
    bytes += sizeOf(record);
  }
  return { name: "instances", items, next: null };
}
