/** What handlers share, get, and answer. */
import type { Logger } from "pino";
import type { Access, Account, Clock, Nodes, Principal, Registry, Role } from "../../core/index.ts";
import type { Query } from "../../net/http/query.ts";
import type { Reply } from "../../net/http/reply.ts";
import type { Request } from "../../net/http/request.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { Json } from "../../net/routes/json.ts";
import type { Visit } from "../../net/routes/visits.ts";
import type { House, NodeStatus } from "../contract.ts";
import type { Settings } from "./settings.ts";

/** This registry as the agent that clients of Consul take it for: one, on however many nodes it runs. */
export interface Agent {
  readonly node: string;
  readonly nodeId: string;
  readonly address: string;
  readonly datacenter: string;
  /** The version of Consul that it speaks as. */
  readonly version: string;
}

export interface Desk {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
  readonly status: NodeStatus;
  readonly agent: Agent;
  readonly lasting: Lasting;
  /** Notes that a client at this address looked a service up. */
  readonly looked: House["looked"];
  readonly events: Events;
  /** Keys of meta that are dialects' notes to themselves. */
  readonly notes: RegExp;
  /** What chance gives: 128 bits as a UUID. */
  uuid(): string;
}

/** The queries that wait: they end when their time is up, when the registry stops, or when their client may stay no longer. */
export interface Lasting {
  readonly draining: boolean;
  /** Returns what lets it go. */
  enter(visit: Visit, call: Call, waitMs: number): () => void;
}

/** An event that a client fired, as it is shown. */
export interface UserEvent {
  readonly ID: string;
  readonly Name: string;
  /** In base64; null for none. */
  readonly Payload: string | null;
  readonly NodeFilter: string;
  readonly ServiceFilter: string;
  readonly TagFilter: string;
  readonly Version: number;
  readonly LTime: number;
}

/** The newest events of each account. */
export interface Events {
  fire(account: Account, said: Omit<UserEvent, "LTime">): void;
  /** From the oldest to the newest. */
  list(account: Account): readonly UserEvent[];
  /** Calls at each event. What it returns ends the calls. */
  onNext(account: Account, listener: () => void): () => void;
}

/** How a read is meant. */
export interface Options {
  /** 0 for an answer at once. */
  readonly index: number;
  readonly waitMs: number;
  readonly consistency: "leader" | "consistent" | "stale";
  readonly pretty: boolean;
}

/** Whether a thing of a list is asked for, as JSON has it. */
export type Filter = (thing: Json) => boolean;

/** A request that was let in. */
export interface Call {
  readonly request: Request;
  readonly reply: Reply;
  /** What the path says, decoded; a rest of the path is the last of them. */
  readonly params: readonly string[];
  readonly query: Query;
  readonly options: Options;
  /** Undefined when all are asked for. */
  readonly filter: Filter | undefined;
  readonly token: string | undefined;
  readonly principal: Principal;
  readonly account: Account;
  readonly role: Role;
  /** Empty for a GET. */
  readonly body: Buffer;
}

export type Handle = (desk: Desk, call: Call) => Answer | Promise<Answer>;
