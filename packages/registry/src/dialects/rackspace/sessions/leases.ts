/** Sessions: leases of this API, each with a reserved key of its own by which they are counted and listed. */
import {
  type AccountView,
  type Command,
  type Guard,
  type LeaseRecord,
  ok,
  type Plan,
  prefixEnd,
  refuse,
} from "../../../core/index.ts";
import type { LastBeat } from "../accounts/tokens.ts";
import { type HeldBody, SESSIONS, sessionKey, toHeld, toTimeoutS, VIA } from "../services/instances.ts";
import type { NewSession } from "../wire/bodies.ts";
import type { Metadata } from "../wire/fields.ts";

export interface SessionBody {
  readonly id: string;
  readonly metadata: Metadata;
  readonly heartbeat_timeout: number;
  readonly last_seen: number | null;
  readonly held?: HeldBody;
}

/**
 * Grants a session under the first of these ids that is free, and says which; whether there is room for it is a guard.
 * `conflict` when none is free.
 */
export const CREATE_SESSION: Plan<
  { readonly ids: readonly string[]; readonly session: NewSession; readonly sessionsMax: number },
  string
> = {
  name: "rackspace/create-session",
  make(facts, account, { ids, session, sessionsMax }) {
    const id = ids.find((one) => facts.lease(account, one) === undefined);
    if (id === undefined) return refuse("conflict", "the ids that were made for the session are taken");
    const guards: Guard[] = [{ on: "count", of: "keys", prefix: SESSIONS, below: sessionsMax }];
    return ok({ command: { kind: "when", guards, then: grantSession(id, session), otherwise: [] }, note: id });
  },
};

function grantSession(id: string, { metadata, timeoutS }: NewSession): readonly Command[] {
  return [
    { kind: "grant", lease: id, ttlMs: timeoutS * 1000, via: VIA, meta: metadata, quiet: true },
    { kind: "put", key: sessionKey(id), value: "", lease: id },
  ];
}

/** Lays an update over the session as it is. Its key moves with every change. */
export const UPDATE_SESSION: Plan<{ readonly id: string; readonly update: Partial<NewSession> }> = {
  name: "rackspace/update-session",
  make(facts, account, { id, update }) {
    const lease = facts.lease(account, id);
    if (lease === undefined || facts.entry(account, sessionKey(id)) === undefined) return refuse("not-found", id);
    if (Object.keys(update).length === 0) return ok({ command: null, note: null });
    const then = grantSession(id, { metadata: lease.meta, timeoutS: toTimeoutS(lease), ...update });
    return ok({ command: { kind: "when", guards: [], then, otherwise: [] }, note: null });
  },
};

/** Sorted by id, beginning at the first that is not smaller than `fromId`. */
export function* eachSession(account: AccountView, fromId: string): Iterable<LeaseRecord> {
  for (const { key } of account.entries(sessionKey(fromId), prefixEnd(SESSIONS))) {
    const lease = account.lease(key.slice(SESSIONS.length));
    if (lease !== undefined) yield lease;
  }
}

export function toSessionBody(lease: LeaseRecord, lastBeat: LastBeat): SessionBody {
  const { id, meta } = lease;
  const seen = { heartbeat_timeout: toTimeoutS(lease), last_seen: lastBeat(id) || null };
  return { id, metadata: meta, ...seen, ...toHeld(lease.held) };
}
