import type { Outcome, Refusal } from "../outcome.ts";
import type {
  Author,
  Bytes,
  Change,
  Check,
  Commit,
  Instance,
  InstanceKey,
  KeyRecord,
  LeaseId,
  LeaseRecord,
  Revision,
  Silence,
  Status,
  Unit,
} from "./types.ts";

/** How an instance stays alive. */
export type Life =
  /** By a lease that exists. */
  | { readonly lease: LeaseId }
  /**
   * By a lease of its own, named `ownLease(key)`, which the same commit grants or changes. To say so of one that is
   * there is a heartbeat, unless it is said `quiet`. Infinity: until it is deregistered or its lease is ended.
   */
  | { readonly ttlMs: number; readonly quiet?: true }
  /** For good. A lease of its own ends. */
  | "permanent"
  /** As before; for good when it is new. */
  | "keep";

/** A node that keeps the time of leases, where several do; and since when, in a word that is never used again. */
export interface Keeper {
  readonly node: string;
  readonly term: string;
}

/** A wish to change something in one account. Plain data. */
export type Command =
  /**
   * `ttlMs` may be Infinity: a lease without time. Of a lease that is there it sets ttl and meta, and is a heartbeat unless it is said `quiet`. A new ttl counts from
   * the last heartbeat; a shorter one that is said `quiet`, from the next.
   */
  | {
      readonly kind: "grant";
      readonly lease: LeaseId;
      readonly ttlMs: number;
      readonly via: string;
      readonly meta?: Readonly<Record<string, string>>;
      readonly ifAbsent?: boolean;
      readonly quiet?: true;
    }
  /** Ends a lease and everything it holds, in one revision; keys that are to be detached stay. */
  | {
      readonly kind: "end";
      readonly lease: LeaseId;
      readonly cause: "closed" | "expired";
      readonly silence?: Silence;
      /** `conflict` unless this is when the lease was granted: it may have ended and come back since. */
      readonly createRevision?: Revision;
      /** `conflict` if this node has ceased to keep the lease. */
      readonly keeper?: Keeper;
    }
  /** Protection keeps these lapsed leases. One commit for all. */
  | { readonly kind: "hold"; readonly leases: readonly LeaseId[]; readonly reason: string; readonly untilMs?: number }
  | { readonly kind: "release"; readonly leases: readonly LeaseId[] }
  /** Registers an instance, or replaces it as a whole. The same again makes no commit. */
  | {
      readonly kind: "register";
      readonly instance: Instance;
      readonly life: Life;
      readonly ifAbsent?: boolean;
      /** The key that the instance had so far: it moves from there. */
      readonly replaces?: InstanceKey;
    }
  | { readonly kind: "deregister"; readonly instance: InstanceKey }
  /** A check's result. A check that is not there is added if `check` says how it looks. */
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
      /** Of a status. */
      readonly reason?: string;
      readonly by?: string;
      /** It ends by itself: wall-clock ms. */
      readonly untilMs?: number;
      /** Without a status: `conflict` unless the override is the one that ends then. */
      readonly ifUntilMs?: number;
    }
  | {
      readonly kind: "put";
      readonly key: Bytes;
      readonly value: Bytes;
      readonly lease?: LeaseId | null;
      /**
       * Value or lease stay as they are, whatever is said of them here; `not-found` when the key is missing. Both at once
       * is a touch: the version moves on.
       */
      readonly keepValue?: true;
      readonly keepLease?: true;
      /** With a lease; "delete" when left out. It goes with the lease: both are kept by `keepLease`. */
      readonly atEnd?: KeyRecord["atEnd"];
      readonly ifAbsent?: boolean;
      readonly numbered?: Numbered;
    }
  /** Deletes one key, or all in [from, to). `to` = "" means to the end. */
  | { readonly kind: "delete"; readonly from: Bytes; readonly to?: Bytes }
  /** Reads keys: within a transaction, with the writes before it. */
  | {
      readonly kind: "range";
      readonly from: Bytes;
      readonly to?: Bytes;
      readonly limit?: number;
      /** Reads them as they were at this revision: see `Registry.past`. */
      readonly at?: Revision;
    }
  /** A range at an older revision, which the registry has read before the command is decided: the past stays as it is. */
  | { readonly kind: "known"; readonly outcome: Outcome<RangeResult> }
  /**
   * Up to this revision nobody needs to know any more what the account's keys were: reads at older revisions, and
   * following its keys from there, are refused as `compacted`. All else keeps its history, and so does the store.
   */
  | { readonly kind: "compact"; readonly revision: Revision }
  /**
   * What another replica has, where each has an order of its own: of each unit the greater version stays. Limits do not
   * count. A member of a lease that is not here is passed over.
   */
  | { readonly kind: "merge"; readonly units: readonly Unit[] }
  /**
   * Where each node has an order of its own: these are alive, and this node keeps the leases from now on. What is not
   * there is passed over.
   */
  | {
      readonly kind: "take";
      readonly leases: readonly LeaseId[];
      readonly instances?: readonly InstanceKey[];
      readonly keys?: readonly Bytes[];
    }
  /** Is refused, and with it the transaction that it is a step of. */
  | { readonly kind: "refuse"; readonly refusal: Refusal; readonly detail: string }
  /** By the account's layouts, brings what these entries and instances say elsewhere to the same state. */
  | { readonly kind: "mirror"; readonly keys: readonly Bytes[]; readonly instances: readonly InstanceKey[] }
  /** `then` if all guards hold, else `otherwise`. The steps in order, each on the ones before it; all or nothing. */
  | {
      readonly kind: "when";
      readonly guards: readonly Guard[];
      readonly then: readonly Command[];
      readonly otherwise: readonly Command[];
      /** Within another: the guards are judged on the state before the outermost of them, not on the steps before this one. */
      readonly early?: true;
    }
  /** The command, asked for by this one: what is committed says so. Only around a whole command. */
  | { readonly kind: "signed"; readonly by: Author; readonly command: Command }
  /** What the plan of this name makes of the input, on the state before it. `unsupported` where nobody knows the name. */
  | { readonly kind: "plan"; readonly name: string; readonly input: unknown };

