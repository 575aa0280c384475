/** @live Handler of the nodes that share a registry. */
import type { MembersBody } from "@rollcall/client";
import type { Cluster, NodeNumbers } from "../../../core/index.ts";
import { toTime } from "../../../native/wire/numbers.ts";
import type { Result } from "../../../net/routes/serve.ts";
import { toJson } from "../answers.ts";
import type { Desk, Exchange } from "../desk.ts";

type Member = MembersBody["members"][number];

/** GET /v2/_/members */
export function getMembers({ desk }: Exchange): Result {
  const cluster = desk.house.status.cluster();
  const members = cluster === undefined ? [toAlone(desk)] : cluster.nodes.map((one) => toMember(desk, cluster, one));
  const body: MembersBody = { members };
  return toJson(body);
}

function toAlone({ house: { status }, registry, clock }: Desk): Member {
  const { revision, leases } = registry.read((view) => {
    let sum = 0;
    for (const { counts } of view.accounts()) sum += counts.leases;
    return { revision: view.revision, leases: sum };
  });
  return {
    ...{ node: status.name, self: true, role: "alone", address: null, reached: true, version: status.version },
    ...{ since: toTime(status.startedAtMs), lastSeenAt: toTime(clock.now()), leases, revision },
    lag: { revisions: 0, ms: 0 },
  };
}

function toMember({ house: { status }, registry, clock }: Desk, cluster: Cluster, one: NodeNumbers): Member {
  const self = one.name === cluster.name;
  return {
    node: one.name,
    self,
    role: one.isOnDuty ? "duty" : "member",
    address: one.address === "" ? null : one.address,
    reached: one.isReached,
    version: self ? status.version : null,
    since: toTime(one.sinceMs),
    lastSeenAt: one.heardMs === null ? null : toTime(clock.now() - one.heardMs),
    leases: one.kept,
    revision: one.revision,
    lag: self
      ? { revisions: cluster.lagRevisions, ms: Math.round(cluster.lagMs) }
      : lagOf(registry.order, cluster, one),
  };
}

/** In an order that all share: what it had not shown yet when it told its revision last. */
function lagOf(order: "total" | "local", { nodes }: Cluster, { lag, revision }: NodeNumbers): Member["lag"] {
  if (order === "local") {
    const ms = lag?.ms ?? null;
    return { revisions: lag?.changes ?? null, ms: ms === null ? null : Math.round(ms) };
  }
  const latest = Math.max(...nodes.map((node) => node.revision ?? 0));
  return { revisions: revision === null ? null : latest - revision, ms: null };
}
