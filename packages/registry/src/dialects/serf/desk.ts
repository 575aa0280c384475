/** What commands share and get. */
import type { Logger } from "pino";
import type { Access, Account, Clock, Registry } from "../../core/index.ts";
import type { Bus } from "./bus/bus.ts";
import type { Members } from "./members/members.ts";
import type { Settings } from "./settings.ts";
import type { Fields } from "./wire/frames.ts";
import type { Write } from "./wire/msgpack.ts";

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Settings;
  readonly members: Members;
  readonly bus: Bus;
  /** Of this node. */
  readonly node: string;
  readonly version: string;
}

/** What one connection has open, and how it is told of more. */
export interface Talk {
  /** For answers of this client to queries. */
  readonly name: string;
  readonly subscriptions: Map<number, Subscription>;
  monitor: number | undefined;
  /** Queries that this client was told of, by the numbers that it was given, and their ends in monotonic ms. */
  readonly pending: Map<number, { readonly id: string; readonly untilMs: number }>;
  lastQuery: number;
  /** A record under a number of this client's. */
  send(seq: number, error: string, ...body: readonly Write[]): void;
}

/** A stream, a monitor or a query that goes on. */
export interface Subscription {
  close(): void;
}

export interface Call {
  readonly seq: number;
  readonly fields: Fields;
  readonly account: Account;
  readonly talk: Talk;
}

/** What is answered first; `afterwards` follows it under the same number. */
export interface Reply {
  readonly error?: string;
  readonly body?: Write;
  afterwards?(): void;
}

export type Run = (desk: Desk, call: Call) => Reply | Promise<Reply>;
