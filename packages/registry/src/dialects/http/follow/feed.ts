/** @live Reads history for the events feed: forwards from a cursor, or backwards from one. */
import type { EventBody } from "@rollcall/client";
import { type Commit, type Outcome, ok, type Registry, type Revision } from "../../../core/index.ts";
import { type EventCursor, type EventFilter, toEventBody, toEventId } from "../../../native/wire/commits.ts";
import { toTime } from "../../../native/wire/numbers.ts";
import type { Mark } from "../../../net/routes/position.ts";
import { GATHERED_BYTES_MAX } from "../answers.ts";
import type { Exchange } from "../desk.ts";

const SCANNED_PER_READ = 2000;
/** One answer reads so often at most; its cursor leads on from there. */
const READS_MAX = 20;
/** The first steps backwards are short: the latest commits may be enough, and long. */
const FIRST_STEP = 128;
/** No commit has so many changes: the index that stands for "all of this commit". */
const INDEX_END = 999_999_999;

export function endOf(revision: Revision, mark: Mark): string {
  return toEventId(revision, INDEX_END, mark);
}

/** The revision after which the commit of the cursor comes (again), unless all of it was seen. */
export function startOf({ revision, index }: EventCursor): Revision {
  return index >= INDEX_END || revision <= 0 ? revision : revision - 1;
}

export interface Wanted {
  readonly filter: EventFilter;
  /** Without the records. */
  readonly brief: boolean;
}

/** Which part of the feed. Read forwards where there is an `after`, else backwards. */
export interface Range {
  readonly after: EventCursor | undefined;
  /** Commits after this one. */
  readonly since: Revision;
  /** Changes before this one. */
  readonly before: EventCursor | undefined;
}

export interface Found {
  /** As JSON, oldest first. */
  readonly events: readonly string[];
  readonly cursor: string;
  /** Where the page before begins; null where there is none. */
  readonly next: string | null;
  /** Commits up to this one were looked at. */
  readonly revision: Revision;
  /** False when there is more to look at right now. */
  readonly complete: boolean;
}

interface Told {
  readonly id: string;
  readonly text: string;
}

const FIRST: EventCursor = { revision: -1, index: 0 };

/** Where history begins, as it was found last. */
const oldest = new WeakMap<Registry, { readonly floor: Revision; readonly revision: Revision; readonly at: string }>();

interface Oldest {
  readonly revision: Revision;
  /** Null where there is nothing yet. */
  readonly at: string | null;
}

/** The first commit that history has. */
export async function oldestOf(registry: Registry): Promise<Oldest> {
  const { floor } = registry;
  const known = oldest.get(registry);
  if (known?.floor === floor) return { revision: known.revision, at: known.at };
  const found = await registry.history(floor, 1);
  const first = found.ok ? found.value[0] : undefined;
  if (first === undefined) return { revision: floor, at: null };
  const { revision } = first;
  oldest.set(registry, { floor, revision, at: toTime(first.atMs) });
  return { revision, at: toTime(first.atMs) };
}

/** Whose events, and by what they are shown. */
type Whose = Pick<Exchange, "account" | "desk">;

export class Feed {
  readonly #exchange: Whose;
  readonly #wanted: Wanted;

  constructor(exchange: Whose, wanted: Wanted) {
    this.#exchange = exchange;
    this.#wanted = wanted;
  }

  *eventsOf(commit: Commit, after: EventCursor, before?: EventCursor): Iterable<EventBody> {
    const { account, desk } = this.#exchange;
    const { filter, brief } = this.#wanted;
    if (commit.account !== account) return;
    for (const [index, change] of commit.changes.entries()) {
      if (commit.revision === after.revision && index <= after.index) continue;
      if (before !== undefined && commit.revision === before.revision && index >= before.index) return;
      if (!filter(change)) continue;
      const { before: was, after: is, ...event } = toEventBody(commit, index, desk.around);
      yield brief ? event : { ...event, before: was ?? null, after: is ?? null };
    }
  }

