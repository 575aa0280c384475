/** What is measured (scenarios) and how it is shown (rows). */
/** The two that are compared. */
export type Side = "etcd" | "rollcall";

/** How long and how often; `--quick` makes all of it small. */
export interface Effort {
  quick: boolean;
  warmMs: number;
  measureMs: number;
  changes: number;
  /** Instances for memory and restart. */
  population: number;
  /** Leases for the renewals in bulk. */
  leases: number;
}

/** Named numbers of one round of one side. */
export type Sample = Record<string, number>;

/** One piece of work that is done by turns on both sides, each time on a fresh server. */
export interface Scenario {
  id: string;
  /** Rounds in a full run. */
  rounds: number;
  sides: readonly Side[];
  /** A round that takes longer than this has failed. */
  roundMsMax: number;
  measure(side: Side, effort: Effort): Promise<Sample>;
}

export type Goal =
  /** Ours divided by etcd's. */
  | { kind: "ratio"; atLeast: number }
  | { kind: "ratio"; atMost: number }
  /** Ours alone. */
  | { kind: "absolute"; atLeast: number };

/** A line of the table: one number of ours beside one of etcd's. */
export interface Row {
  id: string;
  scenario: string;
  title: string;
  unit: "/s" | "ms" | "MB";
  /** The sample's name on our side, and on etcd's; no etcd for what it does not have. */
  ours: string;
  theirs?: { metric: string; label: string };
  /** Rows without a goal are there to be seen. */
  goal?: Goal;
}
