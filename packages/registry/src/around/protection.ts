/** Protection: when many fall silent at once, the registry or its network is the likelier culprit (design, section 6). */
import type { ExpiryPolicy } from "../core/index.ts";

export interface ProtectionOptions {
  readonly enabled: boolean;
  /** An instance that ended counts as lost beside those that lapse after it for its ttl, and at least so long. */
  readonly windowMs: number;
  /** Fewer lost instances are never held. */
  readonly leasesMin: number;
  /** More than this share of the instances of an account or of a service, 0 to 1, must be about to go, or all. */
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

/** Where fewer than this share are missing, no census is taken. */
const SUSPECT_SHARE = 1 / 16;

export function createProtection({ enabled, windowMs, leasesMin, shareMin, holdMs }: ProtectionOptions): ExpiryPolicy {
  return {
    windowMs,
    holdMs,
    suspects: (missing, kept) =>
      enabled && missing >= leasesMin / 2 && missing >= kept * Math.min(shareMin, SUSPECT_SHARE),
    holds({ there, heard, late, lost, elsewhere }) {
      // Where few are heard of those whose heartbeat was due meanwhile, as few of those are there that are not due yet.
      const gone = lost + (late > heard ? (there * late) / (heard + late + 1) : 0);
      const all = lost + there + elsewhere;
      return lost >= leasesMin / 2 && gone >= leasesMin && (gone > shareMin * all || lost === all);
    },
  };
}
