import type { InstanceFilter, ServiceSummaryBody } from "@rollcall/client";
import { type Command, Option } from "commander";
import { type Context, connect, inAccount } from "../terminal/connection.ts";
import { collect, collectAmong, STATUSES, toPairs } from "../terminal/flags.ts";
import { listOf, toInstanceTable } from "../terminal/instances.ts";
import { type Cell, type Column, inOrder, toAge } from "../terminal/output.ts";

export interface FilterFlags {
  readonly tag?: string[];
  readonly zone?: string;
  readonly withVersion?: string;
  readonly protocol?: string;
  readonly status?: string[];
  readonly meta?: string[];
}

const WANTED_STATUSES = ["healthy", ...STATUSES];

export function addFilters(command: Command): Command {
  return command
    .option("--tag <tag>", "only with this tag (repeatable, all must match)", collect)
    .option("--zone <zone>", "only in this zone")
    .option("--with-version <version>", "only of this version")
    .option("--protocol <name>", "only speaking this")
    .addOption(
      new Option("--status <status>", "only with this status; healthy means passing or warning (repeatable)")
        .choices(WANTED_STATUSES)
        .argParser(collectAmong(WANTED_STATUSES)),
    )
    .option("--meta <key=value>", "only with this meta entry (repeatable)", collect);
}

export function toFilter(flags: FilterFlags): InstanceFilter {
  const meta = toPairs(flags.meta, "--meta");
  return {
    ...(flags.tag && { tags: flags.tag }),
    ...(flags.zone !== undefined && { zone: flags.zone }),
    ...(flags.withVersion !== undefined && { version: flags.withVersion }),
    ...(flags.protocol !== undefined && { protocol: flags.protocol }),
    ...(flags.status && { status: flags.status }),
    ...(meta && { meta }),
  };
}

export function defineCatalog(program: Command): void {
  addFilters(
    program
      .command("services")
      .summary("list services")
      .description("Lists services with their instances counted by status."),
  ).action(async (flags: FilterFlags, self: Command) => listServices(await connect(self), toFilter(flags)));
  addFilters(
    program
      .command("instances [service]")
      .summary("list instances")
      .description("Lists the instances of one service, or all of them."),
  ).action(async (service: string | undefined, flags: FilterFlags, self: Command) =>
    listInstances(await connect(self), service, toFilter(flags)),
  );
  program
    .command("consumers")
    .summary("list who subscribes to what")
    .description("Lists who subscribes to which provider: the dependency graph.")
    .action(async (_flags: object, self: Command) => listConsumers(await connect(self)));
}

/** All pages of a list as one answer: the head of the first page, the rows of all. */
export async function allPages<K extends string, T, P extends { readonly next: string | null } & Record<K, T[]>>(
  key: K,
  load: (from: string | undefined) => Promise<P>,
): Promise<P> {
  const first = await load(undefined);
  const rows = [...first[key]];
  for (let next = first.next; next !== null; ) {
    const page = await load(next);
    rows.push(...page[key]);
    next = page.next;
  }
  return { ...first, [key]: rows, next: null };
}

async function listServices(context: Context, filter: InstanceFilter): Promise<void> {
  const { client, out } = context;
  const body = await allPages("services", (from) => client.services({ ...filter, from }));
  if (out.json) return out.document(body);
  const columns: Column[] = [
    { title: "service", whole: true },
    { title: "instances", right: true },
    { title: "status" },
    { title: "versions" },
    { title: "zones" },
    { title: "tags" },
  ];
  const rows = body.services.map((one): Cell[] => [
    one.service,
    String(one.instances),
    summarize(one),
    listOf(Object.keys(one.versions)),
    listOf(Object.keys(one.zones)),
    listOf(one.tags),
  ]);
  out.table(columns, inOrder(rows), `no services${inAccount(context)}`);
}

/** `3 passing, 1 critical`; the tone is that of the worst. */
function summarize(service: ServiceSummaryBody): Cell {
  const parts = Object.entries(service.statuses).map(([status, count]) => `${count} ${status}`);
  if (service.held > 0) parts.push(`${service.held} held`);
  const isBad = (service.statuses.critical ?? 0) > 0;
  const isCalm = parts.length === 1 && service.statuses.passing !== undefined;
  return { text: parts.join(", ") || "-", tone: isCalm ? "good" : isBad ? "bad" : "warn" };
}

async function listInstances(context: Context, service: string | undefined, filter: InstanceFilter): Promise<void> {
  const { client, out } = context;
  const body =
    service === undefined
      ? await allPages("instances", (from) => client.instances({ ...filter, from }))
      : await client.service(service, filter);
  if (out.json) return out.document(body);
  const [columns, rows] = toInstanceTable(body.instances, service === undefined, Date.now());
  out.table(columns, rows, `no instances${service === undefined ? "" : ` of ${service}`}${inAccount(context)}`);
}

async function listConsumers({ client, out }: Context): Promise<void> {
  const body = await client.consumers();
  if (out.json) return out.document(body);
  const nowMs = Date.now();
  out.table(
    [
      { title: "consumer" },
      { title: "provider" },
      { title: "protocol" },
      { title: "since", right: true },
      { title: "known by" },
      { title: "seen", right: true },
    ],
    inOrder(
      body.consumers.map((one) => [
        ...[one.consumer, one.provider, one.protocol || "-", toAge(one.since, nowMs), one.source],
        `${toAge(one.lastSeenAt, nowMs)} ago`,
      ]),
    ),
    "nobody subscribes",
  );
}
