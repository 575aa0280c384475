/** What is measured (scenarios), how it is shown (rows), and which of them belong together (groups). */
/** Who Rollcall is compared with. */
export type PeerName = "etcd" | "dnsmasq" | "knot" | "bind" | "eureka" | "node" | "consul" | "zookeeper" | "nsqlookupd";

export type Side = "rollcall" | PeerName;

/** What must be installed: load generators, and the peers' programs. */
export type Program =
  | "wrk"
  | "h2load"
  | "etcd"
  | "dnsperf"
  | "dnsmasq"
  | "knotd"
  | "named"
  | "java"
  | "mvn"
  | "go"
  | "zookeeper"
  | "nsqlookupd"
  | "haproxy"
  | "chromium";

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

/**
 * Named numbers of one round of one side. Beside a number `x`, `xLostPercent` says how many of the queries behind it were
 * lost, and marks it in the table when they were too many.
 */
export type Sample = Record<string, number>;

/** One piece of work that is done by turns on all its sides, each time on a fresh server. */
export interface Scenario<S extends Side = Side> {
  id: string;
  /** Rounds in a full run. */
  rounds: number;
  /** Fewer for sides whose rounds are long. */
  roundsMax?: Partial<Record<S, number>>;
  /** In the order of their turns. */
  sides: readonly S[];
  /** A round of one side that takes longer than this has failed. */
  roundMsMax: number;
  measure(side: S, effort: Effort): Promise<Sample>;
}

export type Goal = { atLeast: number } | { atMost: number };

/** What a peer does that is asked just as we are. */
export const SAME = "the same";

/** What one of our numbers is set beside. */
export interface Comparison {
  peer: PeerName;
  /** The sample's name on the peer's side. */
  metric: string;
  /** What the peer does for it. */
  work: string;
  /** Of our number divided by the peer's. Comparisons without a goal are there to be seen. */
  goal?: Goal;
}

/** A number that somebody's documents give. It is shown with that label, is in our row's unit, and was not measured here. */
export interface Documented {
  /** Whose, in a word or two. */
  peer: string;
  /** The most that it may be. */
  value: number;
  work: string;
}

/** One number of ours, beside those of any peers. */
export interface Row {
  id: string;
  scenario: string;
  title: string;
  unit: "/s" | "B/s" | "ms" | "µs" | "MB" | "answers" | "watchers" | "tries" | "%";
  /** The sample's name on our side. */
  ours: string;
  beside: readonly Comparison[];
  documented?: readonly Documented[];
  /** Of our number alone, in its unit. */
  goal?: Goal;
  /** The goal holds for each round, not for the median of them. */
  each?: true;
}

/** Rows that are run, shown and written together. */
export interface Group {
  id: string;
  title: string;
  /** The load generators, without which nothing of it can be measured. */
  programs: readonly Program[];
  scenarios: readonly Scenario[];
  rows: readonly Row[];
}
