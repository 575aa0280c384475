/** How many requests each account made in its current window. In memory only: a restart begins anew. */
import type { Account } from "../../../core/index.ts";

export const WINDOW_MS = 24 * 3600 * 1000;
const ACCOUNTS_MAX = 10_000;

interface Window {
  readonly startedAtMs: number;
  used: number;
}

export interface Usage {
  readonly used: number;
  readonly endsAtMs: number;
}

export class Rates {
  private readonly windows = new Map<Account, Window>();

  /** Counts one request. */
  count(account: Account, nowMs: number): Usage {
    let window = this.windows.get(account);
    if (window === undefined || !isOpen(window, nowMs)) {
      this.makeRoom(nowMs);
      window = { startedAtMs: nowMs, used: 0 };
      this.windows.set(account, window);
    }
    window.used++;
    return { used: window.used, endsAtMs: window.startedAtMs + WINDOW_MS };
  }

  private makeRoom(nowMs: number): void {
    if (this.windows.size < ACCOUNTS_MAX) return;
    for (const [account, window] of this.windows) if (!isOpen(window, nowMs)) this.windows.delete(account);
    // Still full: the account that has been quiet or counted the least loses little.
    if (this.windows.size < ACCOUNTS_MAX) return;
    let least: Account | undefined;
    let used = Number.POSITIVE_INFINITY;
    for (const [account, window] of this.windows) {
      if (window.used < used) [least, used] = [account, window.used];
    }
    if (least !== undefined) this.windows.delete(least);
  }
}

/** A clock that stepped back far begins a new window too. */
function isOpen({ startedAtMs }: Window, nowMs: number): boolean {
  return nowMs >= startedAtMs - WINDOW_MS && nowMs < startedAtMs + WINDOW_MS;
}
