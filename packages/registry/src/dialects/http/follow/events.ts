/** @live Handlers of the events feed: pages by cursor, long poll, stream. */
import type { EventBody } from "@rollcall/client";
import { type Commit, type Outcome, ok, type Revision, refuse } from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Streaming } from "../../../net/http/reply.ts";
import { preferredOf } from "../../../net/routes/accept.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";
import {
  decodeEventCursor,
  type EventCursor,
  type EventFilter,
  isEventType,
  toEventBody,
  toEventFilter,
  toEventId,
} from "../wire/commits.ts";
import { decodePage, decodeWaitMs } from "../wire/query.ts";
import { encodeEvent } from "../wire/sse.ts";
import { encodePiece } from "./pieces.ts";
import { awaitChange } from "./poll.ts";
import { followCommits } from "./stream.ts";

const STREAM = "text/event-stream";
const EVENTS_DEFAULT = 100;
const SCANNED_PER_READ = 2000;
/** One answer reads so often at most; its cursor leads on from there. */
const READS_MAX = 20;

/** GET …/events */
export function getEvents(exchange: Exchange<Streaming>): Result | undefined | Promise<Result> {
  const { request, query } = exchange;
  const filter = decodeFilter(query);
  if (!filter.ok) return filter;
  const wantsStream = preferredOf(request.header("accept"), ["application/json", STREAM]) === STREAM;
  const text = (wantsStream ? request.header("last-event-id") : undefined) || query.get("after");
  const after = text === undefined ? undefined : decodeEventCursor(text);
  if (text !== undefined && after === undefined)
    return refuse("invalid", "a cursor is <revision>-<index>, as an answer gave it");
  return wantsStream ? streamEvents(exchange, filter.value, after) : pollEvents(exchange, filter.value, after);
}

function decodeFilter(query: Query): Outcome<EventFilter> {
  const types = query.all("type");
  const bad = types.find((type) => !isEventType(type));
  if (bad === undefined) return ok(toEventFilter(types, query.all("service")));
  return refuse(
    "invalid",
    `query parameter type must be like instance.expired or instance.*, not ${bad.slice(0, 100)}`,
  );
}

function toEvents(exchange: Exchange, commit: Commit, filter: EventFilter, after: EventCursor): EventBody[] {
  const events: EventBody[] = [];
  if (commit.account !== exchange.account) return events;
  commit.changes.forEach((change, index) => {
    if (commit.revision === after.revision && index <= after.index) return;
    if (filter(change)) events.push(toEventBody(commit, index, exchange.desk.around));
  });
  return events;
}

function streamEvents(exchange: Exchange<Streaming>, filter: EventFilter, after: EventCursor | undefined): undefined {
  const cursor = after ?? { revision: 0, index: 0 };
  const kind = `events ${JSON.stringify([exchange.query.all("type"), exchange.query.all("service")])}`;
  const render = (commit: Commit): string =>
    toEvents(exchange, commit, filter, cursor)
      .map((event) => encodeEvent("event", event.id, JSON.stringify(event)))
      .join("");
  followCommits(exchange, {
    scope: { account: exchange.account },
    // Within a commit: begin with that commit, and leave out what was seen.
    after: after === undefined ? undefined : startOf(after),
    // The first commit may have been seen in part, by this client only.
    encode: (commits) => encodePiece(commits, isBefore(cursor, commits) ? kind : undefined, render),
    idOf: endOf,
  });
}

function isBefore({ revision }: EventCursor, [first]: readonly Commit[]): boolean {
  return first !== undefined && revision < first.revision;
}

/** The revision after which the commit of the cursor comes (again), unless all of it was seen. */
function startOf({ revision, index }: EventCursor): Revision {
  return index >= INDEX_END || revision === 0 ? revision : revision - 1;
}

/** No commit has so many changes: the index that stands for "all of this commit". */
const INDEX_END = 999_999_999;

function endOf(revision: Revision): string {
  return toEventId(revision, INDEX_END);
}

