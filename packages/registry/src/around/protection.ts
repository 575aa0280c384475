/** Protection: when many leases lapse at once, the registry or its network is the likelier culprit. */
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
  // Leases that ended and leases that were held within the window.
  const ended = new Recent(options.windowMs);
  const held = new Recent(options.windowMs);

  function judge(account: Account, census: Census, nowMs: number): string | null {
    const gone = ended.count(account, nowMs, (lease) => !census.isLive(lease));
    // Leases held since before the window say nothing of now: a lone lapse beside them is a lone lapse.
    const heldNow = Math.min(census.held, held.count(account, nowMs, census.isLive));
    const lapsing = gone + census.lapsed.length + census.silent + heldNow;
    // Leases that ended within the window were live at its beginning.
    const live = census.live + gone;
    const together = options.enabled && lapsing >= options.leasesMin && lapsing >= options.shareMin * live;
    (together ? held : ended).add(account, census.lapsed, nowMs);
    if (!together) return null;
    return `${lapsing} of ${live} leases fell silent within ${options.windowMs / 1000} s: the registry or its network is the likelier culprit`;
  }

  return { windowMs: options.windowMs, holdMs: options.holdMs, judge };
}

/** Leases that ended or were held lately, with the time at which they did. */
class Recent {
  readonly #windowMs: number;
  readonly #byAccount = new Map<Account, Map<LeaseId, number>>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(account: Account, leases: readonly LeaseId[], nowMs: number): void {
    const recent = this.#byAccount.get(account) ?? new Map<LeaseId, number>();
    for (const lease of leases) recent.set(lease, nowMs);
    if (recent.size > 0) this.#byAccount.set(account, recent);
  }

  /** The number of an account's recent leases for which `counts` is true. Forgets those older than the window. */
  count(account: Account, nowMs: number, counts: (lease: LeaseId) => boolean): number {
    const recent = this.#byAccount.get(account);
    if (recent === undefined) return 0;
    let count = 0;
    for (const [lease, atMs] of recent) {
      if (atMs <= nowMs - this.#windowMs) recent.delete(lease);
      else if (counts(lease)) count++;
    }
    if (recent.size === 0) this.#byAccount.delete(account);
    return count;
  }
}
