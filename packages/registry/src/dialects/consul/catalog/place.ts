/**
 * Where an instance stands as Consul has it: on a node, with an id that is one of a kind there. What came through Consul's
 * agent stands on the agent's node; what other protocols registered, on a node named after its address.
 */
import type { Account, Facts, InstanceRecord } from "../../../core/index.ts";

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
  const { meta, via, address } = record;
  const node = meta[META.node] ?? (via === VIA || address === "" ? agentNode : address);
  return { node, id: meta[META.id] ?? record.id };
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
