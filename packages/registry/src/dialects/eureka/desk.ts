/** What the parts of the Eureka server share. */
import type { Logger } from "pino";
import type { Access, Account, Clock, InstanceRecord, Registry, Revision } from "../../core/index.ts";
import type { Settings } from "./settings.ts";
import type { EurekaStatus, InstanceInfo, PeerResult } from "./wire/messages.ts";

/** What a change rests on and where it came from. */
export interface Origin {
  /** Came from another server: applied, but never passed on. */
  readonly replicated: boolean;
  readonly account: Account;
}

/** The outcome of an operation as Eureka's HTTP status; `entity` only with 409. */
export type Done = PeerResult & {
  /** With 400: what is wrong, for people. */
  readonly detail?: string;
};

/**
 * The operations behind every route and behind the peers' batches (instances/operations.ts). Each resolves when it is
 * durable. Unknown instances are 404; refusals of the registry are mapped by the total table in refusals.ts.
 */
export interface Operations {
  register(info: InstanceInfo, app: string, origin: Origin): Promise<Done>;
  /** Without a status or a lastDirtyTimestamp it is a bare heartbeat. */
  heartbeat(
    app: string,
    id: string,
    said: {
      readonly status: EurekaStatus | undefined;
      readonly lastDirtyTimestamp: number | undefined;
      readonly overriddenStatus: EurekaStatus | undefined;
    },
    origin: Origin,
  ): Promise<Done>;
  cancel(app: string, id: string, origin: Origin): Promise<Done>;
  override(
    app: string,
    id: string,
    status: EurekaStatus,
    lastDirtyTimestamp: number | undefined,
    origin: Origin,
  ): Promise<Done>;
  removeOverride(
    app: string,
    id: string,
    status: EurekaStatus | undefined,
    lastDirtyTimestamp: number | undefined,
    origin: Origin,
  ): Promise<Done>;
  mergeMetadata(app: string, id: string, pairs: Readonly<Record<string, string>>, origin: Origin): Promise<Done>;
}

/**
 * The other servers, as the rest of the dialect knows them (peers/peers.ts). Registrations, ends and overrides they
 * learn from the commits, whichever dialect these came through; what no commit tells is told here.
 */
export interface Replication {
  /** A client's heartbeat arrived here, and not by way of another server. On the short path: costs next to nothing. */
  beaten(account: Account, record: InstanceRecord): void;
  /** This commit is another server's doing and is not passed on. To be told as soon as the proposal has resolved. */
  taken(account: Account, revision: Revision): void;
  /**
   * Whether an instance that is not here was taken out a moment ago, in this copy or a newer one. Then a peer that still
   * speaks of it is not asked for its copy: it is about to hear of the end.
   */
  isGone(account: Account, app: string, id: string, dirtyMs: number | undefined): boolean;
  /** What the status page says of the peers. URLs without user and password. */
  status(): readonly PeerStatus[];
}

export interface PeerStatus {
  readonly url: string;
  readonly reachable: boolean;
  /** Instances of which it is still to be told something. */
  readonly waiting: number;
}

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
  readonly operations: Operations;
  /** Where this server listens: a list of peers that holds all servers of a cluster has it in it, too. */
  readonly listener: { readonly host: string; readonly port: number };
}
