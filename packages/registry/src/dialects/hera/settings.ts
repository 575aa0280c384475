/** The settings of the dialect: `dialectSettings.hera` of the configuration, in the words of hera's own file. */
import { type Account, isLegalAccount } from "../../core/index.ts";
import { SettingsRefused, TTL_MS_MAX } from "../contract.ts";

export interface Settings {
  /** The account of clients without a token, and the one that nodes tell one another of. */
  readonly account: Account;
  /** How long an entry lives that is not updated. */
  readonly livenessMs: number;
  /** How often each other node is asked for news. */
  readonly gossipMs: number;
  /** What the other nodes are shown, where they want a token. */
  readonly token: string | undefined;
  /** The other nodes speak TLS. */
  readonly tls: boolean;
  /** The other nodes by name, this one left out. */
  readonly others: ReadonlyMap<string, Address>;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const KEYS = ["account", "liveness", "gossip-interval", "token", "tls", "cluster"] as const;
/** The original's, in seconds. */
const LIVENESS_S = 300;
const GOSSIP_S = 3;
const GOSSIP_S_MIN = 0.1;
const GOSSIP_S_MAX = 3600;
const NODES_MAX = 64;

/** `own` is this node's name. Throws `SettingsRefused`. */
export function readSettings(raw: Readonly<Record<string, unknown>>, own: string): Settings {
  for (const key of Object.keys(raw))
    if (!(KEYS as readonly string[]).includes(key)) throw new SettingsRefused(`hera knows no setting ${key}`);
  const { account = "default", liveness = LIVENESS_S, token, tls = false, cluster } = raw;
  if (typeof account !== "string" || !isLegalAccount(account))
    throw new SettingsRefused("hera.account must be an account's name");
  if (token !== undefined && !(typeof token === "string" && /^[!-~]+$/.test(token)))
    throw new SettingsRefused("hera.token must be a token of the other nodes");
  if (typeof tls !== "boolean") throw new SettingsRefused("hera.tls must be true or false");
  return {
    account,
    livenessMs: readSeconds("liveness", liveness, 1, TTL_MS_MAX / 1000) * 1000,
    gossipMs: readSeconds("gossip-interval", raw["gossip-interval"] ?? GOSSIP_S, GOSSIP_S_MIN, GOSSIP_S_MAX) * 1000,
    token,
    tls,
    others: cluster === undefined ? new Map() : readCluster(cluster, own),
  };
}

function readSeconds(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === "number" && value >= min && value <= max) return value;
  throw new SettingsRefused(`hera.${name} must be a number of seconds from ${min} to ${max}`);
}

function readCluster(raw: unknown, own: string): ReadonlyMap<string, Address> {
  const nodes = typeof raw === "object" && raw !== null && !Array.isArray(raw) ? Object.entries(raw) : [];
  if (nodes.length === 0 || nodes.length > NODES_MAX)
    throw new SettingsRefused(`hera.cluster must be a map of 1 to ${NODES_MAX} nodes, each with host and port`);
  if (!nodes.some(([name]) => name === own)) {
    const names = nodes.map(([name]) => name).join(", ");
    throw new SettingsRefused(`hera.cluster has no node ${own}, which is this node's name; it has ${names}`);
  }
  return new Map(nodes.filter(([name]) => name !== own).map(([name, node]) => [name, readNode(name, node)]));
}

function readNode(name: string, raw: unknown): Address {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    throw new SettingsRefused(`hera.cluster: ${JSON.stringify(name)} is no name of a node`);
  const { host, port, ...rest } = (typeof raw === "object" && raw !== null ? raw : {}) as Record<string, unknown>;
  const isHost = typeof host === "string" && /^[A-Za-z0-9._:-]{1,255}$/.test(host);
  if (!isHost || !Number.isInteger(port) || (port as number) < 1 || (port as number) > 65535)
    throw new SettingsRefused(`hera.cluster.${name} must have a host and a port`);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw new SettingsRefused(`hera.cluster.${name} knows no ${unknown}`);
  return { host: host as string, port: port as number };
}
