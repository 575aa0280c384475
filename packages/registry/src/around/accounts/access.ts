/** @live Accounts and tokens: `Access` over the registry itself, so that all nodes of a registry know the same ones. */
import { randomBytes } from "node:crypto";
import {
  type Access,
  type Account,
  type AccountLimits,
  type Clock,
  type IssuedToken,
  isLegalAccount,
  type Outcome,
  ok,
  type Principal,
  type Registry,
  ROLES,
  type Role,
  refuse,
  SYSTEM_ACCOUNT,
} from "../../core/index.ts";
import { SECRET_BYTES, secretOf } from "../secret.ts";
import { administer } from "./administration.ts";
import type { AccountsConfig } from "./config.ts";
import { ROOT } from "./entries.ts";
import { Rates } from "./rates.ts";
import { Stored } from "./stored.ts";
import type { Tenants } from "./tenants.ts";
import { Bearers, hashToken, isLive, principalOf } from "./tokens.ts";

/** `Access`, the tenant ids of accounts, and how to let go of them. */
export interface Accounts extends Access {
  readonly tenants: Tenants;
  /** Takes another configuration over; `keepClosed` stays as it was. */
  configure(config: AccountsConfig): void;
  close(): void;
}

interface Known {
  readonly outcome: Outcome<Principal>;
  /** Undefined for a token, which lives until it is removed. */
  readonly expiresAtMs: number | undefined;
}

const SECRET = `${ROOT}secret`;
const KNOWN_MAX = 10_000;
/** So long does a client wait that has a token which this node does not know. */
const CATCH_UP_MS_MAX = 1000;
const ANYONE: Outcome<Principal> = ok({ account: null, role: "admin", name: "anyone" });
const ADMITTED: Outcome<true> = ok(true);

/** Reads what is stored, makes the secret at the first start, and follows the registry from then on. */
export async function openAccounts(registry: Registry, config: AccountsConfig, clock: Clock): Promise<Accounts> {
  const secret = await secretOf(registry, SECRET);
  // A registry that cannot write now can still serve; the tokens that it issues end with the process.
  const fallback = randomBytes(SECRET_BYTES);
  const bearers = new Bearers(secret.ok ? secret.value : () => fallback);
  const known = new Map<string, Known>();
  const stored = new Stored(registry, config, () => known.clear());
  return Object.assign(
    new Gate(registry, stored, clock, bearers, known),
    administer(stored, registry, clock, config.keepClosed ?? false),
  );
}

/** Who is asking, and what they may do. */
class Gate implements Omit<Accounts, keyof ReturnType<typeof administer>> {
  readonly #registry: Registry;
  readonly #stored: Stored;
  readonly #clock: Clock;
  readonly #bearers: Bearers;
  /** By token, so that a request costs no hash. Cleared by each change of tokens. */
  readonly #known: Map<string, Known>;
  readonly #rates = new Rates();

  constructor(registry: Registry, stored: Stored, clock: Clock, bearers: Bearers, known: Map<string, Known>) {
    this.#registry = registry;
    this.#stored = stored;
    this.#clock = clock;
    this.#bearers = bearers;
    this.#known = known;
  }

  get tenants(): Tenants {
    return this.#stored.tenants;
  }

  get open(): boolean {
    return this.#stored.open;
  }

  onChange(listener: () => void): () => void {
    return this.#stored.onChange(listener);
  }

  configure(config: AccountsConfig): void {
    this.#stored.configure(config);
  }

  close(): void {
    this.#stored.close();
  }

  authenticate(token: string | undefined): Outcome<Principal> {
    if (token === undefined) return this.open ? ANYONE : refuse("forbidden", "a token is needed");
    const nowMs = this.#clock.now();
    const known = this.#known.get(token);
    if (known !== undefined && (known.expiresAtMs === undefined || isLive(known.expiresAtMs, nowMs)))
      return known.outcome;
    return this.#recognize(token, nowMs) ?? refuse("forbidden", "the token is not known or has expired");
  }

  async catchUp(): Promise<void> {
    await this.#registry.barrier(AbortSignal.timeout(CATCH_UP_MS_MAX));
  }

  #recognize(token: string, nowMs: number): Outcome<Principal> | undefined {
    const kept = this.#stored.tokenOf(hashToken(token));
    if (kept !== undefined) return this.#remember(token, principalOf(kept), undefined);
    const claim = this.#bearers.check(token, nowMs);
    if (claim === undefined) return undefined;
    const { account, role, key, expiresAtMs } = claim;
    // A bearer lives no longer than what it was given for: the token, or open mode.
    if (key === "" ? !this.open : this.#stored.tokenOf(key) === undefined) return undefined;
    this.tenants.of(account);
    return this.#remember(token, { account, role, name: `login of ${account}`, id: "" }, expiresAtMs);
  }

  #remember(token: string, principal: Principal, expiresAtMs: number | undefined): Outcome<Principal> {
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    const outcome = ok(principal);
    this.#known.set(token, { outcome, expiresAtMs });
    return outcome;
  }

  allow(principal: Principal, account: Account, need: Role): Outcome<true> {
    if (principal.account !== null && principal.account !== account)
      return refuse(
        "forbidden",
        account === SYSTEM_ACCOUNT
          ? `${principal.name} is for one account; this needs a token for all accounts`
          : `${principal.name} may not touch the account ${account}`,
      );
    if (ROLES.indexOf(principal.role) < ROLES.indexOf(need))
      return refuse("forbidden", `${principal.name} is a ${principal.role}; this needs the role ${need}`);
    return ADMITTED;
  }

  admit(account: Account): Outcome<true> {
    const perSecond = this.limitsOf(account).requestsPerSecondMax;
    if (perSecond === 0 || this.#rates.take(account, perSecond, this.#clock.monotonic())) return ADMITTED;
    return refuse("limit", `the account may make ${perSecond} requests a second`);
  }

  limitsOf(account: Account): AccountLimits {
    return this.#stored.limitsOf(account);
  }

  resolve(name: string): Outcome<Account> {
    const first = name.charCodeAt(0);
    // Only a number can be a tenant id.
    const account = first >= 0x30 && first <= 0x39 ? (this.tenants.accountOf(name) ?? name) : name;
    if (isLegalAccount(account)) return ok(account);
    return refuse(
      "invalid",
      'an account\'s name is 1 to 64 letters, digits, ".", "_" or "-" and begins with a letter or digit',
    );
  }

  issue(account: Account, token: string): Outcome<IssuedToken> {
    const nowMs = this.#clock.now();
    if (this.open) return ok(this.#bearers.issue(account, "writer", "", nowMs));
    const sha256 = hashToken(token);
    const kept = this.#stored.tokenOf(sha256);
    if (kept?.account !== account) return refuse("forbidden", `the token is not one of the account ${account}`);
    return ok(this.#bearers.issue(account, kept.role === "reader" ? "reader" : "writer", sha256, nowMs));
  }
}
