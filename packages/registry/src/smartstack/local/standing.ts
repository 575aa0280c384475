/** What is to be said of an instance by what its checks found. Pure. */
import type { Status } from "../../core/index.ts";
import type { LocalCheck, LocalService } from "../config.ts";

/** The agent runs it; the time of a `ttl` is kept by the registry. */
export function isLocal({ kind }: LocalCheck): boolean {
  return kind !== "ttl" && kind !== "reported";
}

/**
 * The status to register it with; null: it is not to be there; undefined: not every check has been run yet.
 * `found`: of each check that the agent runs, by its id.
 */
export function standingOf(
  { checks, status, failing }: Pick<LocalService, "checks" | "status" | "failing">,
  found: ReadonlyMap<string, Status>,
): Status | null | undefined {
  const own = checks.filter(isLocal).map(({ id }) => found.get(id));
  if (own.includes("critical")) return failing === "mark" ? "critical" : null;
  if (own.includes(undefined)) return undefined;
  return own.includes("warning") && status === "passing" ? "warning" : status;
}
