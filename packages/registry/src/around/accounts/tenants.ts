/** Tenant ids: numeric names of accounts, for protocols that know tenants by number. */
import { createHash } from "node:crypto";
import type { Account } from "../../core/index.ts";

const TENANT = /^[1-9][0-9]{5,9}$/;
const NUMERIC = /^[0-9]+$/;
const SMALLEST = 100_000;
/** Tenant ids have 6 to 10 digits. */
const COUNT = 10_000_000_000 - SMALLEST;
const TENANTS_MAX = 100_000;

export interface TenantsOptions {
  /** Stores a tenant id, so that it leads to its account after a restart too. */
  remember(tenant: string, account: Account): void;
  /** Whether an account has this name. */
  exists(name: Account): boolean;
}

/** Always the same number for a name, and the way back from the number to the name. */
export class Tenants {
  readonly #options: TenantsOptions;
  readonly #accounts = new Map<string, Account>();
  readonly #tenants = new Map<Account, string>();
  readonly #stored = new Set<string>();

  constructor(options: TenantsOptions) {
    this.#options = options;
  }

  /** A stored tenant id. */
  learn(tenant: string, account: Account): void {
    this.#stored.add(tenant);
    this.#set(tenant, account);
  }

  accountOf(tenant: string): Account | undefined {
    return this.#accounts.get(tenant);
  }

  /** The number of an account, stored so that `accountOf` finds the account after a restart. */
  of(account: Account): string {
    const tenant = this.peek(account);
    if (tenant !== account && !this.#stored.has(tenant) && this.#stored.size < TENANTS_MAX) {
      this.#stored.add(tenant);
      this.#options.remember(tenant, account);
    }
    return tenant;
  }

  /** The same number, without storing it. */
  peek(account: Account): string {
    const known = this.#tenants.get(account);
    if (known !== undefined) return known;
    // An account whose name is a number has that number for its tenant id, unless another account has it.
    if (NUMERIC.test(account) && !this.#accounts.has(account)) return account;
    const tenant = this.#choose(account);
    this.#set(tenant, account);
    return tenant;
  }

  #choose(account: Account): string {
    for (let round = 0; ; round++) {
      const hash = createHash("sha256").update(round === 0 ? account : `${account}\0${round}`);
      const tenant = String(SMALLEST + (hash.digest().readUIntBE(0, 6) % COUNT));
      const taken = this.#accounts.get(tenant);
      if ((taken === undefined || taken === account) && !this.#options.exists(tenant)) return tenant;
    }
  }

  #set(tenant: string, account: Account): void {
    if (!TENANT.test(tenant)) return;
    if (this.#tenants.size >= TENANTS_MAX) {
      // It can be computed again; the oldest is the least likely to be asked for.
      const [oldest] = this.#tenants;
      if (oldest !== undefined) {
        this.#tenants.delete(oldest[0]);
        this.#accounts.delete(oldest[1]);
        this.#stored.delete(oldest[1]);
      }
    }
    this.#accounts.set(tenant, account);
    this.#tenants.set(account, tenant);
  }
}
