/** How a node stands with the others. */
import { type Cluster, isMinority, type NodeLag, type NodeNumbers } from "../../core/index.ts";
import type { Member } from "./members.ts";

export interface GossipStatus {
  readonly members: readonly (Member & {
    /** There is a connection. */
    readonly isReached: boolean;
    /** Since both had the same; null when that never was. */
    readonly inStepMs: number | null;
    readonly lag: NodeLag;
  })[];
  readonly isPartitioned: boolean;
  /** Units that came and wait for the store. */
  readonly waiting: number;
}

/** What is known of a node by its order. */
export interface Standing {
  /** Units, at least, that only one of the two had when they were compared last; null before that. */
  readonly lag: number | null;
  /** Since both had the same; Infinity when that never was. */
  readonly inStepMs: number;
}

export function judgeMembers(
  all: readonly Member[],
  reached: readonly string[],
  standingOf: (node: string) => Standing,
): Omit<GossipStatus, "waiting"> {
  const members = all.map((member) => {
    const isReached = reached.includes(member.name);
    const { lag, inStepMs } = standingOf(member.name);
    const ms = Number.isFinite(inStepMs) ? Math.max(0, inStepMs) : null;
    const told = isReached ? { changes: lag, ms: lag === 0 ? 0 : ms } : { changes: null, ms };
    return { ...member, isReached, inStepMs: ms, lag: told };
  });
  return { members, isPartitioned: isMinority([{ isPresent: true }, ...members]) };
}

/** Revisions of other nodes say nothing here: the lag is in units, as of the last comparisons. */
export function toCluster(
  { members, isPartitioned, waiting }: GossipStatus,
  own: Pick<NodeNumbers, "name" | "address" | "sinceMs" | "kept" | "revision">,
  duty: string,
): Cluster {
  const others = members.map(({ name, address, sinceMs, isReached, isPresent, ageMs, kept, lag }) => ({
    ...{ name, address, sinceMs, isReached, isPresent, heardMs: isReached ? 0 : ageMs, lag },
    ...{ kept: isPresent ? kept : null, revision: null },
  }));
  const self = { ...own, isReached: true, isPresent: true, heardMs: 0, lag: null };
  return {
    name: own.name,
    nodes: [self, ...others].map((one) => ({ ...one, isOnDuty: one.name === duty })),
    lagMs: behindMs(members),
    lagRevisions: waiting + Math.max(0, ...members.map(({ lag }) => lag.changes ?? 0)),
    isPartitioned,
    store: [],
  };
}

/** Since when it lacks what others have; where none is reached, since when it may. */
function behindMs(members: GossipStatus["members"]): number {
  const reached = members.filter(({ isReached }) => isReached);
  if (reached.length > 0) return Math.max(...reached.map(({ lag }) => lag.ms ?? 0));
  const known = members.flatMap(({ inStepMs }) => inStepMs ?? []);
  return known.length === 0 ? 0 : Math.min(...known);
}

/** For the log. */
export function sayPartition(isPartitioned: boolean): string {
  return isPartitioned
    ? "at most half of the nodes are heard: this one goes on by itself"
    : "most of the nodes are heard again";
}
