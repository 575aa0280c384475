/** What each account may have. */
import type { AccountLimits } from "../../core/index.ts";

/** For accounts that nobody limited: high enough for any honest use, low enough to keep the machine alive. */
export const LIMITS_DEFAULT: AccountLimits = {
  instancesMax: 1_000_000,
  servicesMax: 100_000,
  keysMax: 1_000_000,
  leasesMax: 1_000_000,
  /** 0: as much as the registry has room for. */
  bytesMax: 0,
  /** 0: unlimited. */
  requestsPerSecondMax: 0,
};

/** The limits among these values; all else is left out. */
export function readLimits(raw: object): Partial<AccountLimits> {
  const limits: Partial<Record<string, number>> = {};
  for (const [name, value] of Object.entries(raw))
    if (name in LIMITS_DEFAULT && Number.isSafeInteger(value) && (value as number) >= 0) limits[name] = value as number;
  return limits;
}
