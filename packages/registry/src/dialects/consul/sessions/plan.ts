/** Sessions that begin and end, decided on what is there. */
import { type Account, type Facts, ok, type Plan, refuse } from "../../../core/index.ts";
import { type CheckStatus, findNode, keysOf } from "../catalog/nodes.ts";
import { sameNode, standingOn } from "../catalog/place.ts";
import { inOrder } from "../catalog/steps.ts";
import { findCheck } from "../catalog/watched.ts";
import type { Agent } from "../desk.ts";
import { findSession, keyOf, type Session, TTL_FACTOR, toValue, VIA } from "./record.ts";

interface Created {
  readonly session: Session;
  /** Infinity for one without time. */
  readonly ttlMs: number;
  readonly agent: Agent;
}

export const CREATE: Plan<Created> = {
  name: "consul/create-session",
  make(facts, account, { session, ttlMs, agent }) {
    const lost = whyLost(facts, account, agent, session);
    if (lost !== undefined) return refuse("not-found", lost);
    return inOrder(
      [
        { kind: "grant", lease: session.id, ttlMs: Math.round(ttlMs * TTL_FACTOR), via: VIA, ifAbsent: true },
        { kind: "put", key: keyOf(session.id), value: toValue(session), lease: session.id, ifAbsent: true },
      ],
      null,
    );
  },
};

/** One that is not there is as good as ended. `lostOnly`: unless all that it rests on is well again. */
export const DESTROY: Plan<{ readonly id: string; readonly agent: Agent; readonly lostOnly: boolean }> = {
  name: "consul/destroy-session",
  make(facts, account, { id, agent, lostOnly }) {
    const session = findSession(facts, account, id);
    const isThere = session !== undefined && facts.lease(account, id) !== undefined;
    const ends = isThere && (!lostOnly || whyLost(facts, account, agent, session) !== undefined);
    return ok({ command: ends ? { kind: "end", lease: id, cause: "closed" } : null, note: null });
  },
};

type Rests = Pick<Session, "node" | "nodeChecks" | "serviceChecks">;

/** Why a session cannot be, in the original's words: its node or a check is gone, or a check is critical. */
export function whyLost(facts: Facts, account: Account, agent: Agent, session: Rests): string | undefined {
  const node = findNode(keysOf(facts, account), agent, session.node);
  if (node === undefined) return "Missing node registration";
  for (const id of session.nodeChecks) {
    const why = refuseStatus(id, node.checks.find((check) => check.id === id)?.status);
    if (why !== undefined) return why;
  }
  for (const { ID } of session.serviceChecks) {
    const why = refuseStatus(ID, statusOn(facts, account, agent, session.node, ID));
    if (why !== undefined) return why;
  }
  return undefined;
}

function refuseStatus(id: string, status: string | undefined): string | undefined {
  const name = id.slice(0, 200);
  if (status === undefined) return `Missing check '${name}' registration`;
  return status === "passing" || status === "warning" ? undefined : `Check '${name}' is in ${status} state`;
}

/** Of a service's check on the node; undefined when there is none. */
function statusOn(facts: Facts, account: Account, agent: Agent, node: string, id: string): CheckStatus | undefined {
  if (sameNode(node, agent.node)) return findCheck(facts, account, agent, id)?.check.status as CheckStatus | undefined;
  for (const record of standingOn(facts.account(account), node, agent.node)) {
    const check = record.checks.find((one) => one.id === id);
    if (check !== undefined) return check.status as CheckStatus;
  }
  return undefined;
}
