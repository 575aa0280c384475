/** Who may do what to a node. */
import { BlockList, isIP } from "node:net";
import type { Bytes } from "../../../core/index.ts";
import type { Acl, Id } from "../wire/acl.ts";
import { PERMS } from "../wire/codes.ts";

/** Who asks. Plain data. */
export interface Who {
  /** Shown by its credentials, `user:hash`. */
  readonly digests: readonly Bytes[];
  readonly address: string;
  /** May do everything. */
  readonly isSuper: boolean;
}

/** What a node has that nobody set a list for. */
export const OPEN_ACL: readonly Acl[] = [{ perms: PERMS.all, scheme: "world", id: "anyone" }];

/** A list may be as long as the protocol's frames allow; so many of it are kept. */
const ACLS_MAX = 1000;

export function mayDo(acl: readonly Acl[] | null, perm: number, who: Who): boolean {
  if (acl === null || who.isSuper) return true;
  return acl.some((entry) => (entry.perms & perm) !== 0 && isMeant(entry, who));
}

function isMeant({ scheme, id }: Id, who: Who): boolean {
  switch (scheme) {
    case "world":
      return true;
    case "digest":
      return who.digests.includes(id);
    case "ip":
      return isInNetwork(id, who.address);
    default:
      return false;
  }
}

function isInNetwork(id: Bytes, address: string): boolean {
  const network = toNetwork(id);
  const family = isIP(address);
  if (network === undefined || family === 0) return false;
  return network.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** Lists of rights are looked through with each request: what stood there lately is not read again. */
const networks = new Map<Bytes, BlockList | undefined>();
const NETWORKS_MAX = 10_000;
/** No address is longer, with its bits. */
const NETWORK_LENGTH_MAX = 64;

function toNetwork(id: Bytes): BlockList | undefined {
  if (id.length > NETWORK_LENGTH_MAX) return undefined;
  if (networks.has(id)) return networks.get(id);
  if (networks.size >= NETWORKS_MAX) networks.clear();
  const network = readNetwork(id);
  networks.set(id, network);
  return network;
}

/** An address, or many by the bits at its beginning; undefined for what is none. */
function readNetwork(id: Bytes): BlockList | undefined {
  const [address = "", bits, ...more] = id.split("/");
  const family = isIP(address);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || more.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return undefined;
  const count = bits === undefined ? most : Number(bits);
  if (count > most) return undefined;
  const network = new BlockList();
  network.addSubnet(address, count, family === 4 ? "ipv4" : "ipv6");
  return network;
}

/**
 * The list as it is kept: without what stands there twice, and with the caller in place of `auth`. Null where everybody may
 * do everything; undefined when it is no list.
 */
export function fixAcl(acl: readonly Acl[] | null, who: Who): readonly Acl[] | null | undefined {
  if (acl === null || acl.length === 0 || acl.length > ACLS_MAX) return undefined;
  const fixed = new Map<string, Acl>();
  for (const { perms, scheme, id } of acl) {
    const isAuth = scheme === "auth";
    if (isAuth ? who.digests.length === 0 : !isLegalId({ scheme, id })) return undefined;
    const entries = isAuth ? who.digests.map((own) => ({ perms, scheme: "digest", id: own })) : [{ perms, scheme, id }];
    for (const entry of entries) fixed.set(`${entry.perms} ${entry.scheme} ${entry.id}`, entry);
  }
  const all = [...fixed.values()];
  const [only] = all;
  return all.length === 1 && only?.scheme === "world" && only.perms === PERMS.all ? null : all;
}

function isLegalId({ scheme, id }: Id): boolean {
  switch (scheme) {
    case "world":
      return id === "anyone";
    case "digest":
      return id.split(":").length === 2;
    case "ip":
      return toNetwork(id) !== undefined;
    default:
      return false;
  }
}
