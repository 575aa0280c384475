/** What was, and what is going on: differences, histories, and the services that want looking at. */
import type {
  Client,
  MetricsHistoryBody,
  NetChangeBody,
  NetChangesBody,
  ServiceHistoryBody,
  ServiceSummaryBody,
  SpanBody,
} from "@rollcall/client";
import type { Command } from "commander";
import { type Context, checkReached, connect, inAccount, untilInterrupted } from "../../terminal/connection.ts";
import { toWhole } from "../../terminal/flags.ts";
import { type Cell, type Output, toAge, toBytesText, toClock, toSpan, toStatus } from "../../terminal/output.ts";
import { allPages } from "../catalog.ts";

interface RangeFlags {
  readonly from: string;
  readonly to?: string;
}

export function definePast(program: Command): void {
  program
    .command("changes")
    .summary("say what is different between two moments")
    .description(
      "Shows the net difference: what came and went in between is left out, and what changed first comes first. A moment is a time, a revision, or how long ago it was.",
    )
    .requiredOption("--from <moment>", "such as 15m, 2030-01-31T02:50:00Z or 4711")
    .option("--to <moment>", "now when left out")
    .action(async (flags: RangeFlags, self: Command) => showChanges(await connect(self), flags));
  program
    .command("history <service> [id]")
    .summary("say which status something had, and when")
    .description(
      "Shows which status an instance had when, also when it is gone; of a service, how many instances had which.",
    )
    .option("--from <moment>", "such as 15m or 2030-01-31T02:50:00Z", "1h")
    .option("--to <moment>", "now when left out")
    .action(async (service: string, id: string | undefined, flags: RangeFlags, self: Command) =>
      showHistory(await connect(self), service, id, flags),
    );
  program
    .command("top")
    .summary("show the services that want looking at, and how busy the node is")
    .description("Shows services, worst first, and this node's load, anew every two seconds until Ctrl-C.")
    .option("--once", "once, and no more")
    .option("--rows <number>", "how many services", "20")
    .action(async (flags: TopFlags, self: Command) => showTop(await connect(self), flags));
}

/** `15m` is how long ago it was. */
function toMoment(text: string): string {
  return /^[0-9.]+(ms|s|m|h)$/.test(text) ? `-${text}` : text;
}

function toRange({ from, to }: RangeFlags) {
  return { from: toMoment(from), ...(to !== undefined && { to: toMoment(to) }) };
}

const PAGE = 1000;

async function showChanges({ client, out }: Context, flags: RangeFlags): Promise<void> {
  for (const moment of [flags.from, flags.to])
    if (moment !== undefined && /^[0-9]+$/.test(moment)) await checkReached(client, Number(moment));
  const first = await client.changes({ ...toRange(flags), limit: PAGE });
  const changes = [...first.changes];
  for (let { next } = first; next !== null; ) {
    // Of the same two moments, whatever happens meanwhile.
    const page = await client.changes({ from: first.from.revision, to: first.to.revision, start: next, limit: PAGE });
    changes.push(...page.changes);
    next = page.next;
  }
  if (out.json) return out.document({ ...first, changes, next: null });
  out.table(
    [
      { title: "first" },
      { title: "what" },
      { title: "of", whole: true },
      { title: "by" },
      { title: "how", whole: true },
    ],
    changes.map(toRow),
    "nothing is different",
  );
  out.line("");
  out.line(sumUp(first));
}

const WHAT_TONES = { came: "good", left: "bad", changed: "warn" } as const;

function toRow(change: NetChangeBody): Cell[] {
  const of = change.kind === "key" ? `key ${change.key}` : `${change.service}/${change.id}`;
  const by = change.by?.token?.name ?? change.by?.dialect ?? "";
  return [toClock(change.firstAt), { text: change.what, tone: WHAT_TONES[change.what] }, of, by, howOf(change)];
}

function howOf(change: NetChangeBody): string {
  if (change.kind === "key" || change.what !== "changed") return change.reason;
  const { before, after } = change;
  return change.fields
    .map((field) => {
      const [was, is] = [before, after].map((side) => shown((side as unknown as Record<string, unknown>)[field]));
      return field === "checks" || was === undefined || is === undefined ? field : `${field} ${was} → ${is}`;
    })
    .join(", ");
}

/** Undefined for what is too much for a line. */
function shown(value: unknown): string | undefined {
  if (value === null || value === "") return "none";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 40 ? undefined : text;
}

function sumUp({ from, to, came, left, changed, keys, commits, counts }: NetChangesBody): string {
  const some = (all: Record<string, number>): string =>
    Object.entries(all)
      .flatMap(([name, count]) => (count > 0 ? [`${count} ${name}`] : []))
      .join(", ") || "none";
  const sums = `${came} came, ${left} left, ${changed} changed, ${keys} keys in ${commits} commits`;
  return `${sums}; instances: ${some(counts.from)} (revision ${from.revision}), now ${some(counts.to)} (${to.revision})`;
}

