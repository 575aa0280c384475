/** @live Handlers of the events feed: pages by cursor, long poll, stream. */
import type { EventBody } from "@rollcall/client";
import { type Commit, type Outcome, ok, type Revision, refuse } from "../../../core/index.ts";
import {
  decodeEventCursor,
  type EventCursor,
  type EventFilter,
  isEventType,
  toEventBody,
  toEventFilter,
  toEventId,
} from "../../../native/wire/commits.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Streaming } from "../../../net/http/reply.ts";
import { preferredOf } from "../../../net/routes/accept.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { catchUp } from "../../../net/routes/catch-up.ts";
import { ELSEWHERE, type Mark } from "../../../net/routes/position.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { GATHERED_BYTES_MAX, OF_ANOTHER, toJsonBody } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";
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
  const { desk, request, query } = exchange;
  const filter = decodeFilter(query);
  if (!filter.ok) return filter;
  const wantsStream = preferredOf(request.header("accept"), ["application/json", STREAM]) === STREAM;
  const text = (wantsStream ? request.header("last-event-id") : undefined) || query.get("after");
  const after = text === undefined ? undefined : decodeEventCursor(text, desk.mark);
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

/** Whose events, and by what they are shown. */
type Feed = Pick<Exchange, "account" | "desk">;

function* toEvents(exchange: Feed, commit: Commit, filter: EventFilter, after: EventCursor): Iterable<EventBody> {
  if (commit.account !== exchange.account) return;
  for (const [index, change] of commit.changes.entries()) {
    if (commit.revision === after.revision && index <= after.index) continue;
    if (filter(change)) yield toEventBody(commit, index, exchange.desk.around);
  }
}

function streamEvents(exchange: Exchange<Streaming>, filter: EventFilter, after: EventCursor | undefined): undefined {
  const cursor = after ?? { revision: 0, index: 0 };
  const kind = `events ${JSON.stringify([exchange.query.all("type"), exchange.query.all("service")])}`;
  const render = (commit: Commit): string =>
    Array.from(toEvents(exchange, commit, filter, cursor))
      .map((event) => encodeEvent("event", event.id, JSON.stringify(event)))
      .join("");
  followCommits(exchange, {
    scope: { account: exchange.account },
    // Within a commit: begin with that commit, and leave out what was seen.
    after: after === undefined ? undefined : startOf(after),
    // The first commit may have been seen in part, by this client only.
    encode: (commits) => encodePiece(commits, isBefore(cursor, commits) ? kind : undefined, render),
    idOf: (revision) => endOf(revision, exchange.desk.mark),
  });
}

function isBefore({ revision }: EventCursor, [first]: readonly Commit[]): boolean {
  return first !== undefined && revision < first.revision;
}

/** The revision after which the commit of the cursor comes (again), unless all of it was seen. */
function startOf({ revision, index }: EventCursor): Revision {
  return index >= INDEX_END || revision <= 0 ? revision : revision - 1;
}

/** No commit has so many changes: the index that stands for "all of this commit". */
const INDEX_END = 999_999_999;

/** The place after all of a commit. */
export function endOf(revision: Revision, mark: Mark): string {
  return toEventId(revision, INDEX_END, mark);
}

async function pollEvents(exchange: Exchange, filter: EventFilter, after: EventCursor | undefined): Promise<Result> {
  const { query, account } = exchange;
  const page = decodePage(query, EVENTS_DEFAULT);
  if (!page.ok) return page;
  const waitMs = decodeWaitMs(query);
  if (!waitMs.ok) return waitMs;
  if (after?.revision === ELSEWHERE) return OF_ANOTHER;
  const { limit } = page.value;
  const { readers, registry } = exchange.desk;
  const behind = await catchUp(registry, after?.revision ?? 0);
  if (behind !== undefined) return behind;
  const found = await readers.read(account, () => findEvents(exchange, filter, after, limit, waitMs.value));
  if (!found.ok) return found;
  const { events, cursor, revision, complete } = found.value;
  if (events.length > 0 || !complete || waitMs.value === 0) return toPage({ events, cursor });
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
  const { account, desk } = exchange;
  const next = { revision, index: INDEX_END };
  const found = await desk.readers.read(account, () => readEvents(exchange, filter, next, limit));
  return found.ok ? toPage(found.value) : found;
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
  return ok({ events: [], revision, cursor: endOf(revision, exchange.desk.mark), complete: true });
}

