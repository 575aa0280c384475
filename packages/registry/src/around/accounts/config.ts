/** What the configuration may say of accounts. */
import type { Account, AccountLimits, Role } from "../../core/index.ts";

/** Its hash only: the secret stands in no file. */
export interface ConfiguredToken {
  readonly name: string;
  readonly role: Role;
  readonly sha256: string;
}

export interface ConfiguredAccount {
  readonly limits?: Partial<AccountLimits>;
  readonly tokens?: readonly ConfiguredToken[];
}

/** What the configuration says of accounts. What is stored in the registry comes on top. */
export interface AccountsConfig {
  readonly accounts?: Readonly<Record<Account, ConfiguredAccount>>;
  /** For all accounts. */
  readonly tokens?: readonly ConfiguredToken[];
  /** For accounts without limits of their own. */
  readonly limits?: Partial<AccountLimits>;
  /** The last token cannot be removed: the registry would be open to a network. */
  readonly keepClosed?: boolean;
}
