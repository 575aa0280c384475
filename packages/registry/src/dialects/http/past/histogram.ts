/** @live Handlers of what happened when: counts of events over time, and which revision was at which time. */
import type { HistogramBody } from "@rollcall/client";
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { decodeCount, decodeTime, toTime } from "../../../native/wire/numbers.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Exchange } from "../desk.ts";
import { decodeWanted } from "../follow/events.ts";
import type { Wanted } from "../follow/feed.ts";
import { decodeMoment, momentOf } from "./changes.ts";

const BUCKETS_DEFAULT = 60;
const BUCKETS_MAX = 1440;
const COMMITS_PER_READ = 2000;
const COMMITS_MAX = 200_000;

interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly buckets: number;
}

/** GET …/events/histogram */
export async function getHistogram(exchange: Exchange): Promise<Result> {
  const { desk, account, query } = exchange;
  const wanted = decodeWanted(query);
  if (!wanted.ok) return wanted;
  const span = decodeSpan(exchange);
  if (!span.ok) return span;
  return desk.readers.read(account, () => count(exchange, wanted.value, span.value));
}

function decodeSpan({ desk, query }: Exchange): Outcome<Span> {
  const nowMs = desk.clock.now();
  const [fromMs, toMs] = [
    decodeTime(query.get("from") ?? "-1h", nowMs),
    query.has("to") ? decodeTime(query.get("to") as string, nowMs) : nowMs,
  ];
  if (fromMs === undefined || toMs === undefined)
    return refuse("invalid", "query parameters from and to must be times such as 2030-01-31T12:00:00Z, or like -15m");
  if (fromMs >= toMs) return refuse("invalid", "from is not before to");
  const buckets = decodeCount(query.get("buckets") ?? String(BUCKETS_DEFAULT));
  if (buckets === undefined || buckets < 1 || buckets > BUCKETS_MAX)
    return refuse("invalid", `query parameter buckets must be an integer from 1 to ${BUCKETS_MAX}`);
  return ok({ fromMs, toMs, buckets });
}

async function count({ desk, account }: Exchange, { filter }: Wanted, span: Span): Promise<Result> {
  const { registry } = desk;
  const { fromMs, toMs } = span;
  const lengthMs = Math.max(1, Math.ceil((toMs - fromMs) / span.buckets));
  const buckets: HistogramBody["buckets"] = Array.from({ length: span.buckets }, (_, nth) => ({
    at: toTime(fromMs + nth * lengthMs),
    counts: {},
  }));
  let [seen, sum] = [0, 0];
  const end = registry.read((view) => view.revision);
  for (let after = Math.max(registry.floor, await registry.revisionAt(fromMs)); after < end; ) {
    const page = await registry.history(after, COMMITS_PER_READ);
    if (!page.ok) return page;
    if (page.value.length === 0) break;
    for (const commit of page.value) {
      after = commit.revision;
      if (commit.atMs > toMs) continue;
      const bucket = commit.account === account ? buckets[Math.floor((commit.atMs - fromMs) / lengthMs)] : undefined;
      if (bucket === undefined) continue;
      for (const change of commit.changes) {
        if (!filter(change)) continue;
        const type = `${change.kind}.${change.cause}`;
        bucket.counts[type] = (bucket.counts[type] ?? 0) + 1;
        sum++;
      }
    }
    // Times nearly follow the order: behind a whole page of later ones nothing more is to come.
    if (page.value.every(({ atMs }) => atMs > toMs)) break;
    seen += page.value.length;
    if (seen > COMMITS_MAX)
      return refuse("too-large", `more than ${COMMITS_MAX} commits lie between then and now; ask for less`);
  }
  const body: HistogramBody = { from: toTime(fromMs), to: toTime(toMs), stepMs: lengthMs, events: sum, buckets };
  return toJson(body);
}

/** GET …/revisions */
export async function getRevision({ desk, query }: Exchange): Promise<Result> {
  const at = query.get("at");
  if (at === undefined) return refuse("invalid", "query parameter at is missing: a time, -15m, or a revision");
  const moment = await decodeMoment(desk, at, "at");
  return moment.ok ? toJson(await momentOf(desk, moment.value)) : moment;
}
