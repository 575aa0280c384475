/** What handlers share, get, and answer. */
import type { Access, Account, Clock, Refused, Registry } from "../../core/index.ts";
import type { Query } from "../../net/http/query.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { Kept } from "./kept.ts";
import type { Settings } from "./settings.ts";

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly kept: Kept;
  /** This node's name. */
  readonly own: string;
  /** When a connection of this node was last heard of, wall-clock ms; undefined for those of others. */
  heardAtMs(id: string): number | undefined;
}

/** A request that was let in. */
export interface Call {
  readonly account: Account;
  readonly query: Query;
}

/** An error in the original's words: `MISSING_ARG_TOPIC`. */
export interface Mistake {
  readonly status: number;
  readonly message: string;
}

export type Result = Answer | Mistake | Refused;

export type Handle = (desk: Desk, call: Call) => Result | Promise<Result>;
