/** The settings of the dialect: `dialectSettings.dns` of the configuration, checked. */
import type { Account, Role } from "../../../core/index.ts";
import type { Notes } from "../labels/meta.ts";
import type { Name } from "../wire/message.ts";

/** A set of networks: "10.0.0.0/8", "::1", "any", "none" (networks.ts). */
export interface Networks {
  has(address: string): boolean;
  /** How long the prefix is of the largest of them that the address is in; undefined when it is in none. */
  bitsOf(address: string): number | undefined;
}

export interface TsigKey {
  readonly name: Name;
  readonly algorithm: "hmac-sha1" | "hmac-sha224" | "hmac-sha256" | "hmac-sha384" | "hmac-sha512";
  readonly secret: Buffer;
  /** The one account it is good for; null for all. */
  readonly account: Account | null;
  /** `reader` may ask and transfer, `writer` may also update. */
  readonly role: Role;
}

export interface Server {
  readonly address: string;
  readonly port: number;
}

/** A server that is told of changes. */
export interface Secondary extends Server {
  /** Signs what it is told, and has to sign its answer; undefined when nobody signs. */
  readonly key: TsigKey | undefined;
}

export interface Settings {
  /** `rollcall.`: the zone of the account `default`; every other account's is `<account>.rollcall.` */
  readonly domain: Name;
  /** More zones of accounts under names of their own. */
  readonly zones: readonly { readonly name: Name; readonly account: Account }[];
  /** Of every answer about services; constant, so that caches see no change where there is none. Default 5. */
  readonly ttlS: number;
  /** How long "there is no such name" may be kept (the SOA's minimum, and its TTL). Default 1. */
  readonly negativeTtlS: number;
  /** Names of the servers of our zones; empty: `ns.<zone>` with this server's addresses. */
  readonly nameServers: readonly Name[];
  /** This server's addresses, for `ns` names; empty: the one it listens on, unless that is a wildcard. */
  readonly addresses: readonly string[];
  /** `hostmaster.<zone>` when undefined. */
  readonly mailbox: Name | undefined;
  /**
   * What a service answers that has instances but no healthy one, or had them a moment ago: nothing, or those that did
   * not leave by themselves (critical, starting and unknown ones, and those whose lease lapsed within `heldMs`).
   */
  readonly whenNoneHealthy: "nothing" | "held";
  readonly heldMs: number;
  /** Domain, account and options of other protocols' names, by dialect; null: not answered. */
  readonly sources: ReadonlyMap<
    string,
    { readonly domain: Name; readonly account: Account; readonly options: Readonly<Record<string, string>> } | null
  >;
  /** Keys of the meta that TXT records leave alone. */
  readonly notes: Notes;
  /** Networks whose addresses we answer for in reverse: unknown ones there do not exist; others are none of ours. */
  readonly reverse: Networks;
  /** Who may ask. Undefined: anyone while the registry is open, else loopback and keys. */
  readonly allowQuery: Networks | undefined;
  /** Who may transfer zones without a key. Default: nobody. */
  readonly allowTransfer: Networks;
  readonly keys: readonly TsigKey[];
  /** Secondaries that are told of changes, at most once a second. */
  readonly notify: readonly Secondary[];
  /** TTL of an UPDATE's records is their lease, unless UPDATE-LEASE says otherwise. Default: they stay. */
  readonly updateLease: "none" | "ttl";
  /** Where names outside our zones are asked for; empty: they are refused. */
  readonly forward: readonly Server[];
  /** How long each of them has. Default 2000. */
  readonly forwardTimeoutMs: number;
  /** For whom we forward. Default: loopback and private networks. */
  readonly allowForward: Networks;
  /** Zone files, or directories of them (`*.zone`). */
  readonly files: readonly {
    /** Absolute. */
    readonly path: string;
    /** The origin; by default the file's name without `.zone`. */
    readonly origin: Name | undefined;
    readonly account: Account;
    /** How often it is looked at even when nobody tells of a change. */
    readonly pollMs: number;
  }[];
  /** Answers per second to one network (IPv4 /24, IPv6 /56) before they thin out; 0 for no limit. Default 1000. */
  readonly responsesPerSecond: number;
  /** Networks without that limit. Default: loopback, which nobody can forge from elsewhere. */
  readonly unlimited: Networks;
  /** The most we send over UDP, whatever the client could take. Default 1232. */
  readonly udpBytesMax: number;
  readonly tcpIdleMs: number;
  readonly tcpConnectionsMax: number;
}
