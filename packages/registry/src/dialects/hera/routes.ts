/** @live Which path is what, and who serves it. */
import { decodeSegment } from "../../net/http/query.ts";
import { type Pattern, Table } from "../../net/routes/table.ts";
import type { Handle } from "./desk.ts";
import { deleteEntry, getEntry, listEntries, putEntry, tellDeltas } from "./entries.ts";

export interface Route extends Pattern {
  /** What it is called in the metrics. */
  readonly name: string;
  readonly handle: Handle;
}

const ENTRY = [
  { method: "PUT", name: "put", handle: putEntry },
  // The original takes an entry by any method: curl sends one by POST unless told otherwise.
  { method: "POST", name: "put", handle: putEntry },
  { method: "GET", name: "get", handle: getEntry },
  { method: "DELETE", name: "delete", handle: deleteEntry },
] as const;

const DELTAS = "_deltas";

/** A slash at the end, and any other depth, is no page, as in the original. */
export const ROUTES: readonly Route[] = [
  ...ENTRY.map((route) => ({ ...route, pattern: "/:service/:instance" })),
  // There may be a service of that name.
  ...ENTRY.map((route) => ({ ...route, pattern: `/${DELTAS}/:instance` })),
  { method: "GET", pattern: `/${DELTAS}`, name: "deltas", handle: tellDeltas },
  { method: "GET", pattern: "/:service", name: "list", handle: listEntries },
];

const TABLE = new Table(ROUTES);

export interface Page {
  /** By method. */
  readonly routes: ReadonlyMap<string, Route>;
  readonly service: string;
  /** Empty where the path has none. */
  readonly id: string;
}

export function findPage(path: string): Page | undefined {
  const match = TABLE.match(path);
  if (match === undefined) return undefined;
  const [service = DELTAS, id = ""] = path.startsWith(`/${DELTAS}/`) ? [DELTAS, ...match.params] : match.params;
  const [name, key] = [decodeSegment(service), decodeSegment(id)];
  if (!name.ok || !key.ok) return undefined;
  // An escaped slash is a slash to the original's router: no page has so many parts.
  if (name.value.includes("/") || key.value.includes("/")) return undefined;
  return { routes: match.routes, service: name.value, id: key.value };
}
