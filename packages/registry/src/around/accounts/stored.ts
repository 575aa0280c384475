/** @live What the registry and the configuration hold of accounts: tokens, limits and tenant ids. */
import {
  type Account,
  type AccountLimits,
  type AccountView,
  type Bytes,
  byPlan,
  type Command,
  type Following,
  fromBytes,
  type KeyRecord,
  keepUp,
  type Outcome,
  prefixEnd,
  type Receipt,
  type Registry,
  SYSTEM_ACCOUNT,
  subjectOf,
  toBytes,
  type View,
} from "../../core/index.ts";
import type { AccountsConfig, ConfiguredToken } from "./config.ts";
import { ACCOUNT, LIMIT, parseObject, ROOT, readStoredLimits, TENANT, TOKEN } from "./entries.ts";
import { LIMITS_DEFAULT, readLimits } from "./limits.ts";
import { Tenants } from "./tenants.ts";
import { type KeptToken, readToken } from "./tokens.ts";

/** How the ids of configured tokens begin; those of others are hexadecimal. */
const CONFIGURED = "config-";

export function isConfigured(token: KeptToken): boolean {
  return token.id.startsWith(CONFIGURED);
}

function holds(account: AccountView): boolean {
  const { instances, leases, keys } = account.counts;
  if (instances + leases + keys > 0) return true;
  // Reserved keys do not count.
  for (const _entry of account.entries("", "")) return true;
  return false;
}

/** The configuration, with all that it leaves out. */
interface Configured {
  readonly accounts: ReadonlyMap<Account, NonNullable<AccountsConfig["accounts"]>[Account]>;
  /** Those that are good for all accounts. */
  readonly tokens: readonly ConfiguredToken[];
  readonly limits: AccountLimits;
}

function toConfigured({ accounts = {}, tokens = [], limits = {} }: AccountsConfig): Configured {
  return { accounts: new Map(Object.entries(accounts)), tokens, limits: { ...LIMITS_DEFAULT, ...readLimits(limits) } };
}

/** What is stored counts over what is configured. */
export class Stored {
  readonly tenants: Tenants;
  readonly #registry: Registry;
  #configured: Configured;
  /** Called at once when tokens change: what is known of them is out of date. */
  readonly #forget: () => void;
  readonly #byHash = new Map<string, KeptToken>();
  readonly #byId = new Map<string, KeptToken>();
  readonly #limits = new Map<Account, AccountLimits>();
  /** Accounts that were created at run time, which stores limits of theirs. */
  readonly #created = new Set<Account>();
  readonly #listeners = new Set<() => void>();
  #telling = false;
  readonly #following: Following;

