/** Several nodes that share one order: who keeps the time of which lease, who is on duty, and words between them. */
import type { Keeper } from "../command.ts";
import type { Pulse } from "../registry.ts";
import type { Account, LeaseId, LeaseRecord } from "../types.ts";

/** One node keeps a lease at a time. To find out who it is takes no commit. */
export interface Keeping {
  /** This node; null while it cannot know whether it keeps anything: then it ends nothing. */
  readonly keeper: Keeper | null;
  /** The node that keeps it, as far as is known here. */
  keeperOf(account: Account, lease: LeaseRecord): string;
  /** Whether this node keeps it. */
  keeps(account: Account, lease: LeaseRecord): boolean;
  /** Heartbeats of leases that others keep: the ttl in ms of each, in order; 0 where there is none, -1 where its keeper was not reached. */
  renew(account: Account, leases: readonly LeaseId[]): Promise<Float64Array>;
  /** Of leases that others keep; undefined where there is none, or its keeper was not reached. */
  pulses(account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]>;
  /** Told when a lease is heard that is kept here and was silent, or held: it may be another node's that is gone. */
  heard?(account: Account, lease: LeaseRecord): void;
  /** Calls whenever `keeps` may answer otherwise than before. */
  onMoved(listener: () => void): void;
}

/** The nodes that share an order, for what is no part of the catalog. */
export interface Nodes {
  /** Whether this one does now what one does for all: telling others of what happened, once. Alone it always does. */
  isOnDuty(): boolean;
  /** Calls whenever that has become this one: what the one before left undone is its, too. What it returns ends the calls. */
  onDuty(listener: () => void): () => void;
  /** To all others that are reached, at most once, and in no order with commits. */
  broadcast(channel: string, bytes: Uint8Array): void;
  /** Calls with what others sent on the channel. What it returns ends the calls. */
  on(channel: string, listener: (bytes: Uint8Array, from: string) => void): () => void;
}

const NOTHING = (): void => undefined;

/** Those of a registry that runs on one node. */
export const ALONE: Nodes = {
  isOnDuty: () => true,
  onDuty: () => NOTHING,
  broadcast: NOTHING,
  on: () => NOTHING,
};
