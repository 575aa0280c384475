/** What the agent's clients change, decided on what is there. */
import {
  type Account,
  beatOf,
  type Check,
  type Command,
  type Facts,
  type InstanceRecord,
  type Plan,
  refuse,
} from "../../../core/index.ts";
import { type CheckExtras, extrasOf } from "../catalog/extras.ts";
import { type CheckStatus, findNode, keysOf, type NodeCheck } from "../catalog/nodes.ts";
import { findAt, VIA } from "../catalog/place.ts";
import { goneSteps, inOrder, withCheck, withNodeCheck, withNodeChecks, withoutCheck } from "../catalog/steps.ts";
import { checkKey, type FoundCheck, findCheck, forgetSteps, watchSteps } from "../catalog/watched.ts";
import { toCheck, toInstance, type WishedCheck, type WishedService } from "../catalog/wished.ts";
import type { Agent } from "../desk.ts";

interface Registered {
  readonly agent: Agent;
  readonly service: WishedService;
  /** Where it is when it says nothing itself. */
  readonly nodeAddress: string;
  readonly checks: readonly WishedCheck[];
  /** Checks that it had before and are not among these go. */
  readonly replaceChecks: boolean;
}

/** A service of the agent's node. One of the same id under another name goes; results of checks stay. */
export const REGISTER: Plan<Registered> = {
  name: "consul/register",
  make(facts, account, { agent, service, nodeAddress, checks, replaceChecks }) {
    const place = { node: agent.node, id: service.id };
    const before = findAt(facts, account, place, agent.node).filter(({ via }) => via === VIA);
    const same = before.find((record) => record.service === service.name);
    const wished = new Set(checks.map(({ id }) => id));
    const kept = replaceChecks ? [] : (same?.checks ?? []).filter(({ id }) => !wished.has(id));
    const known = new Map(before.flatMap((record) => record.checks.map((check) => [check.id, check] as const)));
    const all: readonly Check[] = [...kept, ...checks.map((check) => toCheck(check, known.get(check.id)))];
    const extras = { ...pick(same, kept), ...Object.fromEntries(checks.map(({ id, extras }) => [id, extras])) };
    const instance = toInstance(service, place, agent.node, nodeAddress, all, extras);
    const steps: Command[] = [];
    for (const record of before) {
      const gone =
        record === same ? record.checks.filter(({ id }) => !all.some((check) => check.id === id)) : record.checks;
      for (const { id } of gone) steps.push(...forgetSteps(facts, account, id, record));
      if (record !== same) steps.push({ kind: "deregister", instance: record });
    }
    steps.push({ kind: "register", instance, life: same === undefined ? "permanent" : "keep" });
    const key = { service: instance.service, id: instance.id };
    for (const { id, ttlMs, alias } of checks) steps.push(...watchSteps(id, key, ttlMs, alias));
    return inOrder(steps, null);
  },
};

function pick(record: InstanceRecord | undefined, checks: readonly Check[]): Record<string, CheckExtras> {
  const known = record === undefined ? {} : (extrasOf(record).checks ?? {});
  const picked: Record<string, CheckExtras> = {};
  for (const { id } of checks) if (known[id] !== undefined) picked[id] = known[id];
  return picked;
}

/** Whether there was anything. */
export const DEREGISTER: Plan<{ readonly agent: Agent; readonly id: string }, boolean> = {
  name: "consul/deregister",
  make(facts, account, { agent, id }) {
    const found = findAt(facts, account, { node: agent.node, id }, agent.node);
    return inOrder(
      found.flatMap((record) => goneSteps(facts, account, record)),
      found.length > 0,
    );
  },
};

interface Added {
  readonly agent: Agent;
  /** Empty for a check of the node itself. */
  readonly serviceId: string;
  readonly check: WishedCheck;
}

/** A check by itself, at a service or at the node. `not-found` when there is no such service. */
export const ADD_CHECK: Plan<Added> = {
  name: "consul/add-check",
  make(facts, account, { agent, serviceId, check }) {
    if (serviceId === "") {
      const before = findNode(keysOf(facts, account), agent, agent.node)?.checks.find(({ id }) => id === check.id);
      const { id, name, extras, run, alias } = check;
      const { status, output } = before ?? check;
      const about = { id, name, status, notes: extras.notes ?? "", output, type: extras.type };
      const added: NodeCheck = run === undefined ? about : { ...about, run, foundAtMs: before?.foundAtMs ?? 0 };
      return inOrder(
        [withNodeCheck(facts, account, agent, id, added), ...watchSteps(id, null, check.ttlMs, alias)],
        null,
      );
    }
    const [record] = findAt(facts, account, { node: agent.node, id: serviceId }, agent.node);
    if (record === undefined) return refuse("not-found", `ServiceID ${JSON.stringify(serviceId)} does not exist`);
    const before = record.checks.find(({ id }) => id === check.id);
    return inOrder(
      [
        withCheck(record, toCheck(check, before), check.extras),
        ...watchSteps(check.id, record, check.ttlMs, check.alias),
      ],
      null,
    );
  },
};

/** Whether there was one. */
export const REMOVE_CHECK: Plan<{ readonly agent: Agent; readonly id: string }, boolean> = {
  name: "consul/remove-check",
  make(facts, account, { agent, id }) {
    const found = findCheck(facts, account, agent, id);
    if (found === undefined) return inOrder([], false);
    const { record } = found;
    const gone = record === null ? withNodeCheck(facts, account, agent, id, null) : withoutCheck(record, id);
    return inOrder([gone, ...forgetSteps(facts, account, id, record)], true);
  },
};