async function showHistory({ client, out }: Context, service: string, id: string | undefined, flags: RangeFlags) {
  const range = toRange(flags);
  if (id === undefined) return showCounts(out, await client.serviceHistory(service, range));
  const body = await client.history(service, id, range);
  if (out.json) return out.document(body);
  out.table(
    [{ title: "from" }, { title: "for", right: true }, { title: "status" }, { title: "by" }],
    body.spans.map((span) => toSpanRow(span, Date.now())),
    "nothing is known",
  );
}

function toSpanRow({ status, held, from, to, cause }: SpanBody, nowMs: number): Cell[] {
  const ms = (to === null ? nowMs : Date.parse(to)) - Date.parse(from);
  const word = status === "gone" ? ({ text: "gone", tone: "dim" } as const) : toStatus(status, held);
  return [toClock(from), toSpan(Math.max(0, ms)), word, cause ?? "as it was before"];
}

function showCounts(out: Output, body: ServiceHistoryBody): void {
  if (out.json) return out.document(body);
  out.table(
    [{ title: "from" }, { title: "instances" }],
    body.steps.map(({ at, counts }) => [
      toClock(at),
      Object.entries(counts)
        .map(([name, count]) => `${count} ${name}`)
        .join(", ") || "none",
    ]),
    "nothing is known",
  );
}

interface TopFlags {
  readonly once?: boolean;
  readonly rows: string;
}

const AGAIN_MS = 2000;
const CLEAR = "\x1b[H\x1b[2J";

async function showTop(context: Context, flags: TopFlags): Promise<void> {
  const { client, out } = context;
  const rows = toWhole(flags.rows, "--rows", 1, 1000);
  const signal = untilInterrupted();
  for (;;) {
    const { services } = await allPages("services", (from) => client.services({ from }));
    const worst = services.sort(byNeed).slice(0, rows);
    const load = await loadOf(client);
    if (out.json) out.object({ services: worst, load });
    else {
      const isPage = out.width !== undefined && flags.once !== true;
      showPage(context, worst, load, isPage ? CLEAR : "");
    }
    if (flags.once === true || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, AGAIN_MS);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        resolve();
      });
    });
    if (signal.aborted) return;
  }
}

/** Without a usable instance first, then by what is critical, held and warns. */
function byNeed(a: ServiceSummaryBody, b: ServiceSummaryBody): number {
  return needOf(b) - needOf(a) || (a.service < b.service ? -1 : 1);
}

function needOf({ usable, statuses, held }: ServiceSummaryBody): number {
  const { critical = 0, warning = 0 } = statuses;
  return (
    (usable === 0 ? 1e9 : 0) + (critical > 0 ? 1e6 + critical : 0) + (held > 0 ? 1e4 : 0) + (warning > 0 ? 1e3 : 0)
  );
}

/** The latest points: `requests by dialect` and the like. */
type Load = Readonly<Record<string, number>>;

async function loadOf(client: Client): Promise<Load> {
  const { series } = await client.metricsHistory({ from: "-30s" });
  const load: Record<string, number> = {};
  for (const [name, wanted] of [
    ["requests/s", "rollcall_requests_total"],
    ["commits/s", "rollcall_commits_total"],
    ["expiries/s", "rollcall_expiries_total"],
    ["cpu", "process_cpu_seconds_total"],
    ["memory", "process_resident_memory_bytes"],
    ["watchers", "rollcall_watchers"],
    ["flush p99 s", "rollcall_flush_duration_seconds_p99"],
    ["loop p99 s", "rollcall_event_loop_delay_seconds"],
  ] as const)
    load[name] = sumOfLatest(series.filter((one) => one.name === wanted));
  return load;
}

function sumOfLatest(series: MetricsHistoryBody["series"]): number {
  let sum = 0;
  for (const { points } of series) sum += points.findLast((point) => point !== null) ?? 0;
  return sum;
}

function showPage(context: Context, services: readonly ServiceSummaryBody[], load: Load, before: string): void {
  const { out } = context;
  const words = Object.entries(load).map(([name, value]) =>
    name === "memory"
      ? `memory ${toBytesText(value)}`
      : name === "cpu"
        ? `cpu ${Math.round(value * 100)} %`
        : name.endsWith(" s")
          ? `${name.slice(0, -2)} ${Math.round(value * 1000)} ms`
          : `${name} ${Math.round(value * 10) / 10}`,
  );
  out.line(`${before}${out.paint({ text: words.join("  "), tone: "dim" })}`);
  out.line("");
  const nowMs = Date.now();
  out.table(
    [
      { title: "service", whole: true },
      { title: "usable", right: true },
      { title: "of", right: true },
      { title: "without any for" },
      { title: "status" },
      { title: "changed" },
    ],
    services.map((one) => [
      one.service,
      { text: String(one.usable), tone: one.usable === 0 ? "bad" : "plain" },
      String(one.instances),
      one.unusableSince === null ? "" : toAge(one.unusableSince, nowMs),
      Object.entries(one.statuses)
        .map(([status, count]) => `${count} ${status}`)
        .concat(one.held > 0 ? [`${one.held} held`] : [])
        .join(", "),
      `${toAge(one.changedAt, nowMs)} ago`,
    ]),
    `no services${inAccount(context)}`,
  );
}
