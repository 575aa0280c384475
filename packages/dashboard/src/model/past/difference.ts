/** What is different between two moments, in groups that belong together; what changed first is first. */
import type { InstanceBody, NetChangeBody, NetInstanceBody, NetKeyBody } from "@rollcall/client";
import { listed } from "../numbers.ts";
import { isUsable } from "../status.ts";
import { authorText } from "./events.ts";

/** One thing that is not as it was, as the registry tells it. */
export type NetChange = NetChangeBody;
type InstanceChange = NetInstanceBody;

export type Group =
  | { readonly kind: "key"; readonly at: string; readonly change: NetKeyBody }
  | {
      readonly kind: "held";
      readonly at: string;
      readonly zone: string;
      readonly services: readonly (readonly [string, number])[];
      readonly instances: number;
      readonly reason: string;
    }
  | {
      readonly kind: "service";
      readonly at: string;
      readonly service: string;
      readonly came: readonly InstanceBody[];
      readonly left: readonly InstanceBody[];
      readonly changed: readonly { readonly before: InstanceBody; readonly after: InstanceBody }[];
      readonly isWorse: boolean;
    };

/** Keys one by one, services together, held ones in one group a zone. */
export function toGroups(changes: readonly NetChange[]): Group[] {
  const keys = changes.filter((change) => change.kind === "key");
  const instances = changes.filter((change) => change.kind === "instance");
  const isHeld = (change: InstanceChange) =>
    change.after?.held != null && change.before?.held == null && change.before !== null;
  const groups: Group[] = [
    ...keys.map((change) => ({ kind: "key" as const, at: change.firstAt, change })),
    ...[...grouped(instances.filter(isHeld), ({ after }) => after?.zone ?? "")].map(([zone, all]) =>
      heldGroup(zone, all),
    ),
    ...[
      ...grouped(
        instances.filter((one) => !isHeld(one)),
        ({ service }) => service,
      ),
    ].map(([service, all]) => serviceGroup(service, all)),
  ];
  return groups.sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0));
}

function heldGroup(zone: string, changes: readonly InstanceChange[]): Group {
  const services = [...grouped(changes, ({ service }) => service)].map(([name, { length }]) => [name, length] as const);
  const [first] = changes;
  return {
    kind: "held",
    at: earliest(changes),
    zone,
    services,
    instances: changes.length,
    reason: first?.reason ?? "",
  };
}

function serviceGroup(service: string, changes: readonly InstanceChange[]): Group {
  const changed = changes.flatMap(({ before, after }) =>
    before !== null && after !== null ? [{ before, after }] : [],
  );
  const came = changes.flatMap(({ before, after }) => (before === null && after !== null ? [after] : []));
  const left = changes.flatMap(({ before, after }) => (after === null && before !== null ? [before] : []));
  const usableBefore = [...left, ...changed.map(({ before }) => before)].filter(isUsable).length;
  const usableAfter = [...came, ...changed.map(({ after }) => after)].filter(isUsable).length;
  return { kind: "service", at: earliest(changes), service, came, left, changed, isWorse: usableAfter < usableBefore };
}

function earliest(changes: readonly NetChange[]): string {
  return changes.map(({ firstAt }) => firstAt).sort()[0] ?? "";
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}

/** `4 came on 2.8.0, 3 left on 2.7.4`. */
export function groupText(group: Group & { kind: "service" }): string {
  const { came, left, changed } = group;
  const parts = [
    ...(came.length > 0 ? [`${came.length} came${onVersions(came)}`] : []),
    ...(left.length > 0 ? [`${left.length} left${onVersions(left)}`] : []),
    ...turns(changed),
  ];
  return parts.join(", ");
}

function onVersions(instances: readonly InstanceBody[]): string {
  const versions = [...new Set(instances.map(({ version }) => version))].filter((one) => one !== "");
  return versions.length === 0 || versions.length > 2 ? "" : ` on ${listed(versions, 2)}`;
}

function turns(changed: readonly { before: InstanceBody; after: InstanceBody }[]): string[] {
  const turned = changed.filter(({ before, after }) => before.status !== after.status);
  const byStatus = grouped(turned, ({ after }) => after.status);
  const others = changed.length - turned.length;
  return [
    ...[...byStatus].map(([status, all]) => `${all.length} turned ${status}`),
    ...(others > 0 ? [`${others} changed otherwise`] : []),
  ];
}

/** Who wrote how much, the most first. */
export function writersOf(changes: readonly NetChange[]): { who: string; instances: number; keys: number }[] {
  const writers = new Map<string, { who: string; instances: number; keys: number }>();
  for (const change of changes) {
    const record = change.kind === "instance" ? (change.after ?? change.before) : null;
    const isOwn = change.cause === "held" || change.cause === "expired" || change.cause === "released";
    const told = authorText(change.by && { ...change.by, address: null });
    const who = isOwn
      ? "the registry itself"
      : change.by?.token
        ? told
        : record === null
          ? told
          : `${record.via} clients`;
    if (who === "") continue;
    const writer = writers.get(who) ?? { who, instances: 0, keys: 0 };
    if (change.kind === "key") writer.keys++;
    else writer.instances++;
    writers.set(who, writer);
  }
  return [...writers.values()].sort((one, other) => other.instances + other.keys - one.instances - one.keys);
}
