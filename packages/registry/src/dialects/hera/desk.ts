/** What handlers share, get, and answer. */
import type { Access, Account, Refused, Registry } from "../../core/index.ts";
import type { Request } from "../../net/http/request.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { Beats } from "./beats.ts";
import type { Gossip } from "./gossip/gossip.ts";
import type { Settings } from "./settings.ts";

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly settings: Settings;
  readonly beats: Beats;
  readonly gossip: Gossip;
  /** This node's name. */
  readonly own: string;
}

/** A request that was let in. */
export interface Call {
  readonly request: Request;
  readonly account: Account;
  /** Decoded; empty where the path has none. */
  readonly service: string;
  readonly id: string;
  readonly body: Buffer;
}

/** Refusals are answered in the dialect's words. */
export type Result = Answer | Refused;

export type Handle = (desk: Desk, call: Call) => Result | Promise<Result>;
