/** Nodes that are always there, whether a key has their path or not. */
import type { Bytes } from "../../../core/index.ts";

export const CONFIG: Bytes = "/zookeeper/config";

/** By path: the names of those among their children that are always there. */
export const FIXED: ReadonlyMap<Bytes, readonly Bytes[]> = new Map([
  ["/", ["zookeeper"]],
  ["/zookeeper", ["config", "quota"]],
  [CONFIG, []],
  ["/zookeeper/quota", []],
]);
