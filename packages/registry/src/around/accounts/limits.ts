/** What each account may have. */
import type { Access, Account, AccountLimits } from "../../core/index.ts";
import { parseObject } from "./tokens.ts";

/** For accounts that nobody limited: high enough for any honest use, low enough to keep the machine alive. */
export const LIMITS_DEFAULT: AccountLimits = {
  instancesMax: 1_000_000,
  servicesMax: 100_000,
  keysMax: 1_000_000,
  leasesMax: 1_000_000,
  /** 0: unlimited. */
  requestsPerSecondMax: 0,
};

/** The limits by which commands of this account are decided. */
export function limitsOf(access: Access, account: Account): AccountLimits {
  return access.limitsOf(account);
}

/** Limits among these values; what is none is left out. */
export function readLimits(raw: object): Partial<AccountLimits> {
  const limits: Partial<Record<string, number>> = {};
  for (const [name, value] of Object.entries(raw))
    if (name in LIMITS_DEFAULT && Number.isSafeInteger(value) && (value as number) >= 0) limits[name] = value as number;
  return limits;
}

/** The same of limits as they are stored. */
export function parseLimits(text: string): Partial<AccountLimits> {
  return readLimits(parseObject(text) ?? {});
}
