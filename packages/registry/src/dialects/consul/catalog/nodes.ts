/** Nodes: the agent's own, those that clients registered, and those that instances of other protocols stand on. */
import { createHash } from "node:crypto";
import {
  type Account,
  type AccountView,
  type Bytes,
  type Check,
  type Facts,
  fromBytes,
  type KeyRecord,
  perRevision,
  type Revision,
  toBytes,
} from "../../../core/index.ts";
import type { Agent } from "../desk.ts";

export const NODES: Bytes = "\0consul/node/";

/** When any of them changed last. Asked for once for each that waits. */
export const nodesRevision: (account: AccountView) => Revision = perRevision(
  (account: AccountView) => account.under(NODES).revision,
);

export type CheckStatus = "passing" | "warning" | "critical";

/** How the registry runs a check. */
export type RunCheck = Pick<Check, "kind" | "target" | "intervalMs" | "timeoutMs" | "probe">;

/** A check of a node, as it is kept. */
export interface NodeCheck {
  readonly id: string;
  readonly name: string;
  readonly status: CheckStatus;
  readonly notes: string;
  readonly output: string;
  readonly type: string;
  readonly definition?: Readonly<Record<string, unknown>>;
  /** Of one that the registry runs. */
  readonly run?: RunCheck;
  /** When the registry found its status, wall-clock ms; 0 or left out before the first time. */
  readonly foundAtMs?: number;
}

/** A node as it is kept in its key. Of the agent's own only the checks count. */
export interface StoredNode {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
  readonly checks: readonly NodeCheck[];
  /** The other Consul that it was seen at; left out for one that was registered here. */
  readonly mirror?: string;
}

export interface Node extends StoredNode {
  readonly createIndex: number;
  readonly modifyIndex: number;
}

/** The check that the agent's node has for as long as it is there. */
export const SERF_HEALTH: NodeCheck = {
  id: "serfHealth",
  name: "Serf Health Status",
  status: "passing",
  notes: "",
  output: "Agent alive and reachable",
  type: "",
};

/** Names of nodes count in any case. */
export function nodeKey(name: string): Bytes {
  return NODES + toBytes(name.toLowerCase());
}

export function toNodeValue(node: StoredNode): Bytes {
  return toBytes(JSON.stringify(node));
}

export function toStored({ value }: KeyRecord): StoredNode {
  return JSON.parse(fromBytes(value)) as StoredNode;
}

/** The same for a name, wherever it runs. */
export function toNodeId(name: string): string {
  const hex = createHash("sha256").update(`rollcall consul node ${name.toLowerCase()}`).digest("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`];
  return [...parts, hex.slice(20, 32)].join("-");
}

/** The agent's node, with the checks that were added to it. */
export function agentNode({ node, nodeId, address }: Agent, record: KeyRecord | undefined): Node {
  const added = record === undefined ? [] : toStored(record).checks;
  const family = address.includes(":") ? "ipv6" : "ipv4";
  const lan = { lan: address, [`lan_${family}`]: address, wan: address, [`wan_${family}`]: address };
  return {
    name: node,
    id: nodeId,
    address,
    taggedAddresses: lan,
    meta: { "consul-network-segment": "" },
    checks: [SERF_HEALTH, ...added],
    createIndex: 1,
    modifyIndex: record?.modRevision ?? 1,
  };
}

/** A node that was registered, or the agent's; undefined for others. */
export function findNode(
  keys: { entry(key: Bytes): KeyRecord | undefined },
  agent: Agent,
  name: string,
): Node | undefined {
  const record = keys.entry(nodeKey(name));
  if (name.toLowerCase() === agent.node.toLowerCase()) return agentNode(agent, record);
  if (record === undefined) return undefined;
  return { ...toStored(record), createIndex: record.createRevision, modifyIndex: record.modRevision };
}

/** As it is for instances on it that came by other ways. */
export function derivedNode(name: string, address: string): Node {
  return {
    name,
    id: toNodeId(name),
    address,
    taggedAddresses: address === "" ? {} : { lan: address, wan: address },
    meta: {},
    checks: [],
    createIndex: 1,
    modifyIndex: 1,
  };
}

/** Of facts that hold all accounts, one account's keys. */
export function keysOf(facts: Facts, account: Account): { entry(key: Bytes): KeyRecord | undefined } {
  return { entry: (key) => facts.entry(account, key) };
}
