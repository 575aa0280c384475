import type { Seat } from "./seat.ts";

/** When an instance whose calls fail gets none for a while (passive outlier ejection). */
export interface OutlierOptions {
  /** So many failures in a row eject it: 5 when left out. */
  readonly failures?: number;
  /** For so long the first time, in ms: 30 000 when left out. Doubles each time that it fails at once when it is back. */
  readonly ejectMs?: number;
  /** And never longer than this: 300 000 when left out. */
  readonly ejectMsMax?: number;
  /** At most this part of the instances is ejected at once: 0.5 when left out. One of two may be, one alone never. */
  readonly shareMax?: number;
}

/** Judges instances by how calls to them went. */
export class Outliers {
  readonly #failures: number;
  readonly #ejectMs: number;
  readonly #ejectMsMax: number;
  readonly #shareMax: number;

  constructor({ failures = 5, ejectMs = 30_000, ejectMsMax = 300_000, shareMax = 0.5 }: OutlierOptions) {
    this.#failures = failures;
    this.#ejectMs = ejectMs;
    this.#ejectMsMax = ejectMsMax;
    this.#shareMax = shareMax;
  }

  wentWell(seat: Seat, nowMs: number): void {
    seat.failures = 0;
    // It has been back for as long as it was away: the next time begins anew.
    if (seat.ejections > 0 && nowMs > seat.ejectedUntilMs + this.#lengthMs(seat.ejections)) seat.ejections = 0;
  }

  /** True when the seat is ejected by this failure. `ejected` of `count` seats are already. */
  failed(seat: Seat, { nowMs, ejected, count }: { nowMs: number; ejected: number; count: number }): boolean {
    if (seat.ejectedUntilMs > nowMs) return false;
    seat.failures++;
    if (seat.failures < this.#failures || ejected + 1 > Math.max(count > 1 ? 1 : 0, count * this.#shareMax))
      return false;
    seat.ejections++;
    // Back again, its first failure ejects it.
    seat.failures = this.#failures - 1;
    seat.ejectedUntilMs = nowMs + this.#lengthMs(seat.ejections);
    return true;
  }

  #lengthMs(ejections: number): number {
    return Math.min(this.#ejectMsMax, this.#ejectMs * 2 ** Math.min(ejections - 1, 20));
  }
}
