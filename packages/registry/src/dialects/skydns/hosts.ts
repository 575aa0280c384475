/**
 * Where callbacks may go. This server makes them because somebody asked for them, from where it stands in the network:
 * without a rule anyone could reach through it what only it can reach.
 */
import { BlockList, isIP, isIPv4 } from "node:net";
import { type Outcome, ok, refuse } from "../../core/index.ts";

/** Names and networks that may be called. */
export interface Hosts {
  /** By name, whatever it resolves to. */
  hasName(name: string): boolean;
  hasAddress(address: string): boolean;
}

const NAME = /^(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?$/;
const HOSTS_MAX = 1000;

/** A list of addresses ("10.0.0.5"), networks ("10.0.0.0/8"), names ("web2.example.nl", "*.example.nl"), or "any". */
export function parseHosts(list: unknown): Outcome<Hosts> {
  if (!Array.isArray(list) || list.length > HOSTS_MAX)
    return refuse("invalid", `must be a list of at most ${HOSTS_MAX} hosts`);
  const networks = new BlockList();
  const names = new Set<string>();
  const suffixes: string[] = [];
  let any = false;
  for (const item of list as readonly unknown[]) {
    const text = typeof item === "string" ? item.toLowerCase() : "";
    if (text === "any") any = true;
    else if (addNetwork(networks, text)) continue;
    else if (!NAME.test(text)) return refuse("invalid", `${JSON.stringify(item)} is no address, network or host name`);
    else if (text.startsWith("*.")) suffixes.push(text.slice(1));
    else names.add(text);
  }
  return ok({
    hasName: (name) => any || names.has(name) || suffixes.some((suffix) => name.endsWith(suffix)),
    hasAddress: (address) => any || (isIP(address) !== 0 && networks.check(address, familyOf(address))),
  });
}

function addNetwork(networks: BlockList, text: string): boolean {
  const [address = "", length, more] = text.split("/");
  if (isIP(address) === 0 || more !== undefined) return false;
  const bits = isIPv4(address) ? 32 : 128;
  const prefix = length === undefined ? bits : /^[0-9]{1,3}$/.test(length) ? Number(length) : Number.NaN;
  if (!(prefix >= 0 && prefix <= bits)) return false;
  networks.addSubnet(address, prefix, familyOf(address));
  return true;
}

function familyOf(address: string): "ipv4" | "ipv6" {
  return isIPv4(address) ? "ipv4" : "ipv6";
}

/** An address in the one form in which it can be compared; undefined for any other text. */
export function toAddress(text: string): string | undefined {
  const bare = text.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  const mapped = /^::ffff:([0-9.]+)$/.exec(bare)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (isIPv4(bare)) return bare;
  if (isIP(bare) !== 6 || bare.includes("%")) return undefined;
  const canonical = new URL(`http://[${bare}]`).hostname.slice(1, -1);
  const short = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (short === null) return canonical;
  const number = Number.parseInt(short[1] as string, 16) * 0x10000 + Number.parseInt(short[2] as string, 16);
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join(".");
}

/** Where a callback is to go, as it was written. */
export type Reply =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "name"; readonly name: string };

/** Undefined for what is neither an address nor a name of hosts. */
export function parseReply(text: string): Reply | undefined {
  const address = toAddress(text);
  if (address !== undefined) return { kind: "address", address };
  const name = text.toLowerCase().replace(/\.$/, "");
  return NAME.test(name) && !name.startsWith("*") && !isNumeric(name) ? { kind: "name", name } : undefined;
}

/** Resolvers take "127.1" and "2130706433" for addresses. */
function isNumeric(name: string): boolean {
  return /^(?:0x[0-9a-f]*|[0-9]+)$/.test(name.slice(name.lastIndexOf(".") + 1));
}

/** The first address behind a reply that may be called. The one that asked always may. */
export function chooseAddress(
  reply: Reply,
  addresses: readonly string[],
  asker: string,
  hosts: Hosts,
): string | undefined {
  if (reply.kind === "name" && hosts.hasName(reply.name)) return addresses[0];
  return addresses.find((address) => address === asker || hosts.hasAddress(address));
}
