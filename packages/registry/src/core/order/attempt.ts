/**
 * Changes that rest on what was read: read, guard, propose, and again when somebody else was faster. For those that cannot
 * be plans, as they rest on more than the catalog; under contention they need many tries.
 */
import { type Outcome, refuse } from "../../outcome.ts";
import type { Receipt } from "../command.ts";
import { resultOf } from "../decide/plan.ts";

/** As many as may change one object at once: of those, one succeeds each time. */
const ATTEMPTS_MAX = 1000;

/**
 * Calls `attempt` until it is decided. It reads, and proposes on condition that what it read is still so; it answers
 * null when that did not hold. `conflict` when that went on for too long.
 */
export async function untilDecided<T>(attempt: () => Promise<Outcome<T> | null>): Promise<Outcome<T>> {
  for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
    const outcome = await attempt();
    if (outcome !== null) return outcome;
  }
  return refuse("conflict", "it changed too often meanwhile");
}

/** False when the proposal was a transaction whose guards did not hold. */
export function succeeded({ result }: Receipt): boolean {
  const own = resultOf(result);
  return own.kind !== "when" || own.succeeded;
}
