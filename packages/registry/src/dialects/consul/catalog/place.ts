/**
 * Where an instance stands as Consul has it: on a node, with an id that is one of a kind there. What came through Consul's
 * agent stands on the agent's node; what other protocols registered, on a node named after its address.
 */
import type { Account, AccountFacts, AccountView, Facts, Grouping, InstanceRecord } from "../../../core/index.ts";

export const VIA = "consul";

/** Keys of an instance's meta for what Consul knows and the catalog has no field for. */
export const META = {
  /** The node, unless it is the agent's. Other protocols may say it, too. */
  node: "consul.node",
  /** The service's id, where the instance's is another. */
  id: "consul.id",
  /** All else, as JSON: see extras.ts. */
  extras: "consul.extras",
  /** The other Consul that it was seen at: see registration/mirror/. */
  mirror: "consul.mirror",
} as const;

export interface Place {
  readonly node: string;
  readonly id: string;
}

/** `agentNode`: the name of the agent's own node. */
export function placeOf(record: InstanceRecord, agentNode: string): Place {
  return { node: saidNode(record) ?? agentNode, id: record.meta[META.id] ?? record.id };
}

/** Undefined for one that stands on the agent's node without saying so. */
function saidNode({ meta, via, address }: InstanceRecord): string | undefined {
  return meta[META.node] ?? (via === VIA || address === "" ? undefined : address);
}

/** No node has this name. */
const AGENTS = "\0";

/** Instances by their nodes, in lower case; those that stand on the agent's without saying so by themselves. */
export const BY_NODE: Grouping = { keysOf: (record) => [saidNode(record)?.toLowerCase() ?? AGENTS] };

/** The names of the nodes that instances say they stand on, in lower case and in no order. */
export function* nodesSaid(account: AccountView): Iterable<string> {
  for (const name of account.groups(BY_NODE)) if (name !== AGENTS) yield name;
}

/** All instances that stand on a node, whatever registered them; in no order. */
export function* standingOn(account: AccountFacts | undefined, node: string, agentNode: string) {
  if (account === undefined) return;
  const name = node.toLowerCase();
  yield* account.grouped(BY_NODE, name);
  if (name === agentNode.toLowerCase()) yield* account.grouped(BY_NODE, AGENTS);
}

/** Of all that stands on a node, what is first by its id there, and by its service. */
export function firstOn(
  account: AccountFacts | undefined,
  node: string,
  agentNode: string,
): { readonly place: Place; readonly record: InstanceRecord } | undefined {
  let first: { readonly place: Place; readonly record: InstanceRecord } | undefined;
  for (const record of standingOn(account, node, agentNode)) {
    const place = placeOf(record, agentNode);
    const isFirst =
      first === undefined ||
      place.id < first.place.id ||
      (place.id === first.place.id && record.service < first.record.service);
    if (isFirst) first = { place, record };
  }
  return first;
}

export function sameNode(one: string, other: string): boolean {
  return one === other || one.toLowerCase() === other.toLowerCase();
}

/** The instance's id for a service's id on a node: with the node behind it, unless that is the agent's. */
export function instanceIdOf({ node, id }: Place, agentNode: string): string {
  const plain = id.replaceAll("%", "%25").replaceAll("/", "%2F");
  return sameNode(node, agentNode) ? plain : `${plain}@${node.toLowerCase().replaceAll("/", "%2F")}`;
}

/** The instances with this id on the node: one, unless several protocols gave the same. */
export function findAt(facts: Facts, account: Account, place: Place, agentNode: string): readonly InstanceRecord[] {
  const own = instanceIdOf(place, agentNode);
  const ids = own === place.id ? [own] : [own, place.id];
  return ids
    .flatMap((id) => facts.instancesById(account, id))
    .filter((record) => {
      const { node, id } = placeOf(record, agentNode);
      return id === place.id && sameNode(node, place.node);
    });
}
