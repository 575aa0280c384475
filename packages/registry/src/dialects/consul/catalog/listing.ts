/** Services and nodes as Consul lists them: what its users find where. */
import {
  type AccountView,
  type Grouping,
  type InstanceRecord,
  mainPort,
  perRevision,
  prefixEnd,
  type ServiceView,
} from "../../../core/index.ts";
import type { Agent } from "../desk.ts";
import { checksOf, type ShownCheck } from "./checks.ts";
import { type Extras, extrasOf, type Tagged } from "./extras.ts";
import { agentNode, derivedNode, findNode, NODES, type Node, toStored } from "./nodes.ts";
import { firstOn, nodesSaid, placeOf, standingOn } from "./place.ts";

/** How to look at an account. */
export interface Lens {
  readonly agent: Agent;
  /** Keys of meta that are dialects' notes to themselves. */
  readonly notes: RegExp;
}

/** A service on its node. */
export interface Service {
  readonly node: string;
  readonly id: string;
  readonly name: string;
  /** As its client said it; empty when it has that of its node. */
  readonly address: string;
  readonly port: number;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  readonly weights: { readonly Passing: number; readonly Warning: number };
  readonly enableTagOverride: boolean;
  readonly taggedAddresses: Readonly<Record<string, Tagged>>;
  readonly kind: string;
  readonly socketPath: string;
  readonly proxy: unknown;
  readonly connect: unknown;
  readonly checks: readonly ShownCheck[];
  /** Where it is reached if its node says nothing. */
  readonly reachedAt: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** The weight of an instance that says nothing of it: 1 for Consul's clients. */
export const WEIGHT_DEFAULT = 100;

export function toService(record: InstanceRecord, lens: Lens): Service {
  const place = placeOf(record, lens.agent.node);
  const extras = extrasOf(record);
  return {
    node: place.node,
    id: place.id,
    name: record.service,
    address: extras.noAddress === true ? "" : record.address,
    port: mainPort(record.ports) ?? 0,
    tags: record.tags,
    meta: shownMeta(record, lens.notes),
    weights: extras.weights ?? weightsOf(record),
    ...moreOf(extras),
    checks: checksOf(record, place),
    reachedAt: record.address,
    createIndex: record.createRevision,
    modifyIndex: record.modRevision,
  };
}

function moreOf(extras: Extras) {
  return {
    enableTagOverride: extras.enableTagOverride === true,
    taggedAddresses: extras.taggedAddresses ?? {},
    kind: extras.kind ?? "",
    socketPath: extras.socketPath ?? "",
    proxy: extras.proxy ?? { Mode: "", MeshGateway: {}, Expose: {} },
    connect: extras.connect ?? {},
  };
}

function weightsOf({ weight }: InstanceRecord): Service["weights"] {
  const shown = weight === WEIGHT_DEFAULT ? 1 : weight;
  return { Passing: shown, Warning: shown };
}

function shownMeta({ meta }: InstanceRecord, notes: RegExp): Readonly<Record<string, string>> {
  let hidden = false;
  for (const key in meta) if (notes.test(key)) hidden = true;
  return hidden ? Object.fromEntries(Object.entries(meta).filter(([key]) => !notes.test(key))) : meta;
}

/** A service's instances, in the order in which all endpoints show them. */
export const servicesOf: (service: ServiceView, lens: Lens) => readonly Service[] = perRevision(
  (service: ServiceView, lens: Lens) =>
    Array.from(service.instances.values(), (record) => toService(record, lens)).sort(compare),
  { costMax: 200_000, costOf: (services: readonly Service[]) => services.length + 1 },
);

/** By node, id and name. */
function compare(one: Service, other: Service): number {
  const [a, b] = [one.node.toLowerCase(), other.node.toLowerCase()];
  if (a !== b) return a < b ? -1 : 1;
  if (one.id !== other.id) return one.id < other.id ? -1 : 1;
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0;
}

export const CONSUL = "consul";

/** The service that every server of Consul has: tools count on it. */
export function consulService({ agent }: Lens): Service {
  return {
    node: agent.node,
    id: CONSUL,
    name: CONSUL,
    address: "",
    port: 8300,
    tags: [],
    meta: { version: agent.version },
    weights: { Passing: 1, Warning: 1 },
    ...moreOf({}),
    checks: [],
    reachedAt: agent.address,
    createIndex: 1,
    modifyIndex: 1,
  };
}

/** All services of a name, whatever the case of its letters when there is none as written. */
export function find(account: AccountView | undefined, name: string, lens: Lens): readonly Service[] {
  const service = account && findView(account, name);
  const found = service === undefined ? [] : servicesOf(service, lens);
  return name.toLowerCase() === CONSUL ? [consulService(lens), ...found] : found;
}

export function findView(account: AccountView, name: string): ServiceView | undefined {
  const exact = account.service(name);
  if (exact !== undefined && exact.instances.size > 0) return exact;
  const lower = name.toLowerCase();
  const plain = account.service(lower);
  if (plain !== undefined && plain.instances.size > 0) return plain;
  let first: string | undefined;
  for (const { service } of account.grouped(BY_LOWER_NAME, lower))
    if (first === undefined || service < first) first = service;
  return first === undefined ? exact : account.service(first);
}

/** Instances of services whose names are not in lower case, by these names in lower case. */
export const BY_LOWER_NAME: Grouping = {
  keysOf({ service }) {
    const lower = service.toLowerCase();
    return lower === service ? NO_KEYS : [lower];
  },
};
const NO_KEYS: readonly string[] = [];

/** The node that a service stands on. */
export function nodeOf(account: AccountView | undefined, service: Service, lens: Lens): Node {
  return (
    (account && findNode(account, lens.agent, service.node)) ??
    (service.node.toLowerCase() === lens.agent.node.toLowerCase()
      ? agentNode(lens.agent, undefined)
      : derivedNode(service.node, service.reachedAt))
  );
}

/** Every service of the account that stands on this node, the server's own aside. */
export function servicesOn(account: AccountView | undefined, node: string, lens: Lens): readonly Service[] {
  return Array.from(standingOn(account, node, lens.agent.node), (record) => toService(record, lens)).sort(compare);
}

/** The agent's first, then those that were registered and those that instances stand on, by name. */
export function listNodes(account: AccountView | undefined, lens: Lens): readonly Node[] {
  const nodes = new Map<string, Node>();
  const own = lens.agent.node.toLowerCase();
  for (const node of keptNodes(account, lens)) nodes.set(node.name.toLowerCase(), node);
  for (const name of account === undefined ? [] : nodesSaid(account)) {
    const derived = name === own || nodes.has(name) ? undefined : derivedOn(account, name, lens);
    if (derived !== undefined) nodes.set(name, derived);
  }
  return [...nodes.values()].sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1));
}

/** The agent's and those that were registered: no others have checks of their own. */
export function keptNodes(account: AccountView | undefined, { agent }: Lens): readonly Node[] {
  const own = agent.node.toLowerCase();
  const nodes = [(account && findNode(account, agent, agent.node)) ?? agentNode(agent, undefined)];
  for (const record of account?.entries(NODES, prefixEnd(NODES)) ?? []) {
    const stored = toStored(record);
    if (stored.name.toLowerCase() !== own)
      nodes.push({ ...stored, createIndex: record.createRevision, modifyIndex: record.modRevision });
  }
  return nodes;
}

/** A node that nobody registered, as what stands on it tells of it. */
function derivedOn(account: AccountView | undefined, name: string, { agent }: Lens): Node | undefined {
  const first = firstOn(account, name, agent.node);
  return first && derivedNode(first.place.node, first.record.address);
}

/** A node by its name, however it came to be. */
export function findAnyNode(account: AccountView | undefined, name: string, lens: Lens): Node | undefined {
  if (name.toLowerCase() === lens.agent.node.toLowerCase())
    return (account && findNode(account, lens.agent, name)) ?? agentNode(lens.agent, undefined);
  return (account && findNode(account, lens.agent, name)) ?? derivedOn(account, name, lens);
}
