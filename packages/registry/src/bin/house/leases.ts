/** What becomes of leases, for the log at debug: those that ended, were held, or let go again, and why. */
import type { Logger } from "pino";
import { type Change, type Commit, type Following, keepUp, type Registry, subjectOf } from "../../core/index.ts";
import type { Log } from "../log/logger.ts";

const TOLD: ReadonlySet<Change["cause"]> = new Set(["closed", "expired", "held", "released"]);

/** Follows only while somebody reads; `configureLog` is to be called in place of the log's own. */
export function reportLeases(
  registry: Registry,
  { logger, configure }: Pick<Log, "logger" | "configure">,
): { configureLog: Log["configure"] } {
  let following: Following | undefined;
  const settle = (): void => {
    if (logger.isLevelEnabled("debug"))
      following ??= keepUp(registry, {}, { read() {}, take: (commit) => tell(logger, commit) });
    else {
      following?.close();
      following = undefined;
    }
  };
  settle();
  return {
    configureLog(format, level) {
      configure(format, level);
      settle();
    },
  };
}

function tell(log: Logger, { account, revision, changes }: Commit): void {
  for (const change of changes) {
    if (change.kind !== "lease" || !TOLD.has(change.cause)) continue;
    const { cause, after, silence } = change;
    const { id, ttlMs, via } = subjectOf(change);
    const why = { ...(after?.held && { reason: after.held.reason }), ...(silence && { beats: silence.beats }) };
    log.debug({ account, lease: id, via, ttlMs, cause, revision, ...why }, "lease");
  }
}
