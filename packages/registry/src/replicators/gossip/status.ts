/** How a node stands with the others. */
import type { Cluster, NodeNumbers } from "../../core/index.ts";
import type { InStep } from "./in-step.ts";
import type { Member } from "./members.ts";

/** What was found when a node was compared last: its order, and how many units came and went. */
export interface Lag {
  readonly line: string;
  readonly lag: number;
}

export interface GossipStatus {
  readonly members: readonly (Member & {
    /** There is a connection. */
    readonly isReached: boolean;
    /** Since both had the same; Infinity when that never was. */
    readonly inStepMs: number;
    /** Units that came and went when they were compared last. */
    readonly lag: number;
  })[];
  /** At most half of the members that it knows are there, this node among them. */
  readonly isPartitioned: boolean;
  /** Units that came and wait for the store. */
  readonly waiting: number;
}

interface Known {
  readonly reached: readonly string[];
  readonly lags: ReadonlyMap<string, Lag>;
  readonly inStep: InStep;
}

export function judgeMembers(
  all: readonly Member[],
  { reached, lags, inStep }: Known,
  nowMs: number,
): Omit<GossipStatus, "waiting"> {
  const members = all.map((member) => {
    const { line = "", lag = 0 } = lags.get(member.name) ?? {};
    return { ...member, isReached: reached.includes(member.name), inStepMs: inStep.sinceMs(line, nowMs), lag };
  });
  const present = 1 + members.filter(({ isPresent }) => isPresent).length;
  return { members, isPartitioned: members.length > 0 && 2 * present <= members.length + 1 };
}

/** Revisions of other nodes say nothing here: the lag is in units, as of the last comparisons. */
export function toCluster(
  { members }: GossipStatus,
  own: Pick<NodeNumbers, "name" | "address" | "sinceMs" | "kept" | "revision">,
  duty: string,
): Cluster {
  const others = members.map(({ name, address, sinceMs, isReached, isPresent, kept }) => ({
    ...{ name, address, sinceMs, isReached, kept: isPresent ? kept : null, revision: null },
  }));
  const behind = members.filter(({ lag, isReached }) => isReached && lag > 0);
  return {
    name: own.name,
    nodes: [{ ...own, isReached: true }, ...others].map((one) => ({ ...one, isOnDuty: one.name === duty })),
    lagRevisions: Math.max(0, ...behind.map(({ lag }) => lag)),
    lagMs: Math.max(0, ...behind.map(({ inStepMs }) => inStepMs).filter(Number.isFinite)),
    store: [],
  };
}

/** For the log. */
export function sayPartition(isPartitioned: boolean): string {
  return isPartitioned
    ? "at most half of the nodes are heard: this one goes on by itself"
    : "most of the nodes are heard again";
}
