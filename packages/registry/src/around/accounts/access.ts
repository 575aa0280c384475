/** Accounts and tokens: `Access` over the registry itself, so that all nodes of a registry know the same ones. */
import {
  type Access,
  type Account,
  type AccountLimits,
  type Bytes,
  type Clock,
  fromBytes,
  type IssuedToken,
  isLegalAccount,
  type KeyRecord,
  type Outcome,
  ok,
  type Principal,
  prefixEnd,
  type Refused,
  type Registry,
  type Role,
  refuse,
  SYSTEM_ACCOUNT,
  toBytes,
  type Watch,
} from "../../core/index.ts";
import type { AccountsConfig, ConfiguredToken } from "./config.ts";
import { LIMITS_DEFAULT, parseLimits, readLimits } from "./limits.ts";
import { Rates } from "./rates.ts";
import { secretOf } from "./secret.ts";
import { legalName, Tenants } from "./tenants.ts";
import { Bearers, hashToken, type KeptToken, makeToken, parseToken, principalOf } from "./tokens.ts";

export type { AccountsConfig } from "./config.ts";

/** `Access`, and how to let go of it. */
export interface Accounts extends Access {
  close(): void;
}

// Reserved keys of the system account.
const ROOT: Bytes = "\0rollcall/access/";
const SECRET = `${ROOT}secret`;
const TOKEN = `${ROOT}token/`;
const ACCOUNT = `${ROOT}account/`;
const TENANT = `${ROOT}tenant/`;

const RANK: Readonly<Record<Role, number>> = { reader: 0, writer: 1, admin: 2 };
const CACHE_MAX = 10_000;
const NAME_LENGTH_MAX = 255;
const ANYONE: Outcome<Principal> = ok({ account: null, role: "admin", name: "anyone" });
const ADMITTED: Outcome<true> = ok(true);

/** Reads what is stored, makes the secret at the first start, and follows the registry from then on. */
export async function openAccounts(registry: Registry, config: AccountsConfig, clock: Clock): Promise<Accounts> {
  const accounts = new StoredAccounts(registry, config, clock, new Bearers(await secretOf(registry, SECRET)));
  accounts.follow();
  return accounts;
}

class StoredAccounts implements Accounts {
  readonly #registry: Registry;
  readonly #config: AccountsConfig;
  readonly #clock: Clock;
  readonly #bearers: Bearers;
  readonly #rates = new Rates();
  readonly #tenants: Tenants;
  readonly #defaults: AccountLimits;
  readonly #limits = new Map<Account, AccountLimits>();
  readonly #configured: ReadonlySet<Account>;
  readonly #storedAccounts = new Set<Account>();
  readonly #byHash = new Map<string, KeptToken>();
  readonly #byId = new Map<string, KeptToken>();
  readonly #known = new Map<string, { readonly outcome: Outcome<Principal>; readonly expiresAtMs: number }>();
  readonly #issued = new Map<string, IssuedToken>();
  #open = true;
  readonly #onChange = new Set<() => void>();
  #telling = false;
  #watch: Watch | undefined = undefined;
  #closed = false;

