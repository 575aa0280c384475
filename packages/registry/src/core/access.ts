import type { Outcome } from "../outcome.ts";
import type { Account } from "./types.ts";

/** What a token allows. Each role includes the ones before it. */
export const ROLES = ["reader", "writer", "admin"] as const;

export type Role = (typeof ROLES)[number];

export function isRole(word: unknown): word is Role {
  return (ROLES as readonly unknown[]).includes(word);
}

/** Who is asking. */
export interface Principal {
  /** The one account it may touch; null for all of them. */
  readonly account: Account | null;
  readonly role: Role;
  /** For logs and `explain`: never the secret. */
  readonly name: string;
  /** Of the token, as lists have it; empty for one that is in none. Left out where none was shown. */
  readonly id?: string;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

/**
 * Accounts and tokens, as dialects see them. In open mode (no account in the configuration, and no token) a request
 * without a token may do everything on every account, and a token confines its bearer to its account.
 */
export interface Access {
  readonly open: boolean;
  /** Calls after tokens have changed: who was let in may be so no longer. Returns its cancel. */
  onChange(listener: () => void): () => void;
  /** `forbidden` for an unknown or expired token, and for none where one is needed. */
  authenticate(token: string | undefined): Outcome<Principal>;
  /**
   * Resolves when this node knows all tokens that were made anywhere before, or cannot find out in short: one that it did
   * not know may have been on its way.
   */
  catchUp(): Promise<void>;
  /** Whether this principal may act in this role on this account; the refusal's detail says what is missing. */
  allow(principal: Principal, account: Account, need: Role): Outcome<true>;
  /** One request of this account: `limit` when its request rate is used up. */
  admit(account: Account): Outcome<true>;
  /** What this account may have: its own limits over the configured ones over the defaults. */
  limitsOf(account: Account): AccountLimits;
  /** The account behind a name used in a path: its own, or another by which it is known. `invalid` for an illegal name. */
  resolve(name: string): Outcome<Account>;
  /**
   * A token for this account, given to whoever holds one of its tokens; in open mode to anyone. It allows no more than
   * writing, and ends with the token it was given for, or with open mode. A live one is given again.
   */
  issue(account: Account, token: string): Outcome<IssuedToken>;
  /** Makes a random token. `name` is shown in listings. Resolves once it is stored (hashed). */
  createToken(spec: {
    readonly account: Account | null;
    readonly role: Role;
    readonly name: string;
  }): Promise<Outcome<{ readonly id: string; readonly token: string }>>;
  listTokens(account: Account | null): readonly {
    readonly id: string;
    readonly account: Account | null;
    readonly role: Role;
    readonly name: string;
    readonly createdAtMs: number;
  }[];
  removeToken(id: string): Promise<Outcome<true>>;
  listAccounts(): readonly {
    readonly account: Account;
    readonly limits: AccountLimits;
    readonly configured: boolean;
  }[];
  /** Creates an account or changes its limits. Open mode goes on until there is a token. */
  setAccount(account: Account, limits: Partial<AccountLimits>): Promise<Outcome<AccountLimits>>;
  /**
   * Forgets an account: its limits, its tokens and, `withContents`, all that it holds. `conflict` while it holds
   * something and that was not said, `not-found`, `forbidden` for one of the configuration.
   */
  removeAccount(account: Account, withContents: boolean): Promise<Outcome<true>>;
}

/** What one account may have. */
export interface AccountLimits {
  readonly instancesMax: number;
  readonly servicesMax: number;
  readonly keysMax: number;
  readonly leasesMax: number;
  /** About what all of it may take of the heap; 0 for no bound but that of the whole registry. */
  readonly bytesMax: number;
  readonly requestsPerSecondMax: number;
}
