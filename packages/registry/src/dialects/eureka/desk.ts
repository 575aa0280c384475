/** What handlers share, get, and answer. */
import type { Logger } from "pino";
import type { Access, Account, Clock, Nodes, Principal, Registry } from "../../core/index.ts";
import type { Request } from "../../net/http/request.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { Audit } from "../../net/routes/audit.ts";
import type { House, NodeStatus } from "../contract.ts";
import type { Fetch } from "./fetch/fetch.ts";
import type { Operations } from "./instances/operations.ts";
import type { Recent } from "./instances/recent.ts";
import type { Target } from "./routes.ts";
import type { Settings } from "./settings.ts";

export interface PeerStatus {
  /** Without user and password. */
  readonly url: string;
  readonly reachable: boolean;
  /** Instances that it is still to be told of. */
  readonly waiting: number;
}

export interface Desk {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly settings: Settings;
  readonly node: NodeStatus;
  /** Where this server listens: a list of peers that all servers of a cluster share has it in it, too. */
  readonly listener: { readonly host: string; readonly port: number };
  readonly operations: Operations;
  readonly fetch: Fetch;
  readonly recent: Recent;
  /** Notes that a client at this address looked a service up. */
  readonly looked: House["looked"];
  peers(): readonly PeerStatus[];
}

/** A request that was let in. */
export interface Call {
  readonly request: Request;
  readonly target: Target;
  readonly principal: Principal;
  readonly account: Account;
  /** Empty for a GET. */
  readonly body: Buffer;
}

export type Handle = (desk: Desk, call: Call) => Answer | Promise<Answer>;
