/** Requests that change nodes, decided together: all are carried out, or none is. */
import { ok, type Plan, refuse } from "../../../core/index.ts";
import { ERRORS, type ErrorCode } from "../wire/codes.ts";
import type { Write } from "../wire/writes.ts";
import { type Caller, carryOut, type Done } from "./decide.ts";
import { FIXED } from "./fixed.ts";
import { Working } from "./working.ts";

export interface Report {
  readonly done: readonly Done[];
  /** Of the first that failed, which comes after those that are done; then none was carried out. */
  readonly error: ErrorCode;
}

/** `not-found` when the session is over. */
export const WRITE: Plan<Caller & { readonly writes: readonly Write[] }, Report> = {
  name: "zookeeper/write",
  make(facts, account, { writes, ...caller }, stamp) {
    if (facts.lease(account, caller.session) === undefined) return refuse("not-found", "the session is over");
    const working = new Working(facts, account, stamp);
    const done: Done[] = [];
    for (const write of writes) {
      const decided = carryOut(working, write, caller);
      if (decided.ok) {
        done.push(decided.value);
        continue;
      }
      return ok({
        command: writes.length === 1 ? founding(new Working(facts, account, stamp), write, decided.error) : null,
        note: { done, error: decided.error },
      });
    }
    return ok({ command: working.command(), note: { done, error: ERRORS.ok } });
  },
};

/**
 * Who wants to create a node that is there only for those below it learns that it is there, and relies on it: so it gets a
 * key of its own, and stays when they go.
 */
function founding(working: Working, { op, path }: Write, error: ErrorCode) {
  if (op !== "create" || error !== ERRORS.nodeExists || FIXED.has(path)) return null;
  working.found(path);
  return working.command();
}
