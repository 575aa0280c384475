/** The requests that each account made in its current window. In memory only: a restart begins anew. */
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
  readonly #windows = new Map<Account, Window>();

  /** Counts one request at this monotonic time. */
  count(account: Account, nowMs: number): Usage {
    let window = this.#windows.get(account);
    if (window === undefined || !isOpen(window, nowMs)) {
      this.#makeRoom(nowMs);
      window = { startedAtMs: nowMs, used: 0 };
      this.#windows.set(account, window);
    }
    window.used++;
    return { used: window.used, endsAtMs: window.startedAtMs + WINDOW_MS };
  }

  #makeRoom(nowMs: number): void {
    if (this.#windows.size < ACCOUNTS_MAX) return;
    for (const [account, window] of this.#windows) if (!isOpen(window, nowMs)) this.#windows.delete(account);
    if (this.#windows.size < ACCOUNTS_MAX) return;
    // Still full: the accounts with the fewest requests lose the least. Many go at once, as finding them costs.
    const windows = [...this.#windows].sort(([, a], [, b]) => a.used - b.used);
    for (const [account] of windows.slice(0, ACCOUNTS_MAX / 8)) this.#windows.delete(account);
  }
}

function isOpen({ startedAtMs }: Window, nowMs: number): boolean {
  return nowMs < startedAtMs + WINDOW_MS;
}
