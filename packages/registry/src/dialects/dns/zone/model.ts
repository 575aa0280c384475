/** What names are looked up in. */
import type { Account, Facts, InstanceRecord } from "../../../core/index.ts";
import type { NameSource } from "../../contract.ts";
import type { Settings } from "../settings/model.ts";
import type { Name, Resource } from "../wire/message.ts";

/** A part of the name space that we answer for. Of several that a name is in, the one with the longest name counts. */
export type Zone =
  /** The catalog of an account, with what a zone file of the same name adds to it. */
  | { readonly kind: "account"; readonly name: Name; readonly account: Account; readonly file?: FileZone }
  /** A zone file alone. */
  | { readonly kind: "file"; readonly name: Name; readonly file: FileZone }
  /** Names of another protocol. */
  | {
      readonly kind: "source";
      readonly name: Name;
      readonly account: Account;
      readonly source: NameSource;
      readonly options: Readonly<Record<string, string>>;
    }
  /** `in-addr.arpa.` or `ip6.arpa.`, of which we know the part in `Settings.reverse`. */
  | { readonly kind: "reverse"; readonly name: Name };

/** A zone as plain data. */
export type PlainZone =
  | Exclude<Zone, { kind: "source" }>
  | (Omit<Extract<Zone, { kind: "source" }>, "source"> & { readonly dialect: string });

export type AccountZone = Extract<Zone, { kind: "account" }>;

/** A zone as a zone file has it (file.ts). Never changed: another text of the file makes another zone. */
export interface FileZone {
  readonly origin: Name;
  /** The file's own SOA. */
  readonly authority: Resource;
  /** All records by the `keyOf` of their owner, with SOA and NS of the origin. */
  readonly owners: ReadonlyMap<string, readonly Resource[]>;
  /** `keyOf` of the names that have no record, but names below them (RFC 8020). */
  readonly between: ReadonlySet<string>;
  /** The account of its instances, and a hash of the text: what the registry remembers of it. */
  readonly from?: { readonly account: Account; readonly hash: string };
}

/** Finds by labels what the catalog has under other names (label-index.ts). Every commit brings it up to date. */
export interface Index {
  /**
   * The services that the label (in lower case) stands for, as it is or by their `toLabel`. The one that is written like
   * the label comes first. Most often there is one; some may be services that the view has forgotten.
   */
  services(account: Account, label: string): readonly string[];
  /** Instances of all accounts at this address (IPv4 dotted, IPv6 as RFC 5952 has it). */
  at(address: string): readonly { readonly account: Account; readonly record: InstanceRecord }[];
  /** Instances whose lease lapsed a moment ago, as they were: see `Settings.whenNoneHealthy`. */
  lapsed(account: Account, service: string): readonly InstanceRecord[];
  /** Services that have lapsed instances, sorted. */
  lapsedServices(account: Account): readonly string[];
}

/** The zones that we answer for. */
export interface Zones {
  /** All but the reverse ones, in no order. */
  list(): readonly Zone[];
  /** Replaces the zones of all zone files. */
  setFiles(files: readonly FileZone[]): void;
  /** Calls when zones came or went or a file changed: answers from before are no longer good. Returns its cancel. */
  onChange(listener: () => void): () => void;
}

/** Of the settings, what records are made by. */
export type Shown = Pick<
  Settings,
  | "domain"
  | "zones"
  | "files"
  | "ttlS"
  | "negativeTtlS"
  | "nameServers"
  | "addresses"
  | "mailbox"
  | "whenNoneHealthy"
  | "notes"
  | "reverse"
  | "updateLease"
>;

/** Everything a lookup may look at. Good within one `Registry.read`. */
export interface World {
  readonly view: Facts;
  readonly index: Index;
  readonly settings: Shown;
  /** The zone that a name is in; undefined when it is in none of ours. */
  zoneOf(name: Name): Zone | undefined;
  /** All zones but the reverse ones. */
  zones(): readonly Zone[];
  /** The serial of the zone's SOA. */
  serialOf(zone: Zone): number;
  /** The addresses of this server, for `ns` names. */
  readonly addresses: readonly string[];
  /** More records of one set than this fit into no answer; undefined: all are wanted. */
  readonly recordsMax?: number;
}
