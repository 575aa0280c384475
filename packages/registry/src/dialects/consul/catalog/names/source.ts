/**
 * Consul's names, as its clients ask for them:
 *
 *     [<tag>.]<name>.service[.<dc>[.dc]]     _<name>._<tag>[.service][.<dc>]
 *     <name>.query[.<dc>]                    <node>.node[.<dc>]     <hex>.addr[.<dc>]     ns
 *
 * The name of a prepared query that is not there (queries/names.ts) is that of the service; the node of an instance is in
 * its meta `consul.node`. There is no mesh: `connect`, `ingress` and `virtual` have no names.
 */
import type { AccountFacts, Grouping, InstanceRecord } from "../../../../core/index.ts";
import type { Found, NameSource, Place } from "../../../contract.ts";
import { META } from "../place.ts";
import { fromAddressLabel, isHostLabel, toAddressLabel, toLabel, withTag } from "./labels.ts";

const NONE: Found = { kind: "none" };
const BARE: Found = { kind: "bare" };
const KINDS: ReadonlySet<string> = new Set(["service", "node", "addr", "query", "connect", "ingress", "virtual"]);
const DATACENTER = "dc1";
/** The service that this server is itself. */
const SERVER = "consul";

/** Instances that say on which node they stand, by its label. */
const BY_NODE_LABEL: Grouping = {
  keysOf({ meta }) {
    const node = meta[META.node];
    return node === undefined ? NO_LABELS : [toLabel(node)];
  },
};
const NO_LABELS: readonly string[] = [];

/** Consul's names. Option `datacenter`: the name of this one, by default `dc1`; names of others do not exist. */
export const CONSUL_NAMES: NameSource = {
  dialect: "consul",
  domain: "consul.",
  groupings: [BY_NODE_LABEL],
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
export function isHere(suffix: readonly string[], datacenter: string): boolean {
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

export function toPlaces(
  records: readonly InstanceRecord[],
  account: AccountFacts,
  datacenter: string,
): readonly Place[] {
  const addresses = new Map<string, string | undefined>();
  const addressAt = (label: string): string | undefined => {
    if (!addresses.has(label)) addresses.set(label, onlyAddress(account.grouped(BY_NODE_LABEL, label)));
    return addresses.get(label);
  };
  return records.map((record) => ({
    record,
    priority: 1,
    weight: "own",
    target: targetOf(record, addressAt, datacenter),
  }));
}

/** Where all of them are; undefined when they are at several addresses. */
function onlyAddress(records: Iterable<InstanceRecord>): string | undefined {
  let only: string | undefined;
  for (const { address } of records) {
    if (only !== undefined && address !== only) return undefined;
    only = address;
  }
  return only;
}

/** The name of the node, if all instances on it have one address; else the name of the address. */
function targetOf(
  { meta, address }: InstanceRecord,
  addressAt: (label: string) => string | undefined,
  datacenter: string,
): readonly string[] {
  const node = meta[META.node];
  const label = node === undefined ? "" : toLabel(node);
  if (isHostLabel(label) && addressAt(label) === address) return [label, "node", datacenter];
  return [toAddressLabel(address) ?? "", "addr", datacenter];
}

function findNode(left: readonly string[], account: AccountFacts, datacenter: string): Found {
  const [label = ""] = left;
  const records = left.length === 1 ? [...account.grouped(BY_NODE_LABEL, label)] : [];
  if (records.length === 0) return NONE;
  return { kind: "instances", places: toPlaces(records, account, datacenter) };
}

function findAddress(left: readonly string[]): Found {
  const [label = ""] = left;
  const address = left.length === 1 ? fromAddressLabel(label) : undefined;
  return address === undefined ? NONE : { kind: "addresses", addresses: [address] };
}
