/**
 * Consul's names, as its clients ask for them:
 *
 *     [<tag>.]<name>.service[.<dc>[.dc]]     _<name>._<tag>[.service][.<dc>]
 *     <name>.query[.<dc>]                    <node>.node[.<dc>]     <hex>.addr[.<dc>]     ns
 *
 * A prepared query is the service of its name, with a tag left of
 * it its instances with that tag; the node of an instance is in its meta `consul.node`. There is no mesh: `connect`,
 * `ingress` and `virtual` have no names.
 */
import { type AccountFacts, type InstanceRecord, perRevision, type ServiceView } from "../../../../core/index.ts";
import type { Found, NameSource, Place } from "../../../contract.ts";
import { META } from "../place.ts";
import { fromAddressLabel, isHostLabel, toAddressLabel, toLabel, withTag } from "./labels.ts";

const NONE: Found = { kind: "none" };
const BARE: Found = { kind: "bare" };
const KINDS: ReadonlySet<string> = new Set(["service", "node", "addr", "query", "connect", "ingress", "virtual"]);
const DATACENTER = "dc1";
/** The service that this server is itself. */
const SERVER = "consul";

/** Consul's names. Option `datacenter`: the name of this one, by default `dc1`; names of others do not exist. */
export const CONSUL_NAMES: NameSource = {
  dialect: "consul",
  domain: "consul.",
  find(labels, account, options) {
    const datacenter = (options.datacenter ?? DATACENTER).toLowerCase();
    if (labels.length === 0) return BARE;
    if (labels.length === 1 && labels[0] === "ns") return { kind: "server" };
    const at = findKind(labels);
    if (at === undefined) return isDatacenter(labels, datacenter) ? BARE : NONE;
    if (!isHere(labels.slice(at + 1), datacenter)) return NONE;
    const kind = labels[at] as string;
    const left = labels.slice(0, at);
    // `_name._tag` may stand without `service`.
    if (!KINDS.has(kind)) return findService([...left, kind], account, datacenter);
    if (left.length === 0) return BARE;
    switch (kind) {
      case "service":
      case "query":
        return findService(left, account, datacenter);
      case "node":
        return findNode(left, account, datacenter);
      case "addr":
        return findAddress(left);
      default:
        return NONE;
    }
  },
};

/** The last label that tells what the name is of. */
function findKind(labels: readonly string[]): number | undefined {
  for (let at = labels.length - 1; at >= 0; at--) {
    const label = labels[at] as string;
    if (KINDS.has(label) || label.startsWith("_")) return at;
  }
  return undefined;
}

/** Whether the suffix is empty, `<dc>` or `<dc>.dc`. */
function isHere(suffix: readonly string[], datacenter: string): boolean {
  if (suffix.length === 0) return true;
  return suffix[0] === datacenter && (suffix.length === 1 || (suffix.length === 2 && suffix[1] === "dc"));
}

/** `dc1`, `dc` and `dc1.dc` by themselves: names below them exist. */
function isDatacenter(labels: readonly string[], datacenter: string): boolean {
  return (labels.length === 1 && labels[0] === "dc") || isHere(labels, datacenter);
}

/** `[<tag>.]<name>`, or `_<name>._<tag>` (RFC 2782), where `tcp` and `udp` are not tags. */
function findService(left: readonly string[], account: AccountFacts, datacenter: string): Found {
  const [first = "", second = ""] = left;
  if (left.length === 2 && first.startsWith("_") && second.startsWith("_")) {
    const tag = second.slice(1);
    return findInstances(account, first.slice(1), tag === "tcp" || tag === "udp" ? "" : tag, datacenter);
  }
  const tag = left.slice(0, -1).join(".");
  if (left.length === 1 && first.startsWith("_")) return account.service(first.slice(1)) === undefined ? NONE : BARE;
  return findInstances(account, left.at(-1) as string, tag, datacenter);
}

function findInstances(account: AccountFacts, name: string, tag: string, datacenter: string): Found {
  const service = name === "" ? undefined : account.service(name);
  if (service === undefined) return name === SERVER && tag === "" ? { kind: "server" } : NONE;
  const all = [...service.instances.values()];
  const records = tag === "" ? all : withTag(service, tag);
  if (records.length === 0 && all.length > 0) return NONE;
  const places = toPlaces(records, account, datacenter);
  // The answer can change with other services: those on the same node, and one that fits the label better.
  return service.name !== name || all.some(({ meta }) => meta[META.node] !== undefined)
    ? { kind: "instances", places }
    : { kind: "instances", places, service: name };
}

function toPlaces(records: readonly InstanceRecord[], account: AccountFacts, datacenter: string): readonly Place[] {
  const isOnNodes = records.some(({ meta }) => meta[META.node] !== undefined);
  const nodes = isOnNodes ? nodesOf(account) : NO_NODES;
  return records.map((record) => ({
    record,
    priority: 1,
    weight: "own",
    target: targetOf(record, nodes, datacenter),
  }));
}

/** The name of the node, if all instances on it have one address; else the name of the address. */
function targetOf(record: InstanceRecord, nodes: Nodes, datacenter: string): readonly string[] {
  const node = record.meta[META.node];
  if (node !== undefined) {
    const label = toLabel(node);
    const others = isHostLabel(label) ? nodes.get(label) : undefined;
    if (others?.every((other) => other.address === record.address)) return [label, "node", datacenter];
  }
  return [toAddressLabel(record.address) ?? "", "addr", datacenter];
}

function findNode(left: readonly string[], account: AccountFacts, datacenter: string): Found {
  const [label = ""] = left;
  const records = left.length === 1 ? nodesOf(account).get(label) : undefined;
  if (records === undefined) return NONE;
  return { kind: "instances", places: toPlaces(records, account, datacenter) };
}

function findAddress(left: readonly string[]): Found {
  const [label = ""] = left;
  const address = left.length === 1 ? fromAddressLabel(label) : undefined;
  return address === undefined ? NONE : { kind: "addresses", addresses: [address] };
}

/** Instances by the label of their node. */
type Nodes = ReadonlyMap<string, readonly InstanceRecord[]>;

const NO_NODES: Nodes = new Map();

/** The nodes of an account. Services that did not change are not looked through again. */
function nodesOf(account: AccountFacts): Nodes {
  const nodes = new Map<string, InstanceRecord[]>();
  for (const service of account.services()) {
    for (const [label, records] of nodesIn(service)) {
      const there = nodes.get(label);
      if (there === undefined) nodes.set(label, [...records]);
      else there.push(...records);
    }
  }
  return nodes;
}

/** The nodes of a service; most services have none. */
const nodesIn = perRevision((service: ServiceView): Nodes => {
  const nodes = new Map<string, InstanceRecord[]>();
  for (const record of service.instances.values()) {
    const node = record.meta[META.node];
    if (node === undefined) continue;
    const label = toLabel(node);
    const there = nodes.get(label);
    if (there === undefined) nodes.set(label, [record]);
    else there.push(record);
  }
  return nodes.size === 0 ? NO_NODES : nodes;
});
