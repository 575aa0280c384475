/** The settings of a registry whose nodes gossip. */
import { readAddress } from "./link.ts";
import type { Value } from "./values.ts";

export interface GossipConfig {
  /** Nodes that are asked first. */
  readonly peers: readonly { readonly host: string; readonly port: number }[];
  readonly tombstoneMs: number;
}

/** Where nodes listen for each other unless told otherwise. */
const PORT = 7072;

export function readGossip(values: ReadonlyMap<string, Value>, problems: string[]): GossipConfig {
  const peers = (values.get("gossip.peers") as string).split(",").flatMap((one) => {
    const text = one.trim();
    const address = readAddress(text);
    if (text !== "" && address === undefined)
      problems.push(`gossip.peers: ${JSON.stringify(text)} is no host with or without a port`);
    return address === undefined ? [] : [{ port: PORT, ...address }];
  });
  return { peers, tombstoneMs: values.get("gossip.tombstoneMs") as number };
}
