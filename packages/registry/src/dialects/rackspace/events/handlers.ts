/** @live The events feed: the history of commits, told in this API's words. */
import { type Outcome, ok, sizeOfCommit } from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import { awaitAll } from "../../../net/routes/catch-up.ts";
import { type Answer, type Call, type Desk, PAGE_BYTES_MAX } from "../desk.ts";
import { toFault } from "../refusals.ts";
import { bad, type Faulty, INTERNAL, wrongParameter } from "../wire/faults.ts";
import { type Page, parseEventMarker, parseLimit, type Span, toListBody } from "../wire/page.ts";
import { formatUuid, fromTicks, parseUuid, type Ticks, toTicks } from "../wire/uuid.ts";
import { EVENT_TYPES, type Event, type EventType, toEventBody, toEvents } from "./commits.ts";

const DEFAULT_SPAN_MS = 3600 * 1000;
/** Commits read at once. */
const BATCH = 512;

function parseType(query: Query): Outcome<EventType | null, Faulty> {
  const given = query.all("type");
  if (given.length === 0) return ok(null);
  const type = EVENT_TYPES.find((name) => name === given[0]);
  if (given.length === 1 && type !== undefined) return ok(type);
  const details = `Invalid type: ${given.join(",")}. Valid types are: ${EVENT_TYPES.join(",")}`;
  return bad(wrongParameter("type", details));
}

interface Known extends Span {
  /** That of the latest commit here. */
  readonly latestMs: number;
}

async function spanOf({ registry, clock }: Desk, { account }: Call): Promise<Known> {
  const latest = await registry.history(registry.read((view) => view.revision) - 1, 1);
  const latestMs = (latest.ok && latest.value[0]?.orderMs) || 0;
  // Event ids reach up to the latest commit, even if the clock stepped back since.
  const nowMs = Math.max(clock.now(), latestMs);
  // It may have been ahead when the account was made.
  const createdAtMs = Math.min(
    clock.now(),
    registry.read((view) => view.account(account)?.createdAtMs ?? nowMs),
  );
  return { createdAtMs, nowMs, latestMs };
}

/** Whether the marker is later than all that this node has. */
function isAhead(query: Query, { latestMs }: Known): boolean {
  const marker = parseUuid(query.get("marker") ?? "");
  return marker.ok && fromTicks(marker.value) > latestMs;
}

export async function listEvents(desk: Desk, call: Call): Promise<Answer> {
  const limit = parseLimit(call.query);
  if (!limit.ok) return limit;
  let span = await spanOf(desk, call);
  if (isAhead(call.query, span)) {
    // Of an event that another node has told of already, perhaps.
    const reached = await awaitAll(desk.registry);
    if (!reached.ok) return { fault: toFault(reached) };
    span = await spanOf(desk, call);
  }
  const marker = parseEventMarker(call.query, span);
  if (!marker.ok) return marker;
  const type = parseType(call.query);
  if (!type.ok) return type;
  const from = marker.value ?? toTicks(Math.max(span.nowMs - DEFAULT_SPAN_MS, span.createdAtMs));
  const events = await collect(desk, call, { from, type: type.value, limit: limit.value });
  if (!events.ok) return events;
  const { maker } = desk;
  const values = events.value.found.slice(0, limit.value).map((event) => () => toEventBody(event, maker));
  const { next } = events.value;
  const page: Page = { values, next: next === null ? null : formatUuid(next, maker) };
  // The marker of a feed is not told back: it need not be the id of any event.
  return { status: 200, body: toListBody(page, { limit: limit.value, marker: null }, call.here) };
}

interface Wanted {
  readonly from: Ticks;
  readonly type: EventType | null;
  readonly limit: number;
}

interface Collected {
  readonly found: readonly Event[];
  /** Where the next page begins; null at the end. */
  readonly next: Ticks | null;
}

/**
 * Reads on from the position until there are enough events, or some MB of them, or the account has no later commit. The
 * filter comes before the page is cut: a short page that is not the last one has long events.
 */
async function collect(desk: Desk, call: Call, wanted: Wanted): Promise<Outcome<Collected, Faulty>> {
  const { registry } = desk;
  const { account } = call;
  const last = registry.read((view) => view.account(account)?.revision ?? 0);
  const events: Event[] = [];
  // What history no longer holds has left the feed: it begins where history does.
  let after = Math.max(await registry.revisionAt(fromTicks(wanted.from)), registry.floor);
  let bytes = 0;
  while (after < last && events.length <= wanted.limit && bytes <= PAGE_BYTES_MAX && !call.isGone()) {
    const commits = await registry.history(after, BATCH);
    if (!commits.ok) {
      if (commits.refusal !== "compacted" || registry.floor <= after) return bad(INTERNAL);
      after = registry.floor;
      continue;
    }
    const end = commits.value.at(-1);
    if (end === undefined) break;
    after = end.revision;
    for (const commit of commits.value) {
      if (commit.account !== account || commit.revision > last) continue;
      const told = toEvents(commit, (id) => registry.read((view) => view.lease(account, id)));
      const fit = told.filter(({ ticks, type }) => ticks >= wanted.from && (wanted.type ?? type) === type);
      if (fit.length > 0) bytes += sizeOfCommit(commit);
      for (const event of fit) events.push(event);
    }
  }
  const found = events.slice(0, wanted.limit);
  const isCut = bytes > PAGE_BYTES_MAX && after < last;
  const behind = isCut ? (found.at(-1)?.ticks ?? wanted.from) + 1n : null;
  return ok({ found, next: events[wanted.limit]?.ticks ?? behind });
}