  constructor(registry: Registry, config: AccountsConfig, clock: Clock, bearers: Bearers) {
    this.#registry = registry;
    this.#config = config;
    this.#clock = clock;
    this.#bearers = bearers;
    this.#defaults = { ...LIMITS_DEFAULT, ...readLimits(config.limits ?? {}) };
    this.#configured = new Set(Object.keys(config.accounts ?? {}));
    this.#tenants = new Tenants({
      remember: (tenant, account) => void this.#put(`${TENANT}${tenant}`, account),
      exists: (name) => registry.read((view) => view.account(name) !== undefined),
    });
  }

  // ---- what is stored ----

  /** Reads everything stored and follows it; begins anew when the history it needs is gone. */
  follow(): void {
    const after = this.#registry.read((view) => {
      this.#forgetAll();
      for (const entry of view.entries(SYSTEM_ACCOUNT, ROOT, prefixEnd(ROOT))) this.#learn(entry.key, entry);
      for (const account of view.accounts()) if (account.name !== SYSTEM_ACCOUNT) this.#tenants.peek(account.name);
      return view.revision;
    });
    const scope = { account: SYSTEM_ACCOUNT, keys: { from: ROOT, to: prefixEnd(ROOT) } };
    const followed = this.#registry.follow(scope, after, {
      deliver: (commit) => {
        for (const change of commit.changes)
          if (change.kind === "key") this.#learn((change.after ?? change.before)?.key ?? "", change.after);
        return true;
      },
      lost: () => {
        if (!this.#closed) queueMicrotask(() => this.follow());
      },
    });
    this.#watch = followed.ok ? followed.value : undefined;
  }

  #forgetAll(): void {
    this.#byHash.clear();
    this.#byId.clear();
    this.#limits.clear();
    this.#storedAccounts.clear();
    for (const [account, { limits, tokens }] of Object.entries(this.#config.accounts ?? {})) {
      this.#limits.set(account, { ...this.#defaults, ...limits });
      this.#configure(account, tokens);
    }
    this.#configure(null, this.#config.tokens);
    this.#settle();
  }

  #configure(account: Account | null, tokens: readonly ConfiguredToken[] = []): void {
    for (const { name, role, sha256 } of tokens) {
      const id = `config-${sha256.slice(0, 16).toLowerCase()}`;
      this.#keep({ id, account, role, name, createdAtMs: 0, sha256: sha256.toLowerCase() });
    }
  }

  #keep(token: KeptToken): void {
    this.#byId.set(token.id, token);
    this.#byHash.set(token.sha256, token);
  }

  /** One stored entry, or its end. */
  #learn(key: Bytes, entry: KeyRecord | null): void {
    const text = entry === null ? "" : fromBytes(entry.value);
    if (key.startsWith(TOKEN)) {
      const id = key.slice(TOKEN.length);
      const before = this.#byId.get(id);
      if (before !== undefined) this.#byHash.delete(before.sha256);
      this.#byId.delete(id);
      const token = entry === null ? undefined : parseToken(id, text);
      if (token !== undefined) this.#keep(token);
      this.#settle();
    } else if (key.startsWith(ACCOUNT)) {
      const account = key.slice(ACCOUNT.length);
      const given = this.#config.accounts?.[account]?.limits;
      if (entry === null) this.#storedAccounts.delete(account);
      else this.#storedAccounts.add(account);
      this.#limits.set(account, { ...this.#defaults, ...given, ...parseLimits(text) });
    } else if (key.startsWith(TENANT) && entry !== null) this.#tenants.learn(key.slice(TENANT.length), text);
  }

  /** After each change of tokens: who was known may be so no longer. */
  #settle(): void {
    this.#known.clear();
    this.#issued.clear();
    this.#open = this.#configured.size === 0 && this.#byId.size === 0;
    if (this.#telling) return;
    // Once for changes that come together: in the middle of them tokens are missing that are still valid.
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#onChange]) listener();
    });
  }

  onChange(listener: () => void): () => void {
    this.#onChange.add(listener);
    return () => this.#onChange.delete(listener);
  }

  #hasAdministrator(except: string): boolean {
    for (const token of this.#byId.values())
      if (token.id !== except && token.account === null && token.role === "admin") return true;
    return false;
  }

  async #put(key: Bytes, text: string): Promise<Outcome<true>> {
    const outcome = await this.#registry.propose(SYSTEM_ACCOUNT, { kind: "put", key, value: toBytes(text) });
    if (!outcome.ok) return outcome;
    this.#reread(key);
    return ADMITTED;
  }

  /** What this node wrote counts when the writer is answered, however late the watch comes. */
  #reread(key: Bytes): void {
    this.#learn(key, this.#registry.read((view) => view.entry(SYSTEM_ACCOUNT, key)) ?? null);
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  // ---- who is asking ----

  get open(): boolean {
    return this.#open;
  }

  authenticate(token: string | undefined): Outcome<Principal> {
    if (token === undefined) return this.#open ? ANYONE : refuse("forbidden", "a token is needed");
    const nowMs = this.#clock.now();
    const known = this.#known.get(token);
    if (known !== undefined && nowMs < known.expiresAtMs) return known.outcome;
    return this.#recognize(token, nowMs) ?? refuse("forbidden", "the token is not known or has expired");
  }

  #recognize(token: string, nowMs: number): Outcome<Principal> | undefined {
    const kept = this.#byHash.get(hashToken(token));
    let principal: Principal | undefined;
    let expiresAtMs = Number.POSITIVE_INFINITY;
    if (kept !== undefined) principal = principalOf(kept);
    else {
      const claim = this.#bearers.check(token, nowMs);
      // A bearer lives no longer than what it was given for: the token, or open mode.
      if (claim === undefined || (claim.key === "" ? !this.#open : !this.#byHash.has(claim.key))) return undefined;
      expiresAtMs = claim.expiresAtMs;
      principal = { account: claim.account, role: claim.role, name: `login of ${claim.account}` };
      this.#tenants.of(claim.account);
    }
    if (this.#known.size >= CACHE_MAX) this.#known.clear();
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
    if (RANK[principal.role] < RANK[need])
      return refuse("forbidden", `${principal.name} is a ${principal.role}; this needs the role ${need}`);
    return ADMITTED;
  }

  admit(account: Account): Outcome<true> {
    const perSecond = this.limitsOf(account).requestsPerSecondMax;
    if (perSecond === 0 || this.#rates.take(account, perSecond, this.#clock.monotonic())) return ADMITTED;
    return refuse("limit", `the account may make ${perSecond} requests a second`);
  }

  limitsOf(account: Account): AccountLimits {
    return this.#limits.get(account) ?? this.#defaults;
  }

  resolve(name: string): Outcome<Account> {
    const first = name.charCodeAt(0);
    // Only a number can be a tenant id.
    const account = first >= 0x30 && first <= 0x39 ? (this.#tenants.accountOf(name) ?? name) : name;
    if (isLegalAccount(account)) return ok(account);
    return refuse(
      "invalid",
      'an account\'s name is 1 to 64 letters, digits, ".", "_" or "-" and begins with a letter or digit',
    );
  }

  tenantOf(account: Account): string {
    return this.#tenants.of(account);
  }

  login(user: string, apiKey: string): Outcome<IssuedToken> {
    const nowMs = this.#clock.now();
    if (!this.#open) return this.#loginClosed(user, apiKey, nowMs);
    const known = this.#issued.get(user);
    if (known !== undefined && known.expiresAtMs - nowMs > BEARER_LEFT_MS_MIN) return ok(known);
    if (user.length === 0 || user.length > NAME_LENGTH_MAX)
      return refuse("invalid", `a user name has 1 to ${NAME_LENGTH_MAX} characters`);
    const account = this.resolve(legalName(user));
    if (!account.ok) return account;
    this.#tenants.of(account.value);
    const issued = this.#bearers.issue(account.value, "writer", "", nowMs);
    if (this.#issued.size >= CACHE_MAX) this.#issued.clear();
    this.#issued.set(user, issued);
    return ok(issued);
  }

  #loginClosed(user: string, apiKey: string, nowMs: number): Outcome<IssuedToken> {
    const account = this.resolve(user);
    const sha256 = hashToken(apiKey);
    const kept = this.#byHash.get(sha256);
    // One answer for both, so that nobody learns which accounts there are.
    if (!account.ok || kept === undefined || kept.account !== account.value)
      return refuse("forbidden", "the user name or the key is wrong");
    this.#tenants.of(account.value);
    return ok(this.#bearers.issue(account.value, kept.role === "reader" ? "reader" : "writer", sha256, nowMs));
  }

  // ---- administration ----

  async createToken(spec: {
    readonly account: Account | null;
    readonly role: Role;
    readonly name: string;
  }): Promise<Outcome<{ readonly id: string; readonly token: string }>> {
    const { account, role, name } = spec;
    const wrong = this.#refuseToken(account, role, name);
    if (wrong !== undefined) return wrong;
    const { id, token, sha256 } = makeToken();
    const record = { account, role, name, createdAtMs: this.#clock.now(), sha256 };
    const stored = await this.#put(`${TOKEN}${id}`, JSON.stringify(record));
    return stored.ok ? ok({ id, token }) : stored;
  }

  #refuseToken(account: Account | null, role: Role, name: string): Refused | undefined {
    if (account !== null && !isLegalAccount(account)) return refuse("invalid", `${account} is no legal account name`);
    if (RANK[role] === undefined) return refuse("invalid", "a role is reader, writer or admin");
    if (name.length > NAME_LENGTH_MAX) return refuse("too-large", `a name has at most ${NAME_LENGTH_MAX} characters`);
    // The first token ends open mode: it must be one that can make the others.
    if (this.#open && (account !== null || role !== "admin"))
      return refuse("invalid", "the first token must have the role admin on all accounts, to make the others with");
    return undefined;
  }

  listTokens(account: Account | null): readonly Omit<KeptToken, "sha256">[] {
    const tokens = [...this.#byId.values()].filter((token) => account === null || token.account === account);
    return tokens
      .map(({ id, account: of, role, name, createdAtMs }) => ({ id, account: of, role, name, createdAtMs }))
      .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  }

  async removeToken(id: string): Promise<Outcome<true>> {
    const key = `${TOKEN}${id}`;
    const stored = this.#registry.read((view) => view.entry(SYSTEM_ACCOUNT, key) !== undefined);
    if (!stored && this.#byId.has(id))
      return refuse("forbidden", "this token stands in the configuration; take it out there");
    if (!stored) return refuse("not-found", `there is no token ${id}`);
    const last = this.#refuseRemoval(id);
    if (last !== undefined) return last;
    const outcome = await this.#registry.propose(SYSTEM_ACCOUNT, { kind: "delete", from: toBytes(key) });
    if (!outcome.ok) return outcome;
    this.#reread(key);
    return ADMITTED;
  }

  #refuseRemoval(id: string): Refused | undefined {
    if (this.#configured.size > 0 || this.#hasAdministrator(id)) return undefined;
    if (this.#byId.size > 1)
      return refuse(
        "forbidden",
        "without an administrator's token nobody could remove the others; remove this one last",
      );
    if (this.#config.keepClosed === true)
      return refuse("forbidden", "without this last token the registry would be open to the network");
    return undefined;
  }

  listAccounts(): ReturnType<Access["listAccounts"]> {
    const names = new Set([...this.#configured, ...this.#storedAccounts]);
    this.#registry.read((view) => {
      for (const { name } of view.accounts()) if (name !== SYSTEM_ACCOUNT) names.add(name);
    });
    return [...names].sort().map((account) => ({
      account,
      tenant: this.#tenants.peek(account),
      limits: this.limitsOf(account),
      configured: this.#configured.has(account) || this.#storedAccounts.has(account),
    }));
  }

  async setAccount(account: Account, limits: Partial<AccountLimits>): Promise<Outcome<AccountLimits>> {
    if (!isLegalAccount(account)) return refuse("invalid", `${account} is no legal account name`);
    for (const [name, value] of Object.entries(limits)) {
      if (!(name in LIMITS_DEFAULT)) return refuse("invalid", `there is no limit named ${name}`);
      if (!Number.isSafeInteger(value) || value < 0) return refuse("invalid", `${name} must be a whole number`);
    }
    const key = `${ACCOUNT}${account}`;
    const before = this.#registry.read((view) => view.entry(SYSTEM_ACCOUNT, key)?.value);
    const merged = { ...(before === undefined ? {} : parseLimits(fromBytes(before))), ...limits };
    const stored = await this.#put(key, JSON.stringify(merged));
    return stored.ok ? ok(this.limitsOf(account)) : stored;
  }
}

/** A bearer is handed out again while it has more than half its life. */
const BEARER_LEFT_MS_MIN = 24 * 3600 * 1000;
