/** Query parameters that choose instances, and those that page and wait. */
import {
  type InstanceRecord,
  isStatus,
  LIMITS,
  type Outcome,
  ok,
  refuse,
  STATUSES,
  statusOf,
} from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import { decodePosition, type Mark } from "../../../net/routes/position.ts";
import { decodeCount, decodeDuration, WAIT_MS_MAX } from "./numbers.ts";

export const FILTERS: readonly string[] = ["tag+", "zone", "version", "protocol", "status+", "meta.*"];
export const WAITS: readonly string[] = ["after", "wait"];
export const PAGES: readonly string[] = ["from", "limit"];

type Test = (record: InstanceRecord) => boolean;

export interface InstanceFilter {
  readonly matches: Test;
  /** About what one look costs, in looks for a single term. */
  readonly cost: number;
}

const TERMS_PER_COST = 16;

/** Undefined when nothing is filtered. Different parameters must all match; what is said twice is looked for once. */
export function decodeFilter(query: Query): Outcome<InstanceFilter | undefined> {
  const tests: Test[] = [];
  for (const name of ["zone", "version", "protocol"] as const) {
    const wanted = query.get(name);
    if (wanted !== undefined) tests.push((record) => record[name] === wanted);
  }
  const statuses = decodeStatuses(query.all("status"));
  if (!statuses.ok) return statuses;
  if (statuses.value.size > 0) tests.push((record) => statuses.value.has(statusOf(record)));
  const metas = [...query.names()].filter((name) => name.startsWith("meta."));
  if (metas.includes("meta.")) return refuse("invalid", "query parameter meta.<key> needs a key");
  if (metas.length > 0) tests.push(testMetas(metas.map((name) => [name.slice("meta.".length), query.all(name)])));
  const tags = new Set(query.all("tag"));
  if (tags.size > 0) tests.push(testTags([...tags]));
  if (tests.length === 0) return ok(undefined);
  const matches: Test = (record) => tests.every((test) => test(record));
  return ok({ matches, cost: 1 + Math.floor((metas.length + tags.size) / TERMS_PER_COST) });
}

const NEVER: Test = () => false;

/** No instance has more entries than are allowed, nor one entry with two values. */
function testMetas(wanted: readonly (readonly [key: string, values: readonly string[]])[]): Test {
  if (wanted.length > LIMITS.metaEntriesMax || wanted.some(([, values]) => new Set(values).size > 1)) return NEVER;
  // What objects inherit is no text, and equal to none.
  return ({ meta }) => wanted.every(([key, [value]]) => meta[key] === value);
}

/** In one pass over the tags of an instance, which may have one twice. */
function testTags(wanted: readonly string[]): Test {
  if (wanted.length > LIMITS.tagsMax) return NEVER;
  const seenIn = new Map(wanted.map((tag) => [tag, 0]));
  let round = 0;
  return ({ tags }) => {
    round++;
    let found = 0;
    for (const tag of tags) {
      const seen = seenIn.get(tag);
      if (seen === undefined || seen === round) continue;
      seenIn.set(tag, round);
      found++;
    }
    return found === wanted.length;
  };
}

function decodeStatuses(words: readonly string[]): Outcome<ReadonlySet<string>> {
  const statuses = new Set<string>();
  for (const word of words) {
    if (word === "healthy") statuses.add("passing").add("warning");
    else if (isStatus(word)) statuses.add(word);
    else return refuse("invalid", `query parameter status must be healthy or one of ${STATUSES.join(", ")}`);
  }
  return ok(statuses);
}

export interface Page {
  readonly from: string;
  readonly limit: number;
}

export const LIMIT_DEFAULT = 1000;
export const LIMIT_MAX = 10_000;

export function decodePage(query: Query, limitDefault = LIMIT_DEFAULT): Outcome<Page> {
  const text = query.get("limit");
  const limit = text === undefined ? limitDefault : decodeCount(text);
  if (limit === undefined || limit < 1 || limit > LIMIT_MAX)
    return refuse("invalid", `query parameter limit must be an integer from 1 to ${LIMIT_MAX}`);
  return ok({ from: query.get("from") ?? "", limit });
}

export interface Wait {
  /** Undefined: after what is there now. `ELSEWHERE` for a position of another order. */
  readonly after: number | undefined;
  readonly waitMs: number;
}

/** `after` and `wait` of a long poll. */
export function decodeWait(query: Query, mark: Mark): Outcome<Wait> {
  const text = query.get("after");
  const position = text === undefined ? undefined : decodePosition(text, mark);
  if (text !== undefined && (position === undefined || position.index !== undefined))
    return refuse("invalid", "query parameter after must be a revision, a non-negative integer, or a position");
  const waitMs = decodeWaitMs(query);
  return waitMs.ok ? ok({ after: position?.revision, waitMs: waitMs.value }) : waitMs;
}

/** How long to wait, in ms: 0 when nothing is said, and never longer than the bound. */
export function decodeWaitMs(query: Query): Outcome<number> {
  const text = query.get("wait");
  if (text === undefined) return ok(0);
  const waitMs = decodeDuration(text);
  return waitMs === undefined
    ? refuse("invalid", 'query parameter wait must be a duration such as "30s"')
    : ok(Math.min(waitMs, WAIT_MS_MAX));
}
