/** Protection: when many leases lapse at once, the registry or its network is the likelier culprit (design, section 6). */
import type { Account, Census, ExpiryPolicy, LeaseId } from "../core/index.ts";

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

export function createProtection(options: ProtectionOptions): ExpiryPolicy {
  /** Leases that ended by expiry within the window, and when; by account. */
  const ended = new Map<Account, Map<LeaseId, number>>();

  /** How many of them are still gone. */
  function countGone(account: Account, census: Census, nowMs: number): number {
    const recent = ended.get(account);
    if (recent === undefined) return 0;
    let gone = 0;
    for (const [lease, atMs] of recent) {
      if (atMs <= nowMs - options.windowMs) recent.delete(lease);
      else if (!census.isLive(lease)) gone++;
    }
    if (recent.size === 0) ended.delete(account);
    return gone;
  }

  function judge(account: Account, census: Census, nowMs: number): string | null {
    const gone = countGone(account, census, nowMs);
    const lapsing = gone + census.lapsed.length + census.silent + census.held;
    // Those that ended within the window were live at its beginning.
    const live = census.live + gone;
    if (options.enabled && lapsing >= options.leasesMin && lapsing >= options.shareMin * live) {
      return `${lapsing} of ${live} leases fell silent within ${options.windowMs / 1000} s: the registry or its network is the likelier culprit`;
    }
    const list = ended.get(account) ?? new Map<LeaseId, number>();
    for (const lease of census.lapsed) list.set(lease, nowMs);
    ended.set(account, list);
    return null;
  }

  return { windowMs: options.windowMs, holdMs: options.holdMs, judge };
}
