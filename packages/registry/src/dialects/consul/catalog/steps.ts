/** Steps that change instances with their checks. */
import {
  type Account,
  type Check,
  type Command,
  type Facts,
  type InstanceRecord,
  type Outcome,
  ok,
  type Planned,
} from "../../../core/index.ts";
import type { Agent } from "../desk.ts";
import { type CheckExtras, type Extras, encodeExtras, extrasOf } from "./extras.ts";
import { findNode, keysOf, type NodeCheck, nodeKey, SERF_HEALTH, toNodeValue } from "./nodes.ts";
import { META } from "./place.ts";
import { forgetSteps } from "./watched.ts";

export function inOrder<N = null>(then: readonly Command[], note: N): Outcome<Planned<N>> {
  return ok({ command: then.length === 0 ? null : { kind: "when", guards: [], then, otherwise: [] }, note });
}

/** An instance goes, with all that is kept for its checks. */
export function goneSteps(facts: Facts, account: Account, record: InstanceRecord): readonly Command[] {
  return [
    ...record.checks.flatMap(({ id }) => forgetSteps(facts, account, id, record)),
    { kind: "deregister", instance: { service: record.service, id: record.id } },
  ];
}

/** The instance with this check instead of the one of its id, or besides. */
export function withCheck(record: InstanceRecord, check: Check, extras: CheckExtras): Command {
  const others = record.checks.filter(({ id }) => id !== check.id);
  return withChecks(record, [...others, check], { ...extrasOf(record).checks, [check.id]: extras });
}

export function withoutCheck(record: InstanceRecord, id: string): Command {
  const { [id]: _, ...extras } = extrasOf(record).checks ?? {};
  return withChecks(
    record,
    record.checks.filter((check) => check.id !== id),
    extras,
  );
}

/** The instance with exactly these checks. */
export function withChecks(
  record: InstanceRecord,
  checks: readonly Check[],
  checkExtras: Readonly<Record<string, CheckExtras>>,
): Command {
  const { [META.extras]: _, ...meta } = record.meta;
  const { checks: __, ...extras } = extrasOf(record);
  const all: Extras = Object.keys(checkExtras).length === 0 ? extras : { ...extras, checks: checkExtras };
  const note = encodeExtras(all);
  const instance = { ...record, checks, meta: note === undefined ? meta : { ...meta, [META.extras]: note } };
  return { kind: "register", instance, life: "keep" };
}

/** The agent's node with this check instead of the one of its id; null takes it away. */
export function withNodeCheck(
  facts: Facts,
  account: Account,
  agent: Agent,
  id: string,
  check: NodeCheck | null,
): Command {
  return withNodeChecks(facts, account, agent, [id], check === null ? [] : [check]);
}

/** All of them are one value: several change in one step. */
export function withNodeChecks(
  facts: Facts,
  account: Account,
  agent: Agent,
  gone: readonly string[],
  come: readonly NodeCheck[],
): Command {
  const before = findNode(keysOf(facts, account), agent, agent.node)?.checks ?? [];
  const others = before.filter(({ id }) => !gone.includes(id) && id !== SERF_HEALTH.id);
  const checks = [...others, ...come];
  const node = { name: agent.node, id: agent.nodeId, address: "", taggedAddresses: {}, meta: {}, checks };
  return { kind: "put", key: nodeKey(agent.node), value: toNodeValue(node), lease: null };
}
