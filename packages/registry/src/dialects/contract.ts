/** What a dialect is, and the house it is opened in. */
import type { Logger } from "pino";
import type {
  Access,
  Account,
  AccountFacts,
  AnyPlan,
  Bytes,
  Check,
  Clock,
  Cluster,
  Grouping,
  Instance,
  InstanceKey,
  InstanceRecord,
  KeyRecord,
  Nodes,
  Outcome,
  Registry,
  Revision,
  Status,
} from "../core/index.ts";
import type { Doors } from "../net/doors.ts";
import type { HttpListener } from "../net/http/handler.ts";
import type { RequestLog } from "../net/log.ts";
import type { Audit } from "../net/routes/audit.ts";

/** Everything a dialect may use. */
export interface House {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly access: Access;
  readonly tenants: Tenants;
  readonly clock: Clock;
  readonly checks: Checks;
  readonly calls: Calls;
  readonly log: Logger;
  /** Tells what somebody did, or tried to do, whatever the level of the log. */
  readonly audit: Audit;
  /** For a dialect with a listener that is not HTTP; the requests of the others are told by theirs. */
  readonly requests: RequestLog;
  readonly metrics: Metrics;
  /** The native listener, shared by `http` and `rackspace`. */
  readonly http: HttpListener;
  readonly status: NodeStatus;
  /** Notes that a client at this address looked a service up, unless it is empty. Costs next to nothing. */
  looked(account: Account, service: string, address: string): void;
  /** What all dialects noted so. */
  readonly lookups: { list(account: Account): readonly Lookup[] };
  /** Opens the dialect's own ports, by the names in bin/dialects.ts. */
  readonly doors: Doors;
  /**
   * Says what must be the same at all nodes, besides settings, by names for people: where it is not, people are told. In
   * place of what this dialect said before.
   */
  mustAgree(values: Readonly<Record<string, unknown>>): void;
  /**
   * 32 bytes of the dialect's own: made once, and the same over restarts and on all nodes. To be called each time: nodes
   * that copy each other may meet when each has one, and go on with one of them.
   */
  secret(): Promise<() => Buffer>;
  /** Loads how all dialects of this program name things in DNS, whether they are open or not. */
  readonly names: () => Promise<readonly NameSource[]>;
  /** All dialects of this program that keep notes to themselves in the meta of instances, under `<dialect>.…` */
  readonly notes: readonly string[];
  /** How the HTTP paths of each protocol begin, whether its dialect is open, closed or yet to come. */
  readonly paths: readonly (readonly [dialect: string, begins: readonly string[]])[];
  /** This dialect's part of the configuration, validated by the dialect itself. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Absolute path of the directory that relative paths in `settings` begin at. */
  readonly directory: string;
}

/** Somebody who looked a service up. */
export interface Lookup {
  readonly service: string;
  readonly dialect: string;
  readonly address: string;
  /** Wall-clock ms, of the first time and the last. */
  readonly sinceMs: number;
  readonly seenMs: number;
}

/** The checks that the registry runs: those of instances by itself. */
export interface Checks {
  /** What came of the latest run at this node; undefined where there was none since the start, or another node runs them. */
  seen(account: Account, instance: InstanceKey, checkId: string): Seen | undefined;
  /**
   * Somebody's word on a check that is to be reported in time (`ttl`): the same again is a heartbeat, and no commit. Undefined
   * when it is none of these.
   */
  report(
    account: Account,
    instance: InstanceKey,
    checkId: string,
    status: Status,
    output: string,
  ): Promise<Outcome<Revision> | undefined>;
  /** Runs a check that no instance has, as it is said latest by its name. */
  keep(subject: Subject): void;
  drop(account: Account, name: string): void;
}

export interface Seen {
  readonly atMs: number;
  readonly tookMs: number;
  readonly status: Status;
  readonly output: string;
}

/** Something with a check that is not an instance's. */
export interface Subject {
  readonly account: Account;
  /** Names it and its check within the account. */
  readonly name: string;
  readonly check: Check;
  readonly at: Pick<Instance, "address" | "ports">;
  /** Keeps a result that is another than `check` has, or its first. */
  tell(status: Status, output: string): Promise<void>;
}

