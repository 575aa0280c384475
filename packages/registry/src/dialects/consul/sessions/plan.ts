/** Sessions that begin and end, decided on what is there. */
import { type Command, type Outcome, ok, type Plan, refuse } from "../../../core/index.ts";
import { NODE_CHECK } from "./body.ts";
import { findSession, keyOf, type Session, TTL_FACTOR, toValue, VIA } from "./record.ts";

interface Created {
  readonly session: Session;
  /** Infinity for one without time. */
  readonly ttlMs: number;
  /** The agent's own node. */
  readonly node: string;
}

export const CREATE: Plan<Created> = {
  name: "consul/create-session",
  make(_facts, _account, { session, ttlMs, node }) {
    if (session.node !== node) return refuse("not-found", "Missing node registration");
    const missing = session.nodeChecks.find((check) => check !== NODE_CHECK) ?? session.serviceChecks[0]?.ID;
    if (missing !== undefined) return refuse("not-found", `Missing check '${missing.slice(0, 200)}' registration`);
    return inOrder([
      { kind: "grant", lease: session.id, ttlMs: Math.round(ttlMs * TTL_FACTOR), via: VIA, ifAbsent: true },
      { kind: "put", key: keyOf(session.id), value: toValue(session), lease: session.id, ifAbsent: true },
    ]);
  },
};

/** One that is not there is as good as ended. */
export const DESTROY: Plan<{ readonly id: string }> = {
  name: "consul/destroy-session",
  make(facts, account, { id }) {
    const isThere = findSession(facts, account, id) !== undefined && facts.lease(account, id) !== undefined;
    return ok({ command: isThere ? { kind: "end", lease: id, cause: "closed" } : null, note: null });
  },
};

function inOrder(then: readonly Command[]): Outcome<{ command: Command; note: null }> {
  return ok({ command: { kind: "when", guards: [], then, otherwise: [] }, note: null });
}
