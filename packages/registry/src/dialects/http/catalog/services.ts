/** Handlers of reads: services, one service, instances; with filters, pages, long polls and entity tags. */
import type { InstanceBody, ServiceSummaryBody } from "@rollcall/client";
import type { AccountView, InstanceRecord, Scope, ServiceView, View } from "../../../core/index.ts";
import { answerRefused, answerState, type Exchange } from "../desk.ts";
import { awaitChange } from "../follow/poll.ts";
import { matchesTag } from "../wire/json.ts";
import { decodeFilter, decodePage, decodeWait, type InstanceFilter, type Page } from "../wire/query.ts";
import { toInstanceBody, toSummaryBody } from "../wire/records.ts";

/** GET …/services/:service. Without parameters: the answer that is encoded already. */
export function getService(exchange: Exchange): void {
  const { query, reply, account, params } = exchange;
  const name = params[0] as string;
  if (exchange.search === "") return answerService(exchange, name, undefined);
  const filter = decodeFilter(query);
  if (!filter.ok) return answerRefused(reply, filter);
  noteConsumer(exchange, name);
  const scope: Scope = { account, services: [name] };
  answerAfter(
    exchange,
    scope,
    (view) => view.account(account)?.service(name)?.revision ?? 0,
    () => answerService(exchange, name, filter.value),
  );
}

function noteConsumer({ desk, account, query }: Exchange, provider: string): void {
  const consumer = query.get("consumer");
  if (consumer === undefined || consumer === "" || consumer.length > 255) return;
  desk.consumers.note(account, consumer, provider, query.get("protocol") ?? "");
}

/** Answers at once, or when the thing's revision is greater than `after`, or when the wait is over. */
function answerAfter(exchange: Exchange, scope: Scope, revisionOf: (view: View) => number, answer: () => void): void {
  const { desk, query, reply } = exchange;
  const wait = decodeWait(query);
  if (!wait.ok) return answerRefused(reply, wait);
  const { waitMs } = wait.value;
  const now = desk.registry.read((view) => ({ thing: revisionOf(view), all: view.revision }));
  const after = wait.value.after ?? now.thing;
  if (waitMs === 0 || now.thing > after) return answer();
  // A position ahead of the thing's own revision may come from another answer: changes up to it do not count.
  awaitChange(exchange, scope, now.all, waitMs, (woken) => {
    if (woken === "changed" && desk.registry.read(revisionOf) <= after) return false;
    answer();
    return true;
  });
}

function answerService(exchange: Exchange, name: string, filter: InstanceFilter | undefined): void {
  const { desk, account, reply, request } = exchange;
  if (reply.sent || reply.gone) return;
  const encoded = desk.registry.read((view) => {
    const all = view.account(account);
    const service = all?.service(name);
    if (all === undefined || service === undefined || filter !== undefined) return undefined;
    return desk.answers.get(service, () => JSON.stringify(toServiceBody(all, service, undefined)));
  });
  if (encoded !== undefined) {
    const known = request.header("if-none-match");
    if (known !== undefined && matchesTag(known, encoded.tag)) {
      reply.send(304, { ETag: encoded.tag, "Cache-Control": "no-cache" });
      return;
    }
    reply.send(200, encoded.head, encoded.body);
    return;
  }
  const revision = desk.registry.read((view) => view.account(account)?.service(name)?.revision ?? 0);
  answerState(exchange, revision, () =>
    desk.registry.read((view) => {
      const all = view.account(account);
      const service = all?.service(name);
      if (all === undefined || service === undefined) return { service: name, revision, instances: [] };
      return toServiceBody(all, service, filter);
    }),
  );
}

function toServiceBody(account: AccountView, service: ServiceView, filter: InstanceFilter | undefined) {
  const ttlOf = (lease: string): number | null => account.lease(lease)?.ttlMs ?? null;
  const instances: InstanceBody[] = [];
  for (const record of service.instances.values())
    if (filter === undefined || filter(record)) instances.push(toInstanceBody(record, ttlOf));
  return { service: service.name, revision: service.revision, instances };
}

/** How many instances one page looks at before it is cut short: no request may hold the others up for long. */
const SCANNED_MAX = 50_000;

/** One page of the account's catalog, filtered, at its revision; waits when asked to. */
function answerPage(
  exchange: Exchange,
  pageOf: (account: AccountView | undefined, filter: InstanceFilter | undefined, page: Page) => object,
): void {
  const { desk, account, query, reply } = exchange;
  const filter = decodeFilter(query);
  if (!filter.ok) return answerRefused(reply, filter);
  const page = decodePage(query);
  if (!page.ok) return answerRefused(reply, page);
  const revisionOf = (view: View): number => view.account(account)?.catalogRevision ?? 0;
  answerAfter(exchange, { account, anyService: true }, revisionOf, () => {
    answerState(exchange, desk.registry.read(revisionOf), () =>
      desk.registry.read((view) => ({
        revision: revisionOf(view),
        ...pageOf(view.account(account), filter.value, page.value),
      })),
    );
  });
}

/** GET …/services */
export function listServices(exchange: Exchange): void {
  answerPage(exchange, pageServices);
}

function pageServices(account: AccountView | undefined, filter: InstanceFilter | undefined, { from, limit }: Page) {
  const services: ServiceSummaryBody[] = [];
  let scanned = 0;
  for (const service of account?.services() ?? []) {
    if (service.name < from) continue;
    if (services.length >= limit || scanned >= SCANNED_MAX) return { services, next: service.name };
    scanned += service.instances.size;
    const summary = toSummaryBody(service, matching(service.instances.values(), filter));
    if (filter === undefined || summary.instances > 0) services.push(summary);
  }
  return { services, next: null };
}

function* matching(records: Iterable<InstanceRecord>, filter: InstanceFilter | undefined): Iterable<InstanceRecord> {
  for (const record of records) if (filter === undefined || filter(record)) yield record;
}

/** GET …/instances, sorted by (id, service). A cursor is `<id>/<service>`: neither holds a slash. */
export function listInstances(exchange: Exchange): void {
  answerPage(exchange, pageInstances);
}

function pageInstances(account: AccountView | undefined, filter: InstanceFilter | undefined, { from, limit }: Page) {
  const instances: InstanceBody[] = [];
  const [fromId = "", fromService = ""] = from.split("/", 2);
  const ttlOf = (lease: string): number | null => account?.lease(lease)?.ttlMs ?? null;
  let scanned = 0;
  for (const record of account?.instances(fromId) ?? []) {
    if (record.id === fromId && record.service < fromService) continue;
    if (instances.length >= limit || scanned++ >= SCANNED_MAX)
      return { instances, next: `${record.id}/${record.service}` };
    if (filter === undefined || filter(record)) instances.push(toInstanceBody(record, ttlOf));
  }
  return { instances, next: null };
}