interface Reported {
  readonly agent: Agent;
  readonly id: string;
  readonly status: CheckStatus;
  readonly output: string;
}

/** What a client says of a check with a TTL; its time begins anew. `not-found`, `invalid` for one without. */
export const REPORT: Plan<Reported> = {
  name: "consul/report",
  make(facts, account, { agent, id, status, output }) {
    const found = findCheck(facts, account, agent, id);
    if (found === undefined) return refuse("not-found", unknownCheck(id));
    if (!found.isTtl) return refuse("invalid", `CheckID ${JSON.stringify(id)} does not have associated TTL`);
    const { watched, key } = found;
    const told = tellSteps(facts, account, agent, [{ found, status, output }]);
    const lease = key.lease === null ? undefined : facts.lease(account, key.lease);
    // While its time runs, what is said is a heartbeat besides; once it was up, it begins anew.
    const beats = lease === undefined ? watchSteps(id, watched.instance, watched.ttlMs) : [beatOf(lease)];
    return inOrder([...told, ...beats], null);
  },
};

export function unknownCheck(id: string): string {
  return `Unknown check ID ${JSON.stringify(id)}. Ensure that the check ID is passed, not the check name.`;
}

/** What was found out about a check. */
interface Told {
  readonly found: FoundCheck;
  readonly status: CheckStatus;
  readonly output: string;
  /** When the registry ran it; left out where a client said it. */
  readonly foundAtMs?: number;
}

function tellSteps(facts: Facts, account: Account, agent: Agent, told: readonly Told[]): readonly Command[] {
  const ofNode: NodeCheck[] = [];
  const steps: Command[] = [];
  for (const { found, ...result } of told) {
    const { status, output } = result;
    if (found.record === null) ofNode.push({ ...(found.check as NodeCheck), ...result });
    else steps.push({ kind: "report", instance: found.record, checkId: found.check.id, status, output });
  }
  if (ofNode.length > 0) {
    const ids = ofNode.map(({ id }) => id);
    steps.push(withNodeChecks(facts, account, agent, ids, ofNode));
  }
  return steps;
}

interface Found {
  readonly agent: Agent;
  readonly found: readonly { readonly id: string; readonly status: CheckStatus; readonly output: string }[];
}

/** What the registry found out about checks of its own that are no instance's, or that stand for others. */
export const FOUND: Plan<Found> = {
  name: "consul/found",
  make(facts, account, { agent, found }, { atMs }) {
    const told = found.flatMap(({ id, status, output }): readonly Told[] => {
      const known = findCheck(facts, account, agent, id);
      return known === undefined || known.isTtl ? [] : [{ found: known, status, output, foundAtMs: atMs }];
    });
    return inOrder(tellSteps(facts, account, agent, told), null);
  },
};

/** The time of these checks is up: they turn critical. Those of instances that are gone are forgotten. */
export const LAPSE: Plan<{ readonly agent: Agent; readonly ids: readonly string[] }> = {
  name: "consul/lapse",
  make(facts, account, { agent, ids }) {
    const steps: Command[] = [];
    const told: Told[] = [];
    for (const id of ids) {
      const key = facts.entry(account, checkKey(id));
      if (key === undefined || key.lease !== null || key.detachedAtMs === 0) continue;
      const found = findCheck(facts, account, agent, id);
      if (found === undefined) steps.push({ kind: "delete", from: key.key });
      else if (found.check.status !== "critical" || found.check.output !== TTL_EXPIRED)
        told.push({ found, status: "critical", output: TTL_EXPIRED });
    }
    return inOrder([...steps, ...tellSteps(facts, account, agent, told)], null);
  },
};

export const TTL_EXPIRED = "TTL expired";

interface Maintained {
  readonly agent: Agent;
  /** Empty for the node itself. */
  readonly serviceId: string;
  readonly enable: boolean;
  readonly reason: string;
}

/** Whether there is such a service. */
export const MAINTAIN: Plan<Maintained, boolean> = {
  name: "consul/maintain",
  make(facts, account, { agent, serviceId, enable, reason }) {
    if (serviceId === "") {
      const id = "_node_maintenance";
      const check = {
        id,
        name: "Node Maintenance Mode",
        status: "critical",
        notes: reason,
        output: "",
        type: "maintenance",
      } as const;
      return inOrder([withNodeCheck(facts, account, agent, id, enable ? check : null)], true);
    }
    const [record] = findAt(facts, account, { node: agent.node, id: serviceId }, agent.node);
    if (record === undefined) return inOrder([], false);
    const id = `_service_maintenance:${serviceId}`;
    const has = record.checks.some((check) => check.id === id);
    if (!enable) return inOrder(has ? [withoutCheck(record, id)] : [], true);
    const check: WishedCheck = {
      id,
      name: "Service Maintenance Mode",
      status: "critical",
      output: "",
      type: "",
      ttlMs: 0,
      extras: { type: "maintenance", notes: reason },
    };
    return inOrder(has ? [] : [withCheck(record, toCheck(check, undefined), check.extras)], true);
  },
};

/** An instance of which a check has been critical for longer than it may be: unless it has recovered since. */
export const REAP: Plan<{ readonly service: string; readonly id: string }> = {
  name: "consul/reap",
  make(facts, account, { service, id }, { atMs }) {
    const record = facts.instance(account, service, id);
    if (record === undefined) return inOrder([], null);
    const { checks } = extrasOf(record);
    const isDue = record.checks.some((check) => {
      const afterMs = checks?.[check.id]?.deregisterAfterMs;
      return afterMs !== undefined && check.status === "critical" && atMs - check.reportedAtMs >= afterMs;
    });
    return inOrder(isDue ? goneSteps(facts, account, record) : [], null);
  },
};
