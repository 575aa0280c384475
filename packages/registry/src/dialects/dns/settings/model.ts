/** The settings of the dialect: `dialectSettings.dns` of the configuration, checked. */
import type { Account, Role } from "../../../core/index.ts";
import type { Notes } from "../labels/meta.ts";
import type { Name } from "../wire/message.ts";

/** A set of networks: "10.0.0.0/8", "::1", "any", "none" (networks.ts). */
export interface Networks {
  /** No address is in it. */
  readonly isEmpty: boolean;
  has(address: string): boolean;
  /** The prefix length of the largest network that the address is in; undefined when it is in none. */
  bitsOf(address: string): number | undefined;
}

export interface TsigKey {
  readonly name: Name;
  readonly algorithm: "hmac-sha1" | "hmac-sha224" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512";
  readonly secret: Buffer;
  /** The account that it is good for; null for all. */
  readonly account: Account | null;
  /** A `reader` may ask and transfer, a `writer` may also update. */
  readonly role: Role;
}

export interface Server {
  readonly address: string;
  readonly port: number;
}

/** A server that gets NOTIFY. */
export interface Secondary extends Server {
  /** Signs NOTIFY and its answer; undefined when neither is signed. */
  readonly key: TsigKey | undefined;
}

export interface Settings {
  /** `rollcall.`: the zone of the account `default`; every other account's is `<account>.rollcall.` */
  readonly domain: Name;
  /** More zones of accounts under names of their own. */
  readonly zones: readonly { readonly name: Name; readonly account: Account }[];
  /** The TTL of records of the catalog; constant, so that caches see no change where there is none. Default 5. */
  readonly ttlS: number;
  /** How long a negative answer may be kept: the SOA's minimum and TTL. Default 1. */
  readonly negativeTtlS: number;
  /** Names of the servers of our zones; empty: `ns.<zone>` with this server's addresses. */
  readonly nameServers: readonly Name[];
  /** This server's addresses, for `ns` names; empty: the one it listens on, unless that is a wildcard. */
  readonly addresses: readonly string[];
  /** `hostmaster.<zone>` when undefined. */
  readonly mailbox: Name | undefined;
  /**
   * What is shown of a service without healthy instances: nothing, or its instances that did not leave by themselves
   * (critical, starting and unknown ones, and those whose lease lapsed within the last `heldMs`).
   */
  readonly whenNoneHealthy: "nothing" | "held";
  readonly heldMs: number;
  /** Domain, account and options of the names of other protocols, by dialect; null: they are not answered. */
  readonly sources: ReadonlyMap<
    string,
    { readonly domain: Name; readonly account: Account; readonly options: Readonly<Record<string, string>> } | null
  >;
  /** Keys of the meta that TXT records neither show nor set. */
  readonly notes: Notes;
  /** Networks whose addresses have names here: an address in them without an instance has none (NXDOMAIN). */
  readonly reverse: Networks;
  /** Who may ask. Undefined: anyone while the registry is open, else loopback and keys. */
  readonly allowQuery: Networks | undefined;
  /** Who may transfer zones without a key. Default: nobody. */
  readonly allowTransfer: Networks;
  readonly keys: readonly TsigKey[];
  /** Secondaries that are told of changes, at most once a second. */
  readonly notify: readonly Secondary[];
  /** `ttl`: an UPDATE without UPDATE-LEASE gives a lease as long as the record's TTL. Default: no lease. */
  readonly updateLease: "none" | "ttl";
  /** Servers that are asked for names outside our zones; empty: such questions are refused. */
  readonly forward: readonly Server[];
  /** How long each of these servers has. Default 2000. */
  readonly forwardTimeoutMs: number;
  /** Who may ask for names outside our zones. Default: loopback and private networks. */
  readonly allowForward: Networks;
  /** Zone files, or directories of zone files (`*.zone`). */
  readonly files: readonly {
    /** Absolute. */
    readonly path: string;
    /** The origin; by default the file's name without `.zone`. */
    readonly origin: Name | undefined;
    readonly account: Account;
    /** How often the files are looked at when the system tells of no change. */
    readonly pollMs: number;
  }[];
  /**
   * Answers per second to one network (IPv4 /24, IPv6 /56) before hints to come by TCP take their place, counted as
   * 200 bytes each; 0 for no limit. Default 500.
   */
  readonly responsesPerSecond: number;
  /** Networks without that limit. Default: loopback, whose addresses nobody can forge from elsewhere. */
  readonly unlimited: Networks;
  /** The size of an answer over UDP at most, whatever the client can take. Default 1232. */
  readonly udpBytesMax: number;
  readonly tcpIdleMs: number;
  readonly tcpConnectionsMax: number;
}
