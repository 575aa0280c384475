/** Pages of lists: the parameters that ask for one, and the answer that holds one. */
import { type Outcome, ok } from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import { bad, type Faulty, wrongParameter } from "./faults.ts";
import { checkMarker } from "./fields.ts";
import { Lazy } from "./json.ts";
import { fromTicks, parseUuid, type Ticks } from "./uuid.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;

export interface PageRequest {
  readonly limit: number;
  /** The first id that may stand on the page; null: from the beginning. */
  readonly marker: string | null;
}

/** A page, with the id at which the next one begins. */
export interface Page {
  /** Each is made when it is written. */
  readonly values: readonly (() => object)[];
  readonly next: string | null;
}

/** What is needed to write the address of the next page. */
export interface Here {
  /** Absolute, without the query. */
  readonly url: string;
  /** As sent. */
  readonly rawQuery: string;
}

export function parseLimit(query: Query): Outcome<number, Faulty> {
  const given = query.all("limit");
  if (given.length === 0) return ok(LIMIT_DEFAULT);
  const text = given[0] as string;
  if (given.length > 1 || !/^-?\d{1,15}$/.test(text)) return bad(invalidLimit("Limit must be a number"));
  const limit = Number(text);
  if (limit >= 1 && limit <= LIMIT_MAX) return ok(limit);
  return bad(invalidLimit(`Invalid limit ${limit}. Minimum limit is 1 and maximum limit is ${LIMIT_MAX}.`));
}

function invalidLimit(details: string) {
  return { type: "invalidLimit", message: "Invalid limit", details } as const;
}

/** A marker need not exist, and is inclusive: the page begins at the first id that is not smaller. */
export function parsePage(query: Query, markerLengthMax: number): Outcome<PageRequest, Faulty> {
  const limit = parseLimit(query);
  if (!limit.ok) return limit;
  const given = query.all("marker");
  if (given.length > 1) return bad(wrongParameter("marker", "Not a string"));
  const marker = given[0] ?? "";
  const wrong = checkMarker(marker, markerLengthMax);
  if (wrong !== undefined) return bad(wrongParameter("marker", wrong));
  return ok({ limit: limit.value, marker: marker === "" ? null : marker });
}

/** Times between which a marker of the events feed may lie. */
export interface Span {
  readonly createdAtMs: number;
  readonly nowMs: number;
}

/** Any version-1 UUID is a position in the feed. Null: none was given. */
export function parseEventMarker(query: Query, { createdAtMs, nowMs }: Span): Outcome<Ticks | null, Faulty> {
  const given = query.all("marker");
  if (given.length === 0) return ok(null);
  const parsed = given.length > 1 ? parseUuid("") : parseUuid(given[0] as string);
  if (!parsed.ok) return bad(wrongParameter("marker", parsed.wrong));
  const atMs = fromTicks(parsed.value);
  if (atMs > nowMs) return bad(wrongParameter("marker", "from parameter must be smaller than the current time"));
  if (atMs >= createdAtMs) return ok(parsed.value);
  const details = "from parameter must be greater than or equal to the account creation date";
  return bad(wrongParameter("marker", details));
}

/** A list as it is answered: every key is there, null at the end. */
export function toListBody(page: Page, request: PageRequest, here: Here): object {
  const { values, next } = page;
  return {
    values: new Lazy(values),
    metadata: {
      count: values.length,
      limit: request.limit,
      marker: request.marker,
      next_marker: next,
      next_href: next === null ? null : toNextHref(here, next),
    },
  };
}

/** The same query again, with the marker in its place, or behind. */
function toNextHref({ url, rawQuery }: Here, next: string): string {
  const marker = `marker=${encodeURIComponent(next)}`;
  const kept = rawQuery.split("&").filter((part) => part !== "" && part.split("=", 1)[0] !== "marker");
  return `${url}?${[...kept, marker].join("&")}`;
}