function nowOf(desk: Desk): Revision {
  return desk.registry.read((view) => view.revision);
}

export interface Found {
  readonly events: Events;
  readonly cursor: string;
  /** Commits up to this one were looked at. */
  readonly revision: Revision;
  /** False when there is more to look at right now. */
  readonly complete: boolean;
}

/** As JSON. */
type Events = readonly string[];

function toPage({ events, cursor }: Pick<Found, "events" | "cursor">): Answer {
  return toJsonBody(`{"events":[${events.join(",")}],"cursor":${JSON.stringify(cursor)}}\n`);
}

/** Events after a position, until they are enough or long. */
export async function readEvents(
  exchange: Feed,
  filter: EventFilter,
  after: EventCursor,
  limit: number,
  lengthMax = GATHERED_BYTES_MAX,
): Promise<Outcome<Found>> {
  const events: string[] = [];
  const cursorAt = (revision: Revision): string => cursorOf(revision, after, exchange.desk.mark);
  let length = 0;
  let revision = Math.min(startOf(after), nowOf(exchange.desk));
  for (let reads = 0; reads < READS_MAX; reads++) {
    const page = await exchange.desk.registry.history(revision, SCANNED_PER_READ);
    if (!page.ok) return page;
    if (page.value.length === 0) return ok({ events, cursor: cursorAt(revision), revision, complete: true });
    for (const commit of page.value) {
      for (const event of toEvents(exchange, commit, filter, after)) {
        const text = JSON.stringify(event);
        events.push(text);
        length += text.length;
        if (events.length >= limit || length > lengthMax)
          return ok({ events, cursor: event.id, revision, complete: false });
      }
      revision = commit.revision;
    }
    if (revision === nowOf(exchange.desk)) return ok({ events, cursor: cursorAt(revision), revision, complete: true });
  }
  return ok({ events, cursor: cursorAt(revision), revision, complete: false });
}

/** The position after what was looked at, but never one before the client's own. */
function cursorOf(revision: Revision, after: EventCursor, mark: Mark): string {
  return revision < after.revision
    ? toEventId(after.revision, Math.min(after.index, INDEX_END), mark)
    : endOf(revision, mark);
}

/** The first steps backwards are short: the latest commits may be enough, and long. */
const FIRST_STEP = 128;

/** The latest events, oldest first: history is searched backwards until there are enough of them, or they are long. */
async function readLatest(exchange: Exchange, filter: EventFilter, limit: number): Promise<Outcome<Found>> {
  const { registry } = exchange.desk;
  const now = nowOf(exchange.desk);
  let latest: string[] = [];
  let length = 0;
  let before = now;
  let step = FIRST_STEP;
  for (let reads = 0; reads < READS_MAX && before > registry.floor; reads++) {
    const from = Math.max(registry.floor, before - step);
    const found = await readBetween(exchange, filter, from, before);
    if (!found.ok) return found;
    latest = [...found.value, ...latest];
    for (const text of found.value) length += text.length;
    if (latest.length >= limit || length > GATHERED_BYTES_MAX) break;
    before = from;
    step = Math.min(2 * step, SCANNED_PER_READ);
  }
  let first = Math.max(0, latest.length - limit);
  // One event at least, however long it is.
  for (; length > GATHERED_BYTES_MAX && first < latest.length - 1; first++) length -= (latest[first] as string).length;
  return ok({ events: latest.slice(first), cursor: endOf(now, exchange.desk.mark), revision: now, complete: true });
}

/** The last events of the commits after `from`, up to `to`: as many as one page may hold. */
async function readBetween(
  exchange: Exchange,
  filter: EventFilter,
  from: Revision,
  to: Revision,
): Promise<Outcome<Events>> {
  const none: EventCursor = { revision: -1, index: 0 };
  const events: string[] = [];
  let [first, length] = [0, 0];
  for (let after = from; after < to; ) {
    const page = await exchange.desk.registry.history(after, SCANNED_PER_READ);
    if (!page.ok) return page;
    if (page.value.length === 0) break;
    for (const commit of page.value) {
      after = commit.revision;
      if (after > to) break;
      for (const event of toEvents(exchange, commit, filter, none))
        length += events[events.push(JSON.stringify(event)) - 1]!.length;
      for (; length > 2 * GATHERED_BYTES_MAX && first < events.length - 1; first++) {
        length -= (events[first] as string).length;
        events[first] = "";
      }
    }
  }
  return ok(events.slice(first));
}
