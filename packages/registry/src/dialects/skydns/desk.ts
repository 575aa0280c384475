/** What handlers share, get, and answer. */
import type { Access, Account, Bytes, Clock, Refused, Registry } from "../../core/index.ts";
import type { Request } from "../../net/http/request.ts";
import type { Answer } from "../../net/routes/answer.ts";
import type { Calls } from "../contract.ts";
import type { Settings } from "./settings.ts";

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly settings: Settings;
  readonly calls: Calls;
}

/** A request that was let in. */
export interface Call {
  readonly request: Request;
  readonly account: Account;
  /** Decoded, but not checked yet; empty where the path has none. */
  readonly uuid: string;
  readonly bytes: Bytes;
}

/** Refusals are answered in the original's words. */
export type Result = Answer | Refused;

export type Handle = (desk: Desk, call: Call) => Result | Promise<Result>;
