import type {
  Bytes,
  Change,
  Check,
  Commit,
  Instance,
  InstanceKey,
  KeyRecord,
  LeaseId,
  Revision,
  Silence,
  Status,
} from "./types.ts";

/** How a registered instance stays alive: by a lease that exists, by one of its own, or for good. */
export type Life =
  | { readonly lease: LeaseId }
  /** A lease of the instance's own, named `ownLease(key)`, granted or changed in the same commit. */
  | { readonly ttlMs: number }
  /** Permanent; ends the instance's own lease if it had one. */
  | "permanent"
  /** As it is now (permanent when new). */
  | "keep";

/** A wish to change something in one account. Plain data. */
export type Command =
  | {
      readonly kind: "grant";
      readonly lease: LeaseId;
      readonly ttlMs: number;
      readonly via: string;
      readonly meta?: Readonly<Record<string, string>>;
      readonly ifAbsent?: boolean;
    }
  /** Ends a lease and everything it holds, in one revision. */
  | {
      readonly kind: "end";
      readonly lease: LeaseId;
      readonly cause: "closed" | "expired";
      readonly silence?: Silence /** Refuse unless the lease still is this incarnation. */;
      readonly createRevision?: Revision;
    }
  /** Protection: these lapsed leases stay. One commit for all. */
  | { readonly kind: "hold"; readonly leases: readonly LeaseId[]; readonly reason: string }
  | { readonly kind: "release"; readonly leases: readonly LeaseId[] }
  /** Registers, or replaces as a whole. The same again changes nothing and makes no commit. */
  | {
      readonly kind: "register";
      readonly instance: Instance;
      readonly life: Life;
      readonly ifAbsent?: boolean /** The key it had so far, when a registration moves to another service name. */;
      readonly replaces?: InstanceKey;
    }
  | { readonly kind: "deregister"; readonly instance: InstanceKey }
  /** A check's result; a check that is not there yet is added when `check` is given. */
  | {
      readonly kind: "report";
      readonly instance: InstanceKey;
      readonly checkId: string;
      readonly status: Status;
      readonly output: string;
      readonly check?: Check;
    }
  | {
      readonly kind: "override";
      readonly instance: InstanceKey;
      readonly status: Status | null;
    }
  | {
      readonly kind: "put";
      readonly key: Bytes;
      readonly value: Bytes;
      readonly lease?: LeaseId | null;
    }
  /** Deletes one key, or all in [from, to). `to` = "" means to the end. */
  | { readonly kind: "delete"; readonly from: Bytes; readonly to?: Bytes }
  /** Changes nothing: reads keys within a transaction, seeing the writes before it. */
  | {
      readonly kind: "range";
      readonly from: Bytes;
      readonly to?: Bytes;
      readonly limit?: number;
    }
  /** All guards hold: `then`, else `otherwise`; in order, each seeing the ones before; all or nothing. */
  | {
      readonly kind: "when";
      readonly guards: readonly Guard[];
      readonly then: readonly Command[];
      readonly otherwise: readonly Command[];
    };

export type Comparison = "=" | "!=" | "<" | ">";

/** A condition on the state before the transaction. A missing key has version, revisions 0 and lease "". */
export type Guard =
  | {
      readonly on: "version" | "create" | "mod";
      readonly key: Bytes;
      readonly to?: Bytes;
      readonly is: Comparison;
      readonly than: number;
    }
  /** Never true of a missing key, except `!=`-free use through `version`. */
  | { readonly on: "value"; readonly key: Bytes; readonly to?: Bytes; readonly is: Comparison; readonly than: Bytes }
  | { readonly on: "lease"; readonly key: Bytes; readonly to?: Bytes; readonly is: Comparison; readonly than: LeaseId }
  /** An instance with this id exists or not; in any service of the account when `service` is left out. */
  | { readonly on: "instance"; readonly id: string; readonly service?: string; readonly exists: boolean }
  /** The instance is there and still at this revision. */
  | { readonly on: "instance-mod"; readonly instance: InstanceKey; readonly revision: Revision }
  | { readonly on: "lease-exists"; readonly lease: LeaseId; readonly exists: boolean }
  /** The account holds fewer than `below` of them (keys: within the prefix; reserved keys do not count elsewhere). */
  | { readonly on: "count"; readonly of: "instances" | "services" | "leases"; readonly below: number }
  | { readonly on: "count"; readonly of: "keys"; readonly prefix: Bytes; readonly below: number };

/** What one command (or one step of a transaction) did. */
export type Result =
  | { readonly kind: "changed"; readonly changes: readonly Change[] }
  | { readonly kind: "range"; readonly entries: readonly KeyRecord[]; readonly count: number; readonly more: boolean }
  | { readonly kind: "when"; readonly succeeded: boolean; readonly results: readonly Result[] };

/** The answer to a proposal, given once it is durable. */
export interface Receipt {
  /** Null when nothing became different. */
  readonly commit: Commit | null;
  /** The commit's revision, else the revision the command was decided at. */
  readonly revision: Revision;
  readonly result: Result;
}

/** What decide gives: the changes, not yet applied, numbered as revision `base + 1`. */
export interface Decision {
  readonly changes: readonly Change[];
  readonly result: Result;
}

/** The lease that an instance registered with `{ ttlMs }` has to itself. */
export function ownLease(instance: InstanceKey): LeaseId {
  return `${instance.service}/${instance.id}`;
}
