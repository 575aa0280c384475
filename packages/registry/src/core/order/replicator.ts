/** The port to what makes commits durable. */
import type { Outcome } from "../../outcome.ts";
import type { Restored } from "../catalog/restored.ts";
import type { Command, Heard, Receipt } from "../command.ts";
import type { Keeping, Nodes } from "../leases/keeping.ts";
import type { Pulse } from "../registry.ts";
import type { Account, Bytes, Commit, InstanceKey, KeyRange, LeaseId, Revision } from "../types.ts";
import type { View } from "../view.ts";

/** The core, as a replicator sees it. Called in order. */
export interface Sink {
  /** The restored state, before anything is committed. */
  restore(state: Restored): void;
  /**
   * The state after all commits that are gone before they came here. Who follows in step begins anew; all others read on
   * in history where that still has what they lack: `floor` is the new one by then.
   */
  replace(state: Restored): void;
  /** These commits are durable: they are shown and pushed now. In the order of revisions. */
  committed(commits: readonly Commit[]): void;
  /** The owner of a lease said that it is alive, by a command that was accepted. */
  heard(account: Account, heard: Heard): void;
  /** As `Keeping.renew`, asked by another node: of leases that are kept here. */
  renewHere(account: Account, leases: readonly LeaseId[]): Float64Array;
  /** How many leases this node keeps. */
  readonly kept: number;
  /** As `Keeping.pulses`, asked by another node. */
  pulsesHere(account: Account, leases: readonly LeaseId[]): readonly (Pulse | undefined)[];
  /** The state after all that was committed: proposals are decided on it. */
  readonly view: View;
}

export interface FirstChange {
  readonly revision: Revision;
  /** The key was there before. */
  readonly existed: boolean;
}

export type FirstChanges = ReadonlyMap<Bytes, FirstChange>;

/** How far apart two nodes are that have an order each. */
export interface NodeLag {
  /** Things that only one of the two had when they last compared, at least; null while they cannot. */
  readonly changes: number | null;
  /** For how long they have not had the same: 0 while they have, null when they never had. */
  readonly ms: number | null;
}

/** One of the nodes that share an order, as another one knows it. */
export interface NodeNumbers {
  readonly name: string;
  /** Where the others reach it: `10.0.0.1:7072`; empty when they do not. */
  readonly address: string;
  /** When it came, in wall-clock ms of its own. */
  readonly sinceMs: number;
  /** Whether the node that says so reaches it; true of itself. */
  readonly isReached: boolean;
  /** It is reached, or others have heard it lately. */
  readonly isPresent: boolean;
  /** Since something was last heard of it; 0 of itself, null when nothing ever was. */
  readonly heardMs: number | null;
  /** Null where all share one order. */
  readonly lag: NodeLag | null;
  /** It decides for all. */
  readonly isOnDuty: boolean;
  /** How many leases it keeps, and the end of the order as it shows it; null when it has not told within 3 s. */
  readonly kept: number | null;
  readonly revision: Revision | null;
}

/** One member of what several nodes store an order in, as it was some seconds ago. */
export interface StoreMember {
  readonly address: string;
  /** Empty when nobody could say it. */
  readonly name: string;
  /** Null when it does not answer; `error` says why. */
  readonly version: string | null;
  readonly error: string | null;
  readonly isLeader: boolean;
  /** The file of its database, how much of that is in use, and what it may grow to; null when it does not say. */
  readonly bytes: number;
  readonly usedBytes: number;
  readonly quotaBytes: number | null;
  /** What it says is wrong, in its own words: `NOSPACE`. */
  readonly alarms: readonly string[];
}

/** What is known at one node of all. */
export interface Cluster {
  /** The one that says so. */
  readonly name: string;
  readonly nodes: readonly NodeNumbers[];
  /** How far this node was behind at the last look, at most a second ago; longer while it cannot be found out. */
  readonly lagRevisions: number;
  readonly lagMs: number;
  /** This node takes itself for cut off: `isMinority`. */
  readonly isPartitioned: boolean;
  readonly store: readonly StoreMember[];
}

/** Whether at most half of the nodes that are known are there, the one that asks among them. */
export function isMinority(nodes: readonly Pick<NodeNumbers, "isPresent">[]): boolean {
  const present = nodes.filter(({ isPresent }) => isPresent).length;
  return nodes.length > 1 && 2 * present <= nodes.length;
}

/** Makes commits durable and agrees on their order. */
export interface Replicator {
  readonly name: string;
  readonly order: "total" | "local";
  /** A name of the order, made by chance when it begins, and anew when it begins anew. Known once this is open. */
  readonly line: string;
  /** Left out where this is the only node: it keeps all. There once it is open. */
  readonly keeping?: Keeping;
  /** Likewise. */
  readonly nodes?: Nodes;
  /** Likewise. Costs nothing: it is looked at every second. */
  cluster?(): Cluster;
  /**
   * The revision that the order has reached anywhere, not earlier than at this call; `unavailable` when that cannot be
   * found out. Left out where this is the only node. Asked often: calls at one time are one question.
   */
  head?(signal?: AbortSignal): Promise<Outcome<Revision>>;
  /** This shows a copy, and the order cannot be asked now: what is shown is the best that can be had. */
  readonly isAway?: boolean;
  /** Opens the store, restores through the sink, and is then ready for proposals. Rejects with a sentence for people. */
  open(sink: Sink): Promise<void>;
  /** Resolves when the command's commit is durable and has been handed to the sink. */
  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>>;
  /**
   * Stored commits after `after`, oldest first; `after` is not below the floor. At most `limit`, and no more once their
   * size (`sizeOfCommit`) passes `bytesMax`; without a bound when that is left out. None only when there are no more.
   */
  history(after: Revision, limit: number, bytesMax?: number): Promise<readonly Commit[]>;
  /** The last revision with which an instance of this name went; 0 when history knows none. */
  goneAt(account: Account, instance: InstanceKey): Promise<Revision>;
  /**
   * For each of these keys of the account, the first change after `after` and up to `to`, if there is one; later ones may
   * be told of as well. Everything up to `to` has been committed. `unavailable` while the store does not know it
   * yet, `too-large` when there are more than `LIMITS.rangeKeysMax`. Long work waits for a `turn` every few ms.
   */
  firstChanges(
    account: Account,
    range: KeyRange,
    after: Revision,
    to: Revision,
    turn: () => Promise<void>,
  ): Promise<Outcome<FirstChanges>>;
  /** The last stored revision whose `orderMs` is below this; the floor when there is none. */
  revisionAt(orderMs: number): Promise<Revision>;
  readonly floor: Revision;
  compact(revision: Revision): Promise<Outcome<Revision>>;
  /** Waits for proposals under way, refuses all others as `unavailable`, and closes the store. */
  close(): Promise<void>;
}
