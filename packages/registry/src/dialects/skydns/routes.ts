/** @live Which path is what, and who serves it. */
import { decodeSegment } from "../../net/http/query.ts";
import { type Pattern, Table } from "../../net/routes/table.ts";
import { addCallback } from "./callbacks/handler.ts";
import type { Handle } from "./desk.ts";
import {
  addService,
  countEnvironments,
  countRegions,
  getService,
  listServices,
  removeService,
  updateService,
} from "./services.ts";

interface Described extends Pattern {
  /** What it is called in the metrics. */
  readonly name: string;
}

export interface Route extends Described {
  readonly handle: Handle;
}

const SERVICE = { pattern: "/skydns/services/:uuid" } as const;

/** Slashes at the end count, as in the original: `/skydns/regions` is no page. */
export const ROUTES: readonly Route[] = [
  { ...SERVICE, method: "PUT", name: "add", handle: addService },
  { ...SERVICE, method: "PATCH", name: "update", handle: updateService },
  { ...SERVICE, method: "GET", name: "get", handle: getService },
  { ...SERVICE, method: "DELETE", name: "remove", handle: removeService },
  { method: "GET", pattern: "/skydns/services/", name: "list", handle: listServices },
  { method: "GET", pattern: "/skydns/regions/", name: "regions", handle: countRegions },
  { method: "GET", pattern: "/skydns/environments/", name: "environments", handle: countEnvironments },
  { method: "PUT", pattern: "/skydns/callbacks/:uuid", name: "callback", handle: addCallback },
];

const TABLE = new Table(ROUTES);

export interface Page {
  /** By method. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Empty where the path has none. */
  readonly uuid: string;
}

export function findPage(path: string): Page | undefined {
  const match = TABLE.match(path);
  const uuid = decodeSegment(match?.params[0] ?? "");
  // An escaped slash is a slash to the original's router: no page has so many parts.
  if (match === undefined || !uuid.ok || uuid.value.includes("/")) return undefined;
  return { routes: match.routes, uuid: uuid.value };
}
