/** Query parameters that choose instances, and those that page and wait. */
import { type Outcome, ok, refuse } from "../../../core/index.ts";
import { type InstanceFilter, toFilter } from "../../../native/catalog/filter.ts";
import { decodeCount, decodeDuration, WAIT_MS_MAX } from "../../../native/wire/numbers.ts";
import type { Query } from "../../../net/http/query.ts";
import { decodePosition, type Mark } from "../../../net/routes/position.ts";

export const FILTERS: readonly string[] = [
  ...["tag+", "zone", "version", "protocol", "status+", "meta.*"],
  ...["via", "address", "held", "override", "q"],
];

/** Undefined when it is not said. */
function decodeFlag(query: Query, name: string): Outcome<boolean | undefined> {
  const text = query.get(name);
  if (text === undefined) return ok(undefined);
  if (text === "true" || text === "") return ok(true);
  return text === "false" ? ok(false) : refuse("invalid", `query parameter ${name} must be true or false`);
}
export const WAITS: readonly string[] = ["after", "wait"];
export const PAGES: readonly string[] = ["from", "limit"];

/** Undefined when nothing is filtered. Different parameters must all match; what is said twice is looked for once. */
export function decodeFilter(query: Query): Outcome<InstanceFilter | undefined> {
  const metas = [...query.names()].filter((name) => name.startsWith("meta."));
  if (metas.includes("meta.")) return refuse("invalid", "query parameter meta.<key> needs a key");
  const held = decodeFlag(query, "held");
  if (!held.ok) return held;
  const overridden = decodeFlag(query, "override");
  if (!overridden.ok) return overridden;
  const filter = toFilter({
    ...{ via: query.get("via"), address: query.get("address"), text: query.get("q") },
    ...{ held: held.value, overridden: overridden.value },
    zone: query.get("zone"),
    version: query.get("version"),
    protocol: query.get("protocol"),
    statuses: query.all("status"),
    tags: query.all("tag"),
    metas: metas.map((name) => [name.slice("meta.".length), query.all(name)]),
  });
  return filter.ok ? filter : { ...filter, detail: `query parameter ${filter.detail}` };
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