export type CommandOf<K extends Command["kind"]> = Extract<Command, { readonly kind: K }>;

/** A name that is made when the command is decided, so that those who ask at once each get their own. */
export interface Numbered {
  /**
   * The key whose value is the next number, in decimal; a missing one is at 0. The same commit moves it on, before the
   * named key. Left out, the number is the commit's revision.
   */
  readonly counter?: Bytes;
  /** The name is the key and the number, with zeros before it up to so many digits. 0: the key as it is; it is counted all the same. */
  readonly digits: number;
}

export type Comparison = "=" | "!=" | "<" | ">";

/** A condition on the state before the transaction. A missing key has version 0, revisions 0 and lease "". */
export type Guard =
  | {
      readonly on: "version" | "create" | "mod";
      readonly key: Bytes;
      readonly to?: Bytes;
      readonly is: Comparison;
      readonly than: number;
    }
  /** Holds for no missing key, whatever the comparison. */
  | { readonly on: "value"; readonly key: Bytes; readonly to?: Bytes; readonly is: Comparison; readonly than: Bytes }
  /** Greater and less are those of numbers when both are decimal, "" being 0; else those of text. */
  | { readonly on: "lease"; readonly key: Bytes; readonly to?: Bytes; readonly is: Comparison; readonly than: LeaseId }
  /** The key was not detached less than so many ms ago: it may be taken again. */
  | { readonly on: "detached-for"; readonly key: Bytes; readonly to?: Bytes; readonly ms: number }
  /** Whether an instance with this id exists; in any service when `service` is left out. */
  | { readonly on: "instance"; readonly id: string; readonly service?: string; readonly exists: boolean }
  /** The instance is there and still at this revision. */
  | { readonly on: "instance-mod"; readonly instance: InstanceKey; readonly revision: Revision }
  | { readonly on: "lease-exists"; readonly lease: LeaseId; readonly exists: boolean }
  /** The lease is there, and held. */
  | { readonly on: "lease-held"; readonly lease: LeaseId }
  /** The account has fewer than `below`. Reserved keys count if the prefix is theirs. */
  | { readonly on: "count"; readonly of: "instances" | "services" | "leases"; readonly below: number }
  | { readonly on: "count"; readonly of: "keys"; readonly prefix: Bytes; readonly below: number };

export interface RangeResult {
  readonly kind: "range";
  readonly entries: readonly KeyRecord[];
  /** How many there are in the range, whatever the limit. */
  readonly count: number;
  readonly more: boolean;
}

/** What a command did, or a step of a transaction. */
export type Result =
  | { readonly kind: "changed"; readonly changes: readonly Change[] }
  | RangeResult
  | {
      readonly kind: "when";
      readonly succeeded: boolean;
      /** The index of the first guard that did not hold. */
      readonly broken: number | null;
      readonly results: readonly Result[];
    }
  /** The plan's word, and what its command did. */
  | { readonly kind: "plan"; readonly note: unknown; readonly result: Result };

/** The answer to a proposal, once it is durable. */
export interface Receipt {
  /** Null when nothing became different. */
  readonly commit: Commit | null;
  /** The commit's revision, else the revision the command was decided at. */
  readonly revision: Revision;
  readonly result: Result;
}

/** Changes that are decided and not applied yet. */
export interface Decision {
  readonly changes: readonly Change[];
  readonly result: Result;
  /** By how many bytes of heap the changes let the catalog grow, about; to be counted when left out. */
  readonly growth?: number;
  /** Leases whose owner said that it is alive, with the ttl that was said; it may be the one that they have. */
  readonly heard?: readonly Heard[];
}

export interface Heard {
  readonly lease: LeaseId;
  readonly ttlMs: number;
}

/** A heartbeat, as a command: the lease stays as it is. */
export function beatOf({ id, ttlMs, via }: LeaseRecord): CommandOf<"grant"> {
  return { kind: "grant", lease: id, ttlMs, via };
}

/** The name of the lease that an instance registered with `{ ttlMs }` has to itself. */
export function ownLease(instance: InstanceKey): LeaseId {
  return `${instance.service}/${instance.id}`;
}

/** The instance that the name of an own lease says: services have no slash in their names, so the first one parts. */
export function ownerOf(lease: LeaseId): InstanceKey | undefined {
  const slash = lease.indexOf("/");
  return slash < 0 ? undefined : { service: lease.slice(0, slash), id: lease.slice(slash + 1) };
}
