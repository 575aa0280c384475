/** The door to the catalog: reading, changing, keeping alive and following. */
import type { Outcome } from "../outcome.ts";
import type { Command, RangeResult, Receipt } from "./command.ts";
import type { Account, Commit, InstanceKey, KeyRange, LeaseId, Revision } from "./types.ts";
import type { Grouping, View } from "./view.ts";

/** The commits that a watcher wants. An empty scope is all of them. */
export interface Scope {
  /** All accounts when left out. */
  readonly account?: Account;
  /** Changes of these services' instances. */
  readonly services?: readonly string[];
  /** Changes of any service's instances. */
  readonly anyService?: boolean;
  /** Changes of these keys. */
  readonly keys?: KeyRange;
}

/**
 * A watcher's side. It is a cursor into the history, never a queue. When little is to be done commits are handed over as
 * soon as they are visible; else in slices between other work, many at a time.
 */
export interface Watcher {
  /**
   * In step: is handed each commit before anybody can read what it changed. For what is kept beside the view. Such
   * watchers are few and quick.
   */
  readonly inStep?: boolean;
  /**
   * Takes commits, oldest first, and answers how many of them it took. The rest is handed over again: soon when it took
   * some, after `resume` when it took none. Watchers of one scope are mostly handed the same array.
   */
  deliver(commits: readonly Commit[]): number;
  /** Called once: all that there was when the watch began has been delivered. */
  caughtUp?(): void;
  /**
   * The position is older than the history, or `deliver` threw: read the state again and watch from its revision. Ends
   * the watch.
   */
  lost(compacted: Revision): void;
}

export interface Watch {
  /** The revision up to which everything in scope has been delivered. */
  readonly position: Revision;
  /** Goes on after `deliver` took nothing. */
  resume(): void;
  /** Hands over now what memory has: for who must tell of a change before an answer that shows it. */
  pull(): void;
  close(): void;
}

/** The heartbeats of a lease, as this node saw them. Times are wall-clock ms, 0 for never. */
export interface Pulse {
  readonly lastBeatMs: number;
  readonly beats: number;
  /** Smoothed time between beats in ms; 0 while unknown. */
  readonly intervalMs: number;
  /** The beats come so rarely that protection may notice too late when many fall silent. */
  readonly rare: boolean;
  /** Infinity for a lease without time. */
  readonly deadlineMs: number;
}

/** The one way to the catalog for dialects. */
export interface Registry {
  /** One revision from start to finish: a query cannot await, so it never sees half a change. */
  read<T>(query: (view: View) => T extends PromiseLike<unknown> ? never : T): T;
  /** Sorts all instances into groups, in turns with other work. Undefined when that is done, for good. */
  group(by: Grouping): Promise<void> | undefined;
  /**
   * Resolves once the change, or the state that a refusal rests on, is durable and visible. A refusal is no rejection. When
   * the signal comes first: `unavailable` if nothing is or will be done, else `unknown`.
   */
  propose(account: Account, command: Command, signal?: AbortSignal): Promise<Outcome<Receipt>>;
  /**
   * A heartbeat; never a commit. `ttlMs` is Infinity for a lease without time. `unavailable` while the node that keeps the
   * lease is not reached: try again.
   */
  renew(account: Account, lease: LeaseId): Promise<Outcome<{ readonly ttlMs: number }>>;
  /** Many heartbeats: the ttl in ms of each lease, in order; 0 where there is none, -1 where its keeper was not reached. */
  renewMany(account: Account, leases: readonly LeaseId[]): Promise<Float64Array>;
  /**
   * Whoever held this lease by a connection is gone without a word: it lapses at once, as by its ttl, unless it is heard
   * within `lingerMs`. Nothing is done of one without time, of one that is held, and of one that another node keeps: tell
   * all nodes.
   */
  abandon(account: Account, lease: LeaseId, lingerMs: number): void;
  /** Undefined for a lease that another node keeps. */
  pulse(account: Account, lease: LeaseId): Pulse | undefined;
  /** Wherever they are kept; undefined where there is none, or its keeper was not reached. */
  pulses(account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]>;
  /** The node that keeps a lease; undefined where this is the only one, or there is no such lease. */
  keptBy(account: Account, lease: LeaseId): string | undefined;
  /**
   * Resolves when this node has everything that was acknowledged anywhere before the call: what is read then is not older.
   * `unavailable` when nobody can be asked, or when the signal comes first.
   */
  barrier(signal?: AbortSignal): Promise<Outcome<Revision>>;
  /**
   * As `barrier`; but where the order is out of reach of one that shows a copy of it, as an agent does, what is shown is
   * the best that can be had, and is answered.
   */
  latest(signal?: AbortSignal): Promise<Outcome<Revision>>;
  /** "local": each node has an order of its own, and revisions count in that. */
  readonly order: "total" | "local";
  /** A name of the order: positions of one say nothing in another. */
  readonly line: string;
  /** Resolves when this node has applied `revision`; rejects only when aborted. */
  reached(revision: Revision, signal?: AbortSignal): Promise<void>;
  /** Follows every commit after `after` that touches `scope`. Refused as `compacted` when history is gone, or that of the account's keys when keys are in the scope. */
  follow(scope: Scope, after: Revision, watcher: Watcher): Outcome<Watch>;
  /**
   * Stored commits with revision > after, oldest first; refused as `compacted` below the floor. At most `limit`, and no
   * more once they pass `LIMITS.historyBytesMax`; none only when there are no more.
   */
  history(after: Revision, limit: number): Promise<Outcome<readonly Commit[]>>;
  /**
   * The keys as they were once the commit of this revision was made; `limit` as in the command `range`. `compacted` below
   * the floor and the account's `keysFloor`, `invalid` when the revision is yet to come. `unavailable` while the store
   * does not know yet where to look: after an upgrade or a crash, for a while.
   */
  past(
    account: Account,
    range: KeyRange & { readonly limit?: number },
    at: Revision,
    signal?: AbortSignal,
  ): Promise<Outcome<RangeResult>>;
  /** The last revision with which an instance of this name went, or got another; 0 when history knows none. */
  goneAt(account: Account, instance: InstanceKey): Promise<Revision>;
  /** The last stored revision whose `orderMs` is below this; the floor when there is none. */
  revisionAt(orderMs: number): Promise<Revision>;
  /** History up to and including this revision is gone. */
  readonly floor: Revision;
  /** Forgets history up to and including `revision`. */
  compact(revision: Revision): Promise<Outcome<Revision>>;
}