async function pollEvents(exchange: Exchange, filter: EventFilter, after: EventCursor | undefined): Promise<Result> {
  const { query, account } = exchange;
  const page = decodePage(query, EVENTS_DEFAULT);
  if (!page.ok) return page;
  const waitMs = decodeWaitMs(query);
  if (!waitMs.ok) return waitMs;
  const { limit } = page.value;
  const found = await findEvents(exchange, filter, after, limit, waitMs.value);
  if (!found.ok) return found;
  const { events, cursor, revision, complete } = found.value;
  if (events.length > 0 || !complete || waitMs.value === 0) return toJson({ events, cursor });
  return awaitChange(exchange, { account }, revision, waitMs.value, (_woken, commits) =>
    commits?.some(({ changes }) => changes.some(filter)) === false
      ? undefined
      : toEventsAfter(exchange, filter, revision, limit),
  );
}

async function toEventsAfter(
  exchange: Exchange,
  filter: EventFilter,
  revision: Revision,
  limit: number,
): Promise<Result> {
  const found = await readEvents(exchange, filter, { revision, index: INDEX_END }, limit);
  return found.ok ? toJson({ events: found.value.events, cursor: found.value.cursor }) : found;
}

/** Without a position: the latest ones; or, when told to wait, what comes next. */
async function findEvents(
  exchange: Exchange,
  filter: EventFilter,
  after: EventCursor | undefined,
  limit: number,
  waitMs: number,
): Promise<Outcome<Found>> {
  if (after !== undefined) return readEvents(exchange, filter, after, limit);
  if (waitMs === 0) return readLatest(exchange, filter, limit);
  const revision = nowOf(exchange.desk);
  return ok({ events: [], revision, cursor: endOf(revision), complete: true });
}

function nowOf(desk: Desk): Revision {
  return desk.registry.read((view) => view.revision);
}

interface Found {
  readonly events: readonly EventBody[];
  readonly cursor: string;
  /** Commits up to this one were looked at. */
  readonly revision: Revision;
  /** False when there is more to look at right now. */
  readonly complete: boolean;
}

async function readEvents(
  exchange: Exchange,
  filter: EventFilter,
  after: EventCursor,
  limit: number,
): Promise<Outcome<Found>> {
  const events: EventBody[] = [];
  let revision = Math.min(startOf(after), nowOf(exchange.desk));
  for (let reads = 0; reads < READS_MAX; reads++) {
    const page = await exchange.desk.registry.history(revision, SCANNED_PER_READ);
    if (!page.ok) return page;
    for (const commit of page.value) {
      for (const event of toEvents(exchange, commit, filter, after)) {
        events.push(event);
        if (events.length >= limit) return ok({ events, cursor: event.id, revision, complete: false });
      }
      revision = commit.revision;
    }
    if (page.value.length < SCANNED_PER_READ)
      return ok({ events, cursor: cursorAt(revision, after), revision, complete: true });
  }
  return ok({ events, cursor: cursorAt(revision, after), revision, complete: false });
}

/** The position after what was looked at, but never one before the client's own. */
function cursorAt(revision: Revision, after: EventCursor): string {
  return revision < after.revision ? toEventId(after.revision, Math.min(after.index, INDEX_END)) : endOf(revision);
}

/** The latest events, oldest first: history is searched backwards until there are enough of them. */
async function readLatest(exchange: Exchange, filter: EventFilter, limit: number): Promise<Outcome<Found>> {
  const { registry } = exchange.desk;
  const now = nowOf(exchange.desk);
  const none: EventCursor = { revision: -1, index: 0 };
  let chunks: EventBody[] = [];
  let before = now;
  for (let reads = 0; reads < READS_MAX && before > registry.floor && chunks.length < limit; reads++) {
    const from = Math.max(registry.floor, before - SCANNED_PER_READ);
    const page = await registry.history(from, SCANNED_PER_READ);
    if (!page.ok) return page;
    const events: EventBody[] = [];
    for (const commit of page.value)
      if (commit.revision <= before) events.push(...toEvents(exchange, commit, filter, none));
    chunks = [...events, ...chunks];
    before = from;
  }
  return ok({ events: chunks.slice(-limit), cursor: endOf(now), revision: now, complete: true });
}