  get #registry(): Registry {
    return this.#exchange.desk.registry;
  }

  get #mark(): Mark {
    return this.#exchange.desk.mark;
  }

  #now(): Revision {
    return this.#registry.read((view) => view.revision);
  }

  /** Nothing, and what comes next. */
  atEnd(): Found {
    const revision = this.#now();
    return { events: [], cursor: endOf(revision, this.#mark), next: this.#nextAt(revision), revision, complete: true };
  }

  /** For the page that ends with this commit. */
  #nextAt(revision: Revision): string | null {
    return revision > this.#registry.floor ? toEventId(revision + 1, 0, this.#mark) : null;
  }

  /** Forwards no more than `lengthMax` characters, but for the last event. */
  read(range: Range, limit: number, lengthMax = GATHERED_BYTES_MAX): Promise<Outcome<Found>> {
    return range.after === undefined
      ? this.#readBack(range, limit)
      : this.#readOn(range.after, range, limit, lengthMax);
  }

  oldest(): Promise<Oldest> {
    return oldestOf(this.#registry);
  }

  /** Events after a position, until they are enough or long. */
  async #readOn(
    after: EventCursor,
    { since, before }: Range,
    limit: number,
    lengthMax: number,
  ): Promise<Outcome<Found>> {
    const events: Told[] = [];
    const end = Math.min(this.#now(), before === undefined ? Number.POSITIVE_INFINITY : endBefore(before));
    const begin = Math.max(startOf(after), since);
    const found = (cursor: string, revision: Revision, complete: boolean): Outcome<Found> =>
      ok({
        ...{ events: events.map(({ text }) => text), cursor, revision, complete },
        next: events[0]?.id ?? this.#nextAt(Math.min(begin, end)),
      });
    const cursorAt = (revision: Revision): string => cursorOf(revision, after, this.#mark);
    let length = 0;
    let revision = Math.min(begin, this.#now());
    for (let reads = 0; reads < READS_MAX; reads++) {
      const page = await this.#registry.history(revision, SCANNED_PER_READ);
      if (!page.ok) return page;
      if (page.value.length === 0) return found(cursorAt(revision), revision, true);
      for (const commit of page.value) {
        if (commit.revision > end && before !== undefined) return found(cursorAt(end), end, true);
        for (const event of this.eventsOf(commit, after, before)) {
          const text = JSON.stringify(event);
          events.push({ id: event.id, text });
          length += text.length;
          if (events.length >= limit || length > lengthMax) return found(event.id, revision, false);
        }
        revision = commit.revision;
      }
      if (revision === this.#now()) return found(cursorAt(revision), revision, true);
    }
    return found(cursorAt(revision), revision, false);
  }

  /** The latest events, oldest first: history is searched backwards until there are enough of them, or they are long. */
  async #readBack({ since, before }: Range, limit: number): Promise<Outcome<Found>> {
    const now = this.#now();
    const floor = Math.max(this.#registry.floor, since);
    const top = before === undefined ? now : Math.min(now, endBefore(before));
    let latest: Told[] = [];
    let length = 0;
    let end = top;
    let step = FIRST_STEP;
    for (let reads = 0; reads < READS_MAX && end > floor; reads++) {
      const from = Math.max(floor, end - step);
      const found = await this.#readBetween(from, end, before);
      if (!found.ok) return found;
      latest = [...found.value, ...latest];
      for (const { text } of found.value) length += text.length;
      end = from;
      if (latest.length >= limit || length > GATHERED_BYTES_MAX) break;
      step = Math.min(2 * step, SCANNED_PER_READ);
    }
    let first = Math.max(0, latest.length - limit);
    // One event at least, however long it is.
    for (; length > GATHERED_BYTES_MAX && first < latest.length - 1; first++)
      length -= (latest[first] as Told).text.length;
    const events = latest.slice(first).map(({ text }) => text);
    const isCut = first > 0 || latest[0]?.text === "";
    const next = isCut ? (latest[first] as Told).id : end > floor ? toEventId(end + 1, 0, this.#mark) : null;
    return ok({ events, cursor: endOf(top, this.#mark), next, revision: top, complete: true });
  }

  /** The last events of the commits after `from`, up to `to`: as many as one page may hold; others without their text. */
  async #readBetween(from: Revision, to: Revision, before: EventCursor | undefined): Promise<Outcome<readonly Told[]>> {
    const events: Told[] = [];
    let [first, length] = [0, 0];
    for (let after = from; after < to; ) {
      const page = await this.#registry.history(after, SCANNED_PER_READ);
      if (!page.ok) return page;
      if (page.value.length === 0) break;
      for (const commit of page.value) {
        after = commit.revision;
        if (after > to) break;
        for (const event of this.eventsOf(commit, FIRST, before)) {
          const text = JSON.stringify(event);
          events.push({ id: event.id, text });
          length += text.length;
        }
        for (; length > 2 * GATHERED_BYTES_MAX && first < events.length - 1; first++) {
          const { id, text } = events[first] as Told;
          length -= text.length;
          events[first] = { id, text: "" };
        }
      }
    }
    return ok(events.slice(first));
  }
}

/** The last commit that may have something before this. */
function endBefore({ revision, index }: EventCursor): Revision {
  return index === 0 ? revision - 1 : revision;
}

/** The position after what was looked at, but never one before the client's own. */
function cursorOf(revision: Revision, after: EventCursor, mark: Mark): string {
  return revision < after.revision
    ? toEventId(after.revision, Math.min(after.index, INDEX_END), mark)
    : endOf(revision, mark);
}
