/** The link to the other nodes of one registry, as it is configured. */
import { type NetworkInterfaceInfo, networkInterfaces } from "node:os";
import type { Logger } from "pino";
import type { Access } from "../../core/index.ts";
import { isLoopback } from "../../net/hosts/loopback.ts";
import { isWildcard } from "../../net/hosts/wildcard.ts";
import { openLink } from "../../net/link/link.ts";
import type { LinkPort } from "../../replicators/etcd/peers/roster.ts";
import type { ServeConfig } from "../config/load.ts";
import { StartRefused } from "./refused.ts";

/** Listens for the others. Undefined where there are none. */
export async function openNodeLink(
  { replicator, host, name, link: config }: Pick<ServeConfig, "replicator" | "host" | "name" | "link">,
  log: Logger,
  undo: (() => Promise<void> | void)[],
): Promise<LinkPort | undefined> {
  if (replicator !== "etcd" && replicator !== "gossip") return undefined;
  const own = config.host || host;
  const told = config.address?.host ?? (isWildcard(own) ? firstAddress() : own);
  if (config.keys.length === 0 && !(isLoopback(own) && isLoopback(told)))
    throw new StartRefused(
      `refusing to open the link between nodes at ${isLoopback(own) ? told : own} without a key: anyone who reaches it could change everything. ` +
        'Give all nodes the same one (--link-key), as from "openssl rand -hex 32".',
    );
  const trust = config.keys.length === 0 ? "loopback" : { keys: config.keys };
  const link = await openLink({ name, host: own, port: config.port, trust, log });
  undo.push(() => link.close());
  const port = config.address?.port ?? link.port;
  log.info({ node: name, host: told, port }, "the other nodes are told to find this one there");
  return { link, host: told, port };
}

/** Tokens keep nobody out who can speak as a node. */
export function warnOpenLink(
  { replicator, link }: Pick<ServeConfig, "replicator" | "link">,
  access: Pick<Access, "open">,
  log: Logger,
): void {
  if (replicator === "etcd" && link.keys.length === 0 && !access.open)
    log.warn(
      "the link between nodes has no key (--link-key): every program of this machine can change everything, without a token",
    );
}

/** Of the machine, as others see it; loopback when it has no other. */
function firstAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((some): NetworkInterfaceInfo[] => some ?? []);
  const outer = all.filter(({ internal, address }) => !internal && !address.startsWith("fe80:"));
  return (outer.find(({ family }) => family === "IPv4") ?? outer[0])?.address ?? "127.0.0.1";
}
