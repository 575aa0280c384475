/** `catalog/register` and `deregister`: nodes, services and checks as somebody else keeps them, decided on what is there. */
import {
  type Account,
  type Check,
  type Command,
  type Facts,
  type InstanceRecord,
  type Plan,
  refuse,
} from "../../../../core/index.ts";
import type { Agent } from "../../desk.ts";
import { type CheckExtras, extrasOf } from "../extras.ts";
import { findNode, keysOf, type NodeCheck, nodeKey, type StoredNode, toNodeValue } from "../nodes.ts";
import { findAt, sameNode, standingOn, VIA } from "../place.ts";
import { goneSteps, inOrder, withChecks, withNodeCheck, withoutCheck } from "../steps.ts";
import { toInstance, type WishedService } from "../wished.ts";
import type { GivenCheck } from "./given.ts";

/** A node, with a service on it and checks of both. */
export interface Registration {
  readonly node: Omit<StoredNode, "checks">;
  /** Only what stands on it is changed. */
  readonly skipNode: boolean;
  readonly service: WishedService | null;
  readonly checks: readonly GivenCheck[];
}

type Registered = Registration & { readonly agent: Agent };

/** `not-found` when a check's service is not there. */
export const CATALOG_REGISTER: Plan<Registered> = {
  name: "consul/catalog-register",
  make(facts, account, { agent, node, skipNode, service, checks }) {
    const steps: Command[] = [...nodeSteps(facts, account, agent, node, skipNode, checks)];
    const ids = new Set(checks.map(({ serviceId }) => serviceId).filter((id) => id !== ""));
    if (service !== null) ids.add(service.id);
    for (const id of ids) {
      const own = checks.filter(({ serviceId }) => serviceId === id);
      const place = { node: node.name, id };
      const before = findAt(facts, account, place, agent.node);
      const wished = service?.id === id ? service : undefined;
      const same = wished === undefined ? before[0] : before.find((record) => record.service === wished.name);
      if (wished === undefined && same === undefined)
        return refuse(
          "not-found",
          `Unknown service ID '${id.slice(0, 200)}' for check ID '${own[0]?.id.slice(0, 200)}'`,
        );
      for (const record of before)
        if (record !== same && record.via === VIA) steps.push(...goneSteps(facts, account, record));
      steps.push(serviceStep(agent, node, wished, same, own));
    }
    return inOrder(steps, null);
  },
};

function serviceStep(
  agent: Agent,
  node: Omit<StoredNode, "checks">,
  wished: WishedService | undefined,
  same: InstanceRecord | undefined,
  given: readonly GivenCheck[],
): Command {
  const named = new Set(given.map(({ id }) => id));
  const kept = (same?.checks ?? []).filter(({ id }) => !named.has(id));
  const checks = [...kept, ...given.map((check) => toChecked(check, same))];
  const known = same === undefined ? {} : (extrasOf(same).checks ?? {});
  const extras = { ...known, ...Object.fromEntries(given.map((check) => [check.id, toExtras(check)])) };
  if (wished === undefined && same !== undefined) return withChecks(same, checks, extras);
  const service = wished as WishedService;
  const place = { node: node.name, id: service.id };
  const instance = toInstance(service, place, agent.node, node.address || agent.address, checks, extras);
  return { kind: "register", instance, life: same === undefined ? "permanent" : "keep" };
}

export function toChecked({ id, name, status, output }: GivenCheck, before: InstanceRecord | undefined): Check {
  const known = before?.checks.find((check) => check.id === id);
  const reportedAtMs = known?.status === status ? known.reportedAtMs : 0;
  return { id, kind: "reported", name, target: "", intervalMs: 0, timeoutMs: 0, status, output, reportedAtMs };
}

export function toExtras({ notes, type, definition }: GivenCheck): CheckExtras {
  return {
    type,
    ...(notes === "" ? {} : { notes }),
    ...(Object.keys(definition).length === 0 ? {} : { definition }),
  };
}

function nodeSteps(
  facts: Facts,
  account: Account,
  agent: Agent,
  node: Omit<StoredNode, "checks">,
  skipNode: boolean,
  given: readonly GivenCheck[],
): readonly Command[] {
  const own = given.filter(({ serviceId }) => serviceId === "");
  if (sameNode(node.name, agent.node))
    return own.map((check) => withNodeCheck(facts, account, agent, check.id, toNodeCheck(check)));
  const before = findNode(keysOf(facts, account), agent, node.name);
  const named = new Set(own.map(({ id }) => id));
  const checks = [...(before?.checks ?? []).filter(({ id }) => !named.has(id)), ...own.map(toNodeCheck)];
  const said = before !== undefined && skipNode ? before : { ...node, id: node.id || (before?.id ?? "") };
  const { name, id, address, taggedAddresses, meta } = said;
  const value = toNodeValue({ name, id, address, taggedAddresses, meta, checks });
  const key = nodeKey(node.name);
  return facts.entry(account, key)?.value === value ? [] : [{ kind: "put", key, value, lease: null }];
}

export function toNodeCheck({ id, name, status, notes, output, type, definition }: GivenCheck): NodeCheck {
  return { id, name, status, notes, output, type, definition };
}

interface Deregistered {
  readonly agent: Agent;
  readonly node: string;
  readonly serviceId: string;
  readonly checkId: string;
}

/** A service, a check, or a node with all that stands on it. What is not there is as good as gone. */
export const CATALOG_DEREGISTER: Plan<Deregistered> = {
  name: "consul/catalog-deregister",
  make(facts, account, { agent, node, serviceId, checkId }) {
    if (serviceId !== "") {
      const found = findAt(facts, account, { node, id: serviceId }, agent.node);
      return inOrder(
        found.flatMap((record) => goneSteps(facts, account, record)),
        null,
      );
    }
    const standing = [...standingOn(facts.account(account), node, agent.node)];
    if (checkId !== "") {
      const owner = standing.find((record) => record.checks.some(({ id }) => id === checkId));
      if (owner !== undefined) return inOrder([withoutCheck(owner, checkId)], null);
      return inOrder(withoutNodeCheck(facts, account, agent, node, checkId), null);
    }
    // The agent's own would be back at once.
    if (sameNode(node, agent.node)) return inOrder([], null);
    const gone = standing.flatMap((record) => goneSteps(facts, account, record));
    const key = nodeKey(node);
    const isKept = facts.entry(account, key) !== undefined;
    return inOrder([...gone, ...(isKept ? [{ kind: "delete", from: key } as const] : [])], null);
  },
};

function withoutNodeCheck(
  facts: Facts,
  account: Account,
  agent: Agent,
  node: string,
  checkId: string,
): readonly Command[] {
  const before = findNode(keysOf(facts, account), agent, node);
  if (before === undefined || !before.checks.some(({ id }) => id === checkId)) return [];
  if (sameNode(node, agent.node)) return [withNodeCheck(facts, account, agent, checkId, null)];
  const { name, id, address, taggedAddresses, meta } = before;
  const checks = before.checks.filter((check) => check.id !== checkId);
  const value = toNodeValue({ name, id, address, taggedAddresses, meta, checks });
  return [{ kind: "put", key: nodeKey(node), value, lease: null }];
}
