/**
 * What another Consul has, brought in step here. What is not from there is left alone: a service that was registered here
 * stays as it is, and so does a node; and what moved here is not shown a second time where it was.
 */
import {
  type Account,
  type Bytes,
  type Command,
  type Facts,
  type Instance,
  type InstanceKey,
  type InstanceRecord,
  mainPort,
  type Plan,
} from "../../../../../core/index.ts";
import type { Agent } from "../../../desk.ts";
import { worstOf } from "../../checks.ts";
import { nodeKey, toNodeValue, toStored } from "../../nodes.ts";
import { instanceIdOf, META } from "../../place.ts";
import { goneSteps, inOrder } from "../../steps.ts";
import { toInstance } from "../../wished.ts";
import { type Registration, toChecked, toExtras, toNodeCheck } from "../plan.ts";

/** A service on its node, as it is there. */
export type Seen = Registration & { readonly service: NonNullable<Registration["service"]> };

interface Mirrored {
  readonly agent: Agent;
  /** Where it was seen. */
  readonly source: string;
  readonly seen: readonly Seen[];
}

export const MIRROR: Plan<Mirrored> = {
  name: "consul/mirror",
  make(facts, account, { agent, source, seen }) {
    const nodes = new Map<Bytes, Command>();
    const steps: Command[] = [];
    const own = new OwnPlaces(facts, account);
    for (const one of seen) {
      const key = nodeKey(one.node.name);
      if (!nodes.has(key)) for (const put of nodeStep(facts, account, source, one)) nodes.set(key, put);
      steps.push(...serviceStep(facts, account, agent, source, one, own));
    }
    return inOrder([...nodes.values(), ...steps], null);
  },
};

function nodeStep(facts: Facts, account: Account, source: string, { node, checks }: Seen): readonly Command[] {
  const key = nodeKey(node.name);
  const before = facts.entry(account, key);
  if (before !== undefined && toStored(before).mirror === undefined) return [];
  const own = checks.filter(({ serviceId }) => serviceId === "").map(toNodeCheck);
  const { name, id, address, taggedAddresses, meta } = node;
  const value = toNodeValue({ name, id, address, taggedAddresses, meta, checks: own, mirror: source });
  return before?.value === value ? [] : [{ kind: "put", key, value, lease: null }];
}

function serviceStep(
  facts: Facts,
  account: Account,
  agent: Agent,
  source: string,
  seen: Seen,
  own: OwnPlaces,
): readonly Command[] {
  const id = idOf(seen, agent);
  const before = facts.instance(account, seen.service.name, id);
  if (before !== undefined && !isMirrored(before)) return [];
  const instance = toMirrored(seen, agent, source, before);
  if (!own.has(instance)) return [{ kind: "register", instance, life: before === undefined ? "permanent" : "keep" }];
  return before === undefined ? [] : goneSteps(facts, account, before);
}

export function idOf({ node, service }: Seen, agent: Agent): string {
  return instanceIdOf({ node: node.name, id: service.id }, agent.node);
}

function toMirrored(seen: Seen, agent: Agent, source: string, before: InstanceRecord | undefined): Instance {
  const { node, service } = seen;
  const given = seen.checks.filter(({ serviceId }) => serviceId !== "");
  const instance = toInstance(
    service,
    { node: node.name, id: service.id },
    agent.node,
    node.address,
    given.map((check) => toChecked(check, before)),
    Object.fromEntries(given.map((check) => [check.id, toExtras(check)])),
  );
  // Checks of the node are shown with the node. For all other protocols they count here.
  const status = worstOf(seen.checks.filter(({ serviceId }) => serviceId === ""));
  return { ...instance, meta: { ...instance.meta, [META.mirror]: source }, status };
}

/** Where services are that were registered here. */
class OwnPlaces {
  readonly #facts: Facts;
  readonly #account: Account;
  readonly #found = new Map<string, ReadonlySet<string>>();

  constructor(facts: Facts, account: Account) {
    this.#facts = facts;
    this.#account = account;
  }

  has(instance: Instance): boolean {
    const { service } = instance;
    const known = this.#found.get(service) ?? this.#find(service);
    this.#found.set(service, known);
    return known.has(placeOf(instance));
  }

  #find(service: string): ReadonlySet<string> {
    const found = new Set<string>();
    for (const record of this.#facts.account(this.#account)?.service(service)?.instances.values() ?? [])
      if (!isMirrored(record)) found.add(placeOf(record));
    return found;
  }
}

function placeOf({ address, ports }: Instance): string {
  return `${address} ${mainPort(ports) ?? 0}`;
}

export function isMirrored({ meta }: InstanceRecord): boolean {
  return meta[META.mirror] !== undefined;
}

interface Gone {
  readonly instances: readonly InstanceKey[];
  /** Keys of nodes on which nothing stands any more. */
  readonly nodes: readonly Bytes[];
}

/** What the other Consul has no more goes, unless it is somebody else's meanwhile. */
export const UNMIRROR: Plan<Gone> = {
  name: "consul/unmirror",
  make(facts, account, { instances, nodes }) {
    const gone = instances.flatMap(({ service, id }) => {
      const record = facts.instance(account, service, id);
      return record !== undefined && isMirrored(record) ? goneSteps(facts, account, record) : [];
    });
    const left = nodes.filter((key) => {
      const record = facts.entry(account, key);
      return record !== undefined && toStored(record).mirror !== undefined;
    });
    return inOrder([...gone, ...left.map((from): Command => ({ kind: "delete", from }))], null);
  },
};