/** Requests that the registry makes because somebody asked to be told. They wait their turn: few are made at once. */
export interface Calls {
  /** The addresses of a host, but for those that nobody is sent to; none where it has no name. */
  find(host: string): Promise<readonly string[]>;
  /** Why a URL's host may not be gone to, as checks may; undefined when it may, now. */
  refuse(url: URL): Promise<string | undefined>;
  /** Never rejects. Whoever aborts it does so before the house is closed. */
  make(call: Call, signal: AbortSignal): Promise<Called>;
}

export interface Call {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Calls of one turn share a few places. */
  readonly turn: string;
  /** It failed before: such calls never take all places. */
  readonly again: boolean;
  /** From its turn to the head of the answer, beside the look-up of the name. */
  readonly timeoutMs: number;
  /** The address to go to; without it, the first to which checks may go. */
  choose?(addresses: readonly string[]): string | undefined;
}

/**
 * `unreachable`: nothing was sent. `lost`: it may have been, but no answer came. `forbidden`: there is no address that it may go
 * to. `dropped`: it was not wanted any more.
 */
export type Called =
  | { readonly kind: "answered"; readonly status: number }
  | { readonly kind: "unreachable" | "lost" | "forbidden" | "dropped"; readonly why: string };

/** Numeric names of accounts, for protocols that know tenants by number. `access.resolve` finds the account again. */
export interface Tenants {
  /** Always the same for an account; remembered over restarts. */
  of(account: Account): string;
  /** The same number, without storing it. */
  peek(account: Account): string;
}

/**
 * The names under a domain of its own by which users of a protocol find instances in DNS. The dialect says what a name
 * means; `dns` only carries it. Pure.
 */
export interface NameSource {
  readonly dialect: string;
  /** Where the names stand unless configured otherwise: `skydns.local.` */
  readonly domain: string;
  /** How it has instances sorted: that is done before `find` is called for a question. */
  readonly groupings?: readonly Grouping[];
  /**
   * Looks a name up. `labels` are those left of the domain, from left to right, in lower case, as `Bytes`; none for the
   * domain itself. `options` are settings that the source documents; `keys` the account's, for a source whose names rest
   * on some of them.
   */
  find(
    labels: readonly string[],
    account: AccountFacts,
    options: Readonly<Record<string, string>>,
    keys: NameKeys,
  ): Found;
}

/** The configuration keys of an account. */
export interface NameKeys {
  entry(key: Bytes): KeyRecord | undefined;
  /** In [from, to), sorted bytewise; `to` = "" means to the end. */
  entries(from: Bytes, to: Bytes): Iterable<KeyRecord>;
}

/** `onKeys`: what was found rests on keys, too, so that any commit may change it. */
export type Found = FoundThing & { readonly onKeys?: true };

type FoundThing =
  /** There is no such name, nor any below it. */
  | { readonly kind: "none" }
  /** The name exists (or names below it do) but nothing is to be found there. */
  | { readonly kind: "bare" }
  /** An address by itself. */
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  /** The addresses of this server itself. */
  | { readonly kind: "server" }
  | {
      readonly kind: "instances";
      /** Instances in any status: `dns` leaves out those that must not be found. */
      readonly places: readonly Place[];
      /** Given if all places are of this service, and only changes of this service change the answer. */
      readonly service?: string;
      /** For how long the answer is good, in seconds, where that is not as for all names. */
      readonly ttlS?: number;
    };

/** An instance as a name shows it. */
export interface Place {
  readonly record: InstanceRecord;
  readonly priority: number;
  /**
   * 0 to 65535. `even`: 100 divided by the number of instances shown with this priority, rounded down. `own`: the
   * instance's, scaled as in the zones of accounts.
   */
  readonly weight: number | "even" | "own";
  /** Labels left of the domain by which an SRV record names the instance's address. */
  readonly target: readonly string[];
}

