/** What protection has to say, for the log: each thing once in a while, as it may concern thousands of leases. */
import type { Logger } from "pino";
import { createProtection, type ProtectionOptions } from "../../around/protection.ts";
import type { CoreOptions, ExpiryPolicy } from "../../core/index.ts";

const HELD_AGAIN_MS = 60_000;
const RARE_AGAIN_MS = 3_600_000;
/** Things that are remembered as said. */
const SAID_MAX = 10_000;

/** Protection whose numbers may change while it runs; but for its times, which the wheel of leases was made with. */
export function openProtection(options: ProtectionOptions): {
  readonly policy: ExpiryPolicy;
  /** What it goes by now. */
  protection(): ProtectionOptions;
  protect(options: ProtectionOptions): void;
} {
  let by = options;
  let now = createProtection(options);
  const { windowMs, holdMs } = now;
  return {
    policy: {
      windowMs,
      holdMs,
      suspects: (missing, kept) => now.suspects(missing, kept),
      holds: (census) => now.holds(census),
    },
    protection: () => by,
    protect(changed) {
      by = changed;
      now = createProtection(changed);
    },
  };
}

/** `monotonicMs` gives the time. */
export function reportProtection(
  log: Logger,
  monotonicMs: () => number,
): Required<Pick<CoreOptions, "onHeld" | "onRareBeats">> {
  const said = new Map<string, number>();
  const isNew = (what: string, againMs: number): boolean => {
    const lastMs = said.get(what);
    if (lastMs !== undefined && monotonicMs() - lastMs < againMs) return false;
    if (said.size >= SAID_MAX) said.clear();
    said.set(what, monotonicMs());
    return true;
  };
  return {
    onHeld(account, { service, reason }) {
      if (isNew(`held ${account} ${service}`, HELD_AGAIN_MS))
        log.warn({ account, ...(service === null ? {} : { service }) }, `held by protection: ${reason}`);
    },
    onRareBeats(account, { service, id }, { ttlMs }, intervalMs) {
      if (!isNew(`rare ${account} ${service}`, RARE_AGAIN_MS)) return;
      const numbers = { ttlMs, intervalMs: Math.round(intervalMs) };
      log.warn(
        { account, service, instance: id, ...numbers },
        "heartbeats come fewer than two in a ttl: when many fall silent together, protection may notice too late",
      );
    },
  };
}
