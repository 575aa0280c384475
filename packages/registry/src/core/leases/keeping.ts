/** Which node keeps the time of which lease, where several share one order. */
import type { Keeper } from "../command.ts";
import type { Pulse } from "../registry.ts";
import type { Account, LeaseId, LeaseRecord } from "../types.ts";

/** One node keeps a lease at a time. To find out who it is takes no commit. */
export interface Keeping {
  /** This node; null while it cannot know whether it keeps anything: then it ends nothing. */
  readonly keeper: Keeper | null;
  /** Whether this node keeps it. */
  keeps(account: Account, lease: LeaseRecord): boolean;
  /** Heartbeats of leases that others keep: the ttl in ms of each, in order; 0 where there is none, -1 where its keeper was not reached. */
  renew(account: Account, leases: readonly LeaseId[]): Promise<Float64Array>;
  /** Of leases that others keep; undefined where there is none, or its keeper was not reached. */
  pulses(account: Account, leases: readonly LeaseId[]): Promise<readonly (Pulse | undefined)[]>;
  /** Calls whenever `keeps` may answer otherwise than before. */
  onMoved(listener: () => void): void;
}