/** The state of this process, for health and administration. */
export interface NodeStatus {
  readonly name: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly replicator: string;
  /** True between a complete start and the beginning of the stop. */
  ready(): boolean;
  /** Why the store takes no writes; null while it does. */
  refusing(): string | null;
  /** Why what is shown here is not to be trusted; null while it is. */
  lagging(): string | null;
  /** Why what is shown here may be old, though it is all that can be had; null while it is not. */
  stale(): string | null;
  /** About what the catalog may take of the heap. */
  bytesMax(): number;
  /** The nodes that share the registry, and their store; undefined where this one runs alone. */
  cluster(): Cluster | undefined;
  /** Addresses that dialects listen on. */
  endpoints(): readonly Endpoint[];
  /** Nodes that are configured otherwise where all must be the same, with the names of the settings. */
  differences(): readonly { readonly node: string; readonly settings: readonly string[] }[];
  /** Takes a consistent copy of the store while the registry runs. Undefined where there is no store. */
  readonly backup: (() => Promise<Outcome<Backup>>) | undefined;
  /** Prometheus text. */
  metricsText(): Promise<string>;
  /** By what lapsed leases are held, now. */
  protection(): ProtectionLimits;
  /** Open streams and long polls. */
  watchers(): number;
  /** The store's file; null where there is none. */
  diskBytes(): number | null;
  /** Some of these numbers over the latest hour, each 5 s, or over the latest day, each minute. */
  samples(isCoarse: boolean): Samples;
}

/** What around/protection.ts goes by. */
export interface ProtectionLimits {
  readonly enabled: boolean;
  readonly windowMs: number;
  readonly leasesMin: number;
  readonly shareMin: number;
  readonly holdMs: number;
}

/** Points of numbers, oldest first. */
export interface Samples {
  readonly stepMs: number;
  /** Of the last point, wall-clock ms. */
  readonly lastMs: number;
  readonly series: readonly {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    /** Per second. */
    readonly rate: boolean;
    /** NaN where nothing was measured. */
    readonly points: Float64Array;
  }[];
}

/** A copy of the store as it was at one revision. It takes room on the disk until it is closed. */
export interface Backup {
  readonly revision: Revision;
  readonly bytes: number;
  read(): AsyncIterable<Buffer>;
  close(): Promise<void>;
}

export interface Endpoint {
  readonly dialect: string;
  /** `http`, `https`, `tcp`, `udp`. */
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
}

/** Numbers a dialect may add to; the names are fixed so that dialects stay comparable. */
export interface Metrics {
  /** Open streams and long polls: call with +1 and -1. */
  watchers(dialect: string, delta: number): void;
  /**
   * A counter `rollcall_<dialect>_<name>_total` with one label. To count, add to the number at the index of the
   * label's value.
   */
  tally(dialect: string, name: string, help: string, label: string, values: readonly string[]): Float64Array;
  /** A number `rollcall_<dialect>_<name>` that goes up and down: read when somebody asks. */
  gauge(dialect: string, name: string, help: string, read: () => number): void;
}

export interface Mounted {
  /** Ends streams with their position; answers go on until `close`. */
  drain(): void;
  close(): Promise<void>;
  /**
   * Takes these settings over while it runs, as far as it can, and looks at its files. Rejects with `SettingsRefused` when
   * they are wrong, and goes on with the old ones. Left out by a dialect whose settings take a restart.
   */
  reload?(settings: Readonly<Record<string, unknown>>): Promise<Reloaded>;
}

/** Names of settings, and words for other things that a reload is about. */
export interface Reloaded {
  /** New from now on, or looked at again. */
  readonly taken: readonly string[];
  /** Changed, but this takes a restart. */
  readonly restart: readonly string[];
}

/** The longest time, in ms, that a client may ask for where its protocol knows no other bound: a longer one is a mistake. */
export const TTL_MS_MAX = 7 * 24 * 3600 * 1000;

/** What `open` rejects with when the settings are wrong. The message is a sentence for people: `eureka.region must be …`. */
export class SettingsRefused extends Error {
  override readonly name = "SettingsRefused";
}

/** What every `dialect.ts` exports as `dialect`. Its name and its ports are in bin/dialects.ts. */
export interface Dialect {
  /** `total`: its promises need one order of all commits; over a replicator without one, the start is refused. */
  readonly needs: "total" | "any";
  /** The plans that it proposes; their names begin with its own. Those that look names up are made of `House.names`. */
  readonly plans?: readonly AnyPlan[] | ((names: readonly NameSource[]) => readonly AnyPlan[]);
  open(house: House): Promise<Mounted>;
}
