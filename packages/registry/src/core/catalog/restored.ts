/** The catalog as a store gives it back. */

import type { Account, Commit, InstanceRecord, KeyRecord, LeaseRecord, Position, Revision } from "../types.ts";
import type { EmptyDirectory, ServiceView } from "../view.ts";

/** State as stored, streamed so that a large one is never held twice. */
export interface Restored extends Position {
  /** History up to here is gone. */
  readonly floor: Revision;
  readonly accounts: Iterable<StoredAccount>;
  readonly leases: Iterable<readonly [Account, LeaseRecord]>;
  readonly instances: Iterable<readonly [Account, InstanceRecord]>;
  readonly keys: Iterable<readonly [Account, KeyRecord]>;
  /** The newest commits, oldest first, to fill the history in memory; may be empty. */
  readonly recent: Iterable<Commit>;
}

export type StoredService = Pick<ServiceView, "name" | "revision" | "changedAtMs" | "lostAtMs">;

export interface StoredAccount {
  readonly name: Account;
  readonly createdAtMs: number;
  readonly revision: Revision;
  readonly catalogRevision: Revision;
  readonly keysRevision: Revision;
  /** Also those that are empty now. */
  readonly services: Iterable<StoredService>;
  /** `Directories.forgotten` */
  readonly forgottenDirectories: Revision;
  /** `Directories.since` */
  readonly directoriesSince: Revision;
  /** The empty ones, and those that something was deleted from. */
  readonly directories: readonly EmptyDirectory[];
}
