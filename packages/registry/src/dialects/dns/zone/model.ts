/** What names are looked up in. */
import type { Account, InstanceRecord, View } from "../../../core/index.ts";
import type { NameSource } from "../../contract.ts";
import type { Settings } from "../settings/model.ts";
import type { Name, Resource } from "../wire/message.ts";

/** A part of the name space that we answer for. The longest one that a name is in has the say. */
export type Zone =
  /** The catalog of one account, with what a zone file of the same name adds to it. */
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
  /** `in-addr.arpa.` and `ip6.arpa.`, of which we know a part: see `Settings.reverse`. */
  | { readonly kind: "reverse"; readonly name: Name };

/** The catalog of one account, with what a zone file of the same name adds to it. */
export type AccountZone = Extract<Zone, { kind: "account" }>;

/** A zone as a zone file has it (file.ts). Immutable: a changed file makes a new one. */
export interface FileZone {
  readonly origin: Name;
  /** The file's own SOA. */
  readonly authority: Resource;
  /** All records by the owner's `keyOf`, SOA and NS of the origin among them. */
  readonly owners: ReadonlyMap<string, readonly Resource[]>;
  /** `keyOf` of names that have no record but have names below them (RFC 8020). */
  readonly between: ReadonlySet<string>;
}

/**
 * Finds by labels what the catalog keeps by its own names (label-index.ts). Labels are lower-cased `toLabel` forms.
 * Lives beside the view and is brought up to date with every commit.
 */
export interface Index {
  /**
   * Names of services that the label (in lower case) stands for: by their own letters or by their `toLabel`. One that
   * is written like the label comes first. Usually one; may hold ones that the view has forgotten.
   */
  services(account: Account, label: string): readonly string[];
  /** Instances at this address (IPv4 dotted, IPv6 in canonical lower case), over all accounts. */
  at(address: string): readonly { readonly account: Account; readonly record: InstanceRecord }[];
  /** Instances that ended by silence, for a while: see `Settings.whenNoneHealthy`. Healthy as they were last seen. */
  lapsed(account: Account, service: string): readonly InstanceRecord[];
  /** Services that have lapsed instances, sorted. */
  lapsedServices?(account: Account): readonly string[];
  /**
   * Calls when something moved that no revision tells of: a label stands for another set of services, or a lapsed
   * instance has run out. Answers kept from before are worth nothing. Returns its cancel.
   */
  onChange?(listener: () => void): () => void;
}

/** The zones there are: of accounts, which come and go, of files, and of other protocols. */
export interface Zones {
  /** All but the reverse ones; apex names, no order. */
  list(): readonly Zone[];
  /** Replaces what zone files say, all at once. */
  setFiles(files: readonly FileZone[]): void;
  /** After zones came or went, or a file changed: answers kept from before are worth nothing. Returns its cancel. */
  onChange(listener: () => void): () => void;
}

/** Everything a lookup may look at. Valid within one `Registry.read`. */
export interface World {
  readonly view: View;
  readonly index: Index;
  readonly settings: Settings;
  /** The zone that a name is in, by the longest match; undefined when it is none of ours. */
  zoneOf(name: Name): Zone | undefined;
  /** All zones but the reverse ones: a transfer says which names below its own are other zones' (NS). */
  zones?(): readonly Zone[];
  /** The serial of the zone's SOA now, RFC 1982. */
  serialOf(zone: Zone): number;
  /** Addresses of this server, for `ns` names. */
  readonly addresses: readonly string[];
  /** So many records of one set are more than the answer can hold, whichever of them. Undefined: all are wanted. */
  readonly recordsMax?: number;
}
