/** @live Which path is what, and who serves it. */
import { type Pattern, Table } from "../../net/routes/table.ts";
import type { Handle } from "./desk.ts";
import { createChannel, createTopic, deleteChannel, deleteTopic, tombstone } from "./http/changes.ts";
import { channels, debug, info, lookup, nodes, ping, topics } from "./http/lookups.ts";

export interface Route extends Pattern {
  /** What it is called in the metrics. */
  readonly name: string;
  readonly handle: Handle;
  /** A path of 0.3: its answers are wrapped. */
  readonly isOld: boolean;
}

const READS: readonly (readonly [name: string, handle: Handle])[] = [
  ["ping", ping],
  ["info", info],
  ["topics", topics],
  ["channels", channels],
  ["nodes", nodes],
  ["debug", debug],
  ["lookup", lookup],
];

const CHANGES: readonly (readonly [path: string, old: string, handle: Handle])[] = [
  ["topic/create", "create_topic", createTopic],
  ["topic/delete", "delete_topic", deleteTopic],
  ["channel/create", "create_channel", createChannel],
  ["channel/delete", "delete_channel", deleteChannel],
  ["topic/tombstone", "tombstone_topic_producer", tombstone],
];

export const ROUTES: readonly Route[] = [
  ...READS.map(([name, handle]) => ({ method: "GET", pattern: `/${name}`, name, handle, isOld: false }) as const),
  ...CHANGES.flatMap(([path, old, handle]): Route[] => [
    { method: "POST", pattern: `/${path}`, name: old, handle, isOld: false },
    // 0.3 knew no methods.
    ...(["GET", "POST"] as const).map((method) => ({ method, pattern: `/${old}`, name: old, handle, isOld: true })),
  ]),
];

const TABLE = new Table(ROUTES);

/** By method; undefined where there is no such path. */
export function findRoutes(path: string): ReadonlyMap<string, Route> | undefined {
  return TABLE.match(path)?.routes;
}