  constructor(registry: Registry, config: AccountsConfig, forget: () => void) {
    this.#registry = registry;
    this.#configured = toConfigured(config);
    this.#forget = forget;
    this.tenants = new Tenants({
      remember: (tenant, account) => void this.#put(`${TENANT}${tenant}`, account),
      exists: (name) => registry.read((view) => view.account(name) !== undefined),
    });
    const scope = { account: SYSTEM_ACCOUNT, keys: { from: ROOT, to: prefixEnd(ROOT) } };
    this.#following = keepUp(registry, scope, {
      read: (view) => this.#read(view),
      take: ({ changes }) => {
        for (const change of changes) if (change.kind === "key") this.#learn(subjectOf(change).key, change.after);
      },
    });
  }

  close(): void {
    this.#following.close();
  }

  /** Another configuration counts from now on. */
  configure(config: AccountsConfig): void {
    this.#configured = toConfigured(config);
    this.#registry.read((view) => this.#read(view));
  }

  #read(view: View): void {
    this.#byHash.clear();
    this.#byId.clear();
    this.#limits.clear();
    this.#created.clear();
    for (const [account, { limits, tokens }] of this.#configured.accounts) {
      this.#limits.set(account, { ...this.#configured.limits, ...limits });
      this.#configure(account, tokens);
    }
    this.#configure(null, this.#configured.tokens);
    for (const entry of view.entries(SYSTEM_ACCOUNT, ROOT, prefixEnd(ROOT))) this.#learn(entry.key, entry);
    for (const { name } of view.accounts()) if (name !== SYSTEM_ACCOUNT) this.tenants.peek(name);
    this.#settle();
  }

  #configure(account: Account | null, tokens: readonly ConfiguredToken[] = []): void {
    for (const token of tokens) {
      const sha256 = token.sha256.toLowerCase();
      const id = `${CONFIGURED}${sha256.slice(0, 16)}`;
      this.#keep({ id, account, role: token.role, name: token.name, createdAtMs: 0, sha256 });
    }
  }

  #keep(token: KeptToken): void {
    this.#byId.set(token.id, token);
    this.#byHash.set(token.sha256, token);
  }

  /** One stored entry, or its end. */
  #learn(key: Bytes, entry: KeyRecord | null): void {
    if (key.startsWith(TOKEN)) this.#learnToken(key.slice(TOKEN.length), entry);
    else if (key.startsWith(ACCOUNT)) this.#learnLimits(key.slice(ACCOUNT.length), entry);
    else if (key.startsWith(TENANT) && entry !== null)
      this.tenants.learn(key.slice(TENANT.length), fromBytes(entry.value));
  }

  #learnToken(id: string, entry: KeyRecord | null): void {
    const before = this.#byId.get(id);
    if (before !== undefined) this.#byHash.delete(before.sha256);
    this.#byId.delete(id);
    const token = entry === null ? undefined : readToken(id, parseObject(fromBytes(entry.value)));
    if (token !== undefined) this.#keep(token);
    this.#settle();
  }

  #learnLimits(account: Account, entry: KeyRecord | null): void {
    if (entry === null) this.#created.delete(account);
    else this.#created.add(account);
    const configured = this.#configured.accounts.get(account)?.limits;
    this.#limits.set(account, { ...this.#configured.limits, ...configured, ...readStoredLimits(entry?.value) });
  }

  #settle(): void {
    this.#forget();
    if (this.#telling) return;
    // Once for changes that come together: in the middle of them tokens are missing that are still valid.
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when this entry is changed. The change counts from then on, however late the watch comes. */
  async #change(key: Bytes, command: Command): Promise<Outcome<Receipt>> {
    const outcome = await this.#registry.propose(SYSTEM_ACCOUNT, command);
    if (outcome.ok) this.#learn(key, this.#stored(key) ?? null);
    return outcome;
  }

  #stored(key: Bytes): KeyRecord | undefined {
    return this.#registry.read((view) => view.entry(SYSTEM_ACCOUNT, key));
  }

  #put(key: Bytes, text: string): Promise<Outcome<Receipt>> {
    return this.#change(key, { kind: "put", key, value: toBytes(text) });
  }

  /** No account in the configuration, and no token. */
  get open(): boolean {
    return this.#configured.accounts.size === 0 && this.#byId.size === 0;
  }

  get hasConfiguredAccounts(): boolean {
    return this.#configured.accounts.size > 0;
  }

  tokenOf(sha256: string): KeptToken | undefined {
    return this.#byHash.get(sha256);
  }

  token(id: string): KeptToken | undefined {
    return this.#byId.get(id);
  }

  tokens(): Iterable<KeptToken> {
    return this.#byId.values();
  }

  putToken({ id, ...record }: KeptToken): Promise<Outcome<Receipt>> {
    return this.#put(`${TOKEN}${id}`, JSON.stringify(record));
  }

  removeToken(id: string): Promise<Outcome<Receipt>> {
    return this.#change(`${TOKEN}${id}`, { kind: "delete", from: `${TOKEN}${id}` });
  }

  limitsOf(account: Account): AccountLimits {
    return this.#limits.get(account) ?? this.#configured.limits;
  }

  /** The other limits stay as they are. */
  setLimits(account: Account, limits: Partial<AccountLimits>): Promise<Outcome<Receipt>> {
    return this.#change(`${ACCOUNT}${account}`, byPlan(LIMIT, { of: account, limits }));
  }

  /** The account's limits are those of the configuration again. */
  removeLimits(account: Account): Promise<Outcome<Receipt>> {
    const key = `${ACCOUNT}${account}`;
    return this.#change(key, { kind: "delete", from: key });
  }

  isConfigured(account: Account): boolean {
    return this.#configured.accounts.has(account);
  }

  /** Whether the account was configured or created, and does not only hold something. */
  isNamed(account: Account): boolean {
    return this.#configured.accounts.has(account) || this.#created.has(account);
  }

  /** All accounts, those that only hold something too; sorted. */
  accounts(): Account[] {
    const names = new Set([...this.#configured.accounts.keys(), ...this.#created]);
    this.#registry.read((view) => {
      for (const account of view.accounts())
        if (account.name !== SYSTEM_ACCOUNT && holds(account)) names.add(account.name);
    });
    return [...names].sort();
  }
}
