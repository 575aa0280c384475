/** Protection: when many leases lapse at once, the registry or its network is the likelier culprit (design, section 6). */
import type { Account, Census, ExpiryPolicy } from "../core/index.ts";

export interface ProtectionOptions {
  readonly enabled: boolean;
  /** Lapses within this time belong together. */
  readonly windowMs: number;
  /** Fewer lapsing leases are never held. */
  readonly leasesMin: number;
  /** The share of the account's live leases, 0 to 1, from which on they are held. */
  readonly shareMin: number;
  /** How long they are held at most. */
  readonly holdMs: number;
}

export const PROTECTION_DEFAULTS: ProtectionOptions = {
  enabled: true,
  windowMs: 15_000,
  leasesMin: 10,
  shareMin: 0.5,
  holdMs: 600_000,
};

/** Leases of one account that ended by expiry lately: when, and how many. */
type Ended = { atMs: number; count: number }[];

export function createProtection(options: ProtectionOptions): ExpiryPolicy {
  const ended = new Map<Account, Ended>();

  function endedLately(account: Account, nowMs: number): number {
    const recent = (ended.get(account) ?? []).filter((one) => one.atMs > nowMs - options.windowMs);
    if (recent.length === 0) ended.delete(account);
    else ended.set(account, recent);
    return recent.reduce((sum, one) => sum + one.count, 0);
  }

  function judge(account: Account, census: Census, nowMs: number): string | null {
    const before = endedLately(account, nowMs);
    const lapsing = before + census.lapsed + census.silent + census.held;
    // Those that ended within the window were live at its beginning.
    const live = census.live + before;
    if (options.enabled && lapsing >= options.leasesMin && lapsing >= options.shareMin * live) {
      return `${lapsing} of ${live} leases fell silent within ${options.windowMs / 1000} s: the registry or its network is the likelier culprit`;
    }
    const list = ended.get(account) ?? [];
    list.push({ atMs: nowMs, count: census.lapsed });
    ended.set(account, list);
    return null;
  }

  return { windowMs: options.windowMs, holdMs: options.holdMs, judge };
}
