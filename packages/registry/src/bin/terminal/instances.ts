/** Instances as a table. */
import type { InstanceBody } from "@rollcall/client";
import { type Cell, type Column, inOrder, toAge, toSpan, toStatus } from "./output.ts";

export function toInstanceTable(
  instances: readonly InstanceBody[],
  withService: boolean,
  nowMs: number,
): readonly [Column[], (readonly Cell[])[]] {
  const columns: Column[] = [
    ...(withService ? [{ title: "service" }] : []),
    { title: "id", whole: true },
    { title: "address", whole: true },
    { title: "status", whole: true },
    { title: "version" },
    { title: "zone" },
    { title: "ttl", right: true },
    { title: "age", right: true },
    { title: "tags" },
  ];
  const rows = instances.map((one): Cell[] => [
    ...(withService ? [one.service] : []),
    one.id,
    one.port > 0 ? `${one.address}:${one.port}` : one.address || "-",
    toStatus(one.status, one.held !== null),
    one.version || "-",
    one.zone || "-",
    toSpan(one.ttlMs),
    toAge(one.createdAt, nowMs),
    listOf(one.tags),
  ]);
  return [columns, inOrder(rows)];
}

export function listOf(items: readonly string[]): string {
  return items.filter(Boolean).join(", ") || "-";
}
