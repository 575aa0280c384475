/** @live Administration of accounts and tokens. */
import {
  type Access,
  type Account,
  type AccountLimits,
  type Clock,
  isLegalAccount,
  type Outcome,
  ok,
  type Refused,
  type Registry,
  refuse,
} from "../../core/index.ts";
import { LIMITS_DEFAULT } from "./limits.ts";
import { removeAccount } from "./removal.ts";
import { isConfigured, type Stored } from "./stored.ts";
import { isRole, type KeptToken, makeToken } from "./tokens.ts";

type TokenSpec = Pick<KeptToken, "account" | "role" | "name">;

const NAME_LENGTH_MAX = 255;

/** `keepClosed`: the last token cannot be removed. */
export function administer(
  stored: Stored,
  registry: Registry,
  clock: Clock,
  keepClosed: boolean,
): Pick<Access, "createToken" | "listTokens" | "removeToken" | "listAccounts" | "setAccount" | "removeAccount"> {
  return {
    async createToken({ account, role, name }) {
      const wrong = refuseToken(stored, { account, role, name });
      if (wrong !== undefined) return wrong;
      const { id, token, sha256 } = makeToken();
      const written = await stored.putToken({ id, account, role, name, createdAtMs: clock.now(), sha256 });
      return written.ok ? ok({ id, token }) : written;
    },
    listTokens(wanted) {
      return [...stored.tokens()]
        .filter(({ account }) => wanted === null || account === wanted)
        .map(({ sha256: _, ...shown }) => shown)
        .sort((a, b) => a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
    },
    async removeToken(id) {
      const refused = refuseRemoval(stored, id, keepClosed);
      if (refused !== undefined) return refused;
      const removed = await stored.removeToken(id);
      return removed.ok ? ok(true) : removed;
    },
    listAccounts() {
      return stored.accounts().map((account) => ({
        account,
        limits: stored.limitsOf(account),
        configured: stored.isNamed(account),
      }));
    },
    setAccount: (account, limits) => setAccount(stored, account, limits),
    removeAccount: (account, withContents) => removeAccount(stored, registry, account, withContents),
  };
}

function refuseToken(stored: Stored, { account, role, name }: TokenSpec): Refused | undefined {
  if (account !== null && !isLegalAccount(account)) return refuse("invalid", `${account} is no legal account name`);
  if (!isRole(role)) return refuse("invalid", "a role is reader, writer or admin");
  if (name.length > NAME_LENGTH_MAX) return refuse("too-large", `a name has at most ${NAME_LENGTH_MAX} characters`);
  // The first token ends open mode: it must be one that can make the others.
  if (stored.open && !isAdministrator({ account, role }))
    return refuse("invalid", "the first token must have the role admin on all accounts, to make the others with");
  return undefined;
}

function isAdministrator({ account, role }: Pick<KeptToken, "account" | "role">): boolean {
  return account === null && role === "admin";
}

function refuseRemoval(stored: Stored, id: string, keepClosed: boolean): Refused | undefined {
  const token = stored.token(id);
  if (token === undefined) return refuse("not-found", `there is no token ${id}`);
  if (isConfigured(token)) return refuse("forbidden", "this token stands in the configuration; take it out there");
  const others = [...stored.tokens()].filter((other) => other !== token);
  if (stored.hasConfiguredAccounts || others.some(isAdministrator)) return undefined;
  if (others.length > 0)
    return refuse("forbidden", "without an administrator's token nobody could remove the others; remove this one last");
  if (keepClosed) return refuse("forbidden", "without this last token the registry would be open to the network");
  return undefined;
}

async function setAccount(
  stored: Stored,
  account: Account,
  limits: Partial<AccountLimits>,
): Promise<Outcome<AccountLimits>> {
  if (!isLegalAccount(account)) return refuse("invalid", `${account} is no legal account name`);
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in LIMITS_DEFAULT)) return refuse("invalid", `there is no limit named ${name}`);
    if (!Number.isSafeInteger(value) || value < 0) return refuse("invalid", `${name} must be a whole number`);
  }
  const written = await stored.setLimits(account, limits);
  return written.ok ? ok(stored.limitsOf(account)) : written;
}
