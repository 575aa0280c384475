/** What handlers share and get. */
import type { Access, Account, Registry } from "../../core/index.ts";
import type { ControlParts } from "./files/control.ts";
import type { Listings } from "./files/listings.ts";
import type { Settings } from "./settings.ts";
import type { Request, Response } from "./wire/message.ts";

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly settings: Settings;
  readonly control: ControlParts;
  readonly listings: Listings;
}

/** What is known of a connection. */
export interface Session {
  /** The secret that was accepted last. */
  token: string | undefined;
  /** Comes when the client asks for nothing more: what is yet to come is not waited for. */
  readonly signal: AbortSignal;
  /** Comes when nobody hears an answer any more. */
  readonly gone: AbortSignal;
}

/** A request that was let in. */
export interface Call {
  readonly request: Request;
  readonly account: Account;
  readonly session: Session;
}

export type Handle = (desk: Desk, call: Call) => Response | Promise<Response>;
