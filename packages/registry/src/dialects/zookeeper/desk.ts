/** What handlers share and get. */
import type { Access, Account, Bytes, LeaseId, Registry } from "../../core/index.ts";
import type { Who } from "./nodes/rights.ts";
import type { Realm, Realms } from "./sessions/realm.ts";
import type { Begun, Sessions } from "./sessions/sessions.ts";
import type { Settings } from "./settings.ts";
import type { Watcher } from "./watches/board.ts";
import type { ErrorCode } from "./wire/codes.ts";
import type { Reader, Writer } from "./wire/jute.ts";

export interface Desk {
  readonly registry: Registry;
  readonly access: Access;
  readonly settings: Settings;
  readonly realms: Realms;
  readonly sessions: Sessions;
}

/** A connection with a session, as handlers see it. */
export interface Guest extends Watcher {
  readonly session: LeaseId;
  readonly begun: Begun;
  /** Which seat of the session this connection has. */
  readonly at: string;
  readonly who: Who;
  /** By which it is let in; undefined for one without. */
  readonly token: string | undefined;
  /** Where it belongs; undefined while nobody let it in. */
  readonly realm: Realm | undefined;
  /** Takes on an identity. */
  show(digest: Bytes, isSuper: boolean): void;
  /** Moves into an account, by a token. */
  settle(realm: Realm, token: string): void;
  /** Gives up its seat: that the session is over is no news to it. */
  rise(): void;
}

/** What is answered; a body with an error is none. */
export interface Answer {
  readonly error: ErrorCode;
  /** The latest commit's where it is left out. */
  readonly zxid?: number;
  readonly body?: (writer: Writer) => void;
  /** The connection ends with it. */
  readonly isLast?: true;
}

export interface Call {
  readonly guest: Guest;
  readonly realm: Realm;
  readonly account: Account;
  readonly type: number;
  readonly reader: Reader;
}

export type Handle = (desk: Desk, call: Call) => Answer | Promise<Answer>;
