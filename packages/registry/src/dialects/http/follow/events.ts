/** @live Handlers of the events feed: pages by cursor and time, long poll, stream. */
import { type Commit, type Outcome, ok, refuse } from "../../../core/index.ts";
import { decodeEventCursor, type EventCursor, isEventType, toEventFilter } from "../../../native/wire/commits.ts";
import { decodeTime } from "../../../native/wire/numbers.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Streaming } from "../../../net/http/reply.ts";
import { preferredOf } from "../../../net/routes/accept.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { catchUp } from "../../../net/routes/catch-up.ts";
import { ELSEWHERE } from "../../../net/routes/position.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { OF_ANOTHER, toJsonBody } from "../answers.ts";
import type { Exchange } from "../desk.ts";
import { decodePage, decodeWaitMs } from "../wire/query.ts";
import { encodeEvent } from "../wire/sse.ts";
import { endOf, Feed, type Found, type Range, startOf, type Wanted } from "./feed.ts";
import { encodePiece } from "./pieces.ts";
import { awaitChange } from "./poll.ts";
import { followCommits } from "./stream.ts";

const STREAM = "text/event-stream";
const EVENTS_DEFAULT = 100;
/** Names and values of the query that say which events are wanted. */
const CHOOSING = ["type", "service", "instance", "lease", "key", "prefix", "brief"];
/** Of pages alone. */
const PAGING = ["before", "since", "until"];

/** GET …/events */
export function getEvents(exchange: Exchange<Streaming>): Result | undefined | Promise<Result> {
  const { desk, request, query } = exchange;
  const wanted = decodeWanted(query);
  if (!wanted.ok) return wanted;
  const wantsStream = preferredOf(request.header("accept"), ["application/json", STREAM]) === STREAM;
  const text = (wantsStream ? request.header("last-event-id") : undefined) || query.get("after");
  const after = text === undefined ? undefined : decodeEventCursor(text, desk.mark);
  if (text !== undefined && after === undefined) return NO_CURSOR;
  if (!wantsStream) return pollEvents(exchange, wanted.value, after);
  const paging = PAGING.find((name) => query.has(name));
  return paging === undefined
    ? streamEvents(exchange, wanted.value, after)
    : refuse("invalid", `query parameter ${paging} is of pages, not of streams`);
}

export const NO_CURSOR = refuse("invalid", "a cursor is <revision>-<index>, as an answer gave it");

export function decodeWanted(query: Query): Outcome<Wanted> {
  const types = query.all("type");
  const bad = types.find((type) => !isEventType(type));
  if (bad !== undefined)
    return refuse(
      "invalid",
      `query parameter type must be like instance.expired or instance.*, not ${bad.slice(0, 100)}`,
    );
  const [instance, lease, key, prefix] = ["instance", "lease", "key", "prefix"].map((name) => query.get(name));
  const filter = toEventFilter({ types, services: query.all("service"), instance, lease, key, prefix });
  return ok({ filter, brief: query.has("brief") });
}

function streamEvents(exchange: Exchange<Streaming>, wanted: Wanted, after: EventCursor | undefined): undefined {
  const { query, desk } = exchange;
  const feed = new Feed(exchange, wanted);
  const cursor = after ?? { revision: 0, index: 0 };
  const kind = `events ${JSON.stringify(CHOOSING.map((name) => query.all(name)))}`;
  const render = (commit: Commit): string =>
    Array.from(feed.eventsOf(commit, cursor))
      .map((event) => encodeEvent("event", event.id, JSON.stringify(event)))
      .join("");
  followCommits(exchange, {
    scope: { account: exchange.account },
    // Within a commit: begin with that commit, and leave out what was seen.
    after: after === undefined ? undefined : startOf(after),
    // The first commit may have been seen in part, by this client only.
    encode: (commits) => encodePiece(commits, isBefore(cursor, commits) ? kind : undefined, render),
    idOf: (revision) => endOf(revision, desk.mark),
  });
}

function isBefore({ revision }: EventCursor, [first]: readonly Commit[]): boolean {
  return first !== undefined && revision < first.revision;
}

async function pollEvents(exchange: Exchange, wanted: Wanted, after: EventCursor | undefined): Promise<Result> {
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
  const range = await decodeRange(exchange, after);
  if (!range.ok) return range;
  const feed = new Feed(exchange, wanted);
  const isOpen = range.value.before === undefined;
  // Without a position: the latest ones; or, when told to wait, what comes next.
  const found =
    after === undefined && waitMs.value > 0
      ? ok(feed.atEnd())
      : await readers.read(account, () => feed.read(range.value, limit));
  if (!found.ok) return found;
  const { events, revision, complete } = found.value;
  if (events.length > 0 || !complete || waitMs.value === 0 || !isOpen) return toPage(feed, found.value);
  return awaitChange(exchange, { account }, revision, waitMs.value, (_woken, commits) =>
    commits?.some(({ changes }) => changes.some(wanted.filter)) === false
      ? undefined
      : readers
          .read(account, () => feed.read({ ...range.value, after: endCursor(revision) }, limit))
          .then((later): Result | Promise<Result> => (later.ok ? toPage(feed, later.value) : later)),
  );
}

function endCursor(revision: number): EventCursor {
  return { revision, index: Number.MAX_SAFE_INTEGER };
}

/** Times become places in the order. */
async function decodeRange({ desk, query }: Exchange, after: EventCursor | undefined): Promise<Outcome<Range>> {
  const { registry, clock, mark } = desk;
  const text = query.get("before");
  const cursor = text === undefined ? undefined : decodeEventCursor(text, mark);
  if (text !== undefined && cursor === undefined) return NO_CURSOR;
  if (cursor?.revision === ELSEWHERE) return OF_ANOTHER;
  const places: (number | undefined)[] = [];
  for (const name of ["since", "until"]) {
    const time = query.get(name);
    const atMs = time === undefined ? undefined : decodeTime(time, clock.now());
    if (time !== undefined && atMs === undefined)
      return refuse("invalid", `query parameter ${name} must be a time such as 2030-01-31T12:00:00Z, or like -15m`);
    places.push(atMs === undefined ? undefined : await registry.revisionAt(atMs));
  }
  const [since = 0, until] = places;
  const bounds = [
    ...(cursor === undefined ? [] : [{ ...cursor, index: cursor.index > INDEX_MAX ? 0 : cursor.index }]),
    ...(until === undefined ? [] : [{ revision: until + 1, index: 0 }]),
  ].sort((a, b) => a.revision - b.revision || a.index - b.index);
  return ok({ after, since, before: bounds[0] });
}

/** Of a cursor that names a change; a bare revision means all of its commit. */
const INDEX_MAX = 1_000_000_000;

async function toPage(feed: Feed, { events, cursor, next }: Found): Promise<Answer> {
  const rest = JSON.stringify({ cursor, next, oldest: await feed.oldest() });
  return toJsonBody(`{"events":[${events.join(",")}],${rest.slice(1)}\n`);
}
