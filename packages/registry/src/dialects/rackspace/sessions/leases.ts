/** Sessions: leases of this API, each with a reserved key of its own by which they are counted and listed. */
import { type AccountView, type Command, type LeaseRecord, prefixEnd } from "../../../core/index.ts";
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

/** Succeeds at depth 2 (see `depthOf`); depth 1 means that the id is taken. */
export function toCreateSession(id: string, session: NewSession, sessionsMax: number): Command {
  return {
    kind: "when",
    guards: [{ on: "count", of: "keys", prefix: SESSIONS, below: sessionsMax }],
    then: [
      {
        kind: "when",
        guards: [{ on: "lease-exists", lease: id, exists: false }],
        then: grantSession(id, session),
        otherwise: [],
      },
    ],
    otherwise: [],
  };
}

function grantSession(id: string, { metadata, timeoutS }: NewSession): readonly Command[] {
  return [
    { kind: "grant", lease: id, ttlMs: timeoutS * 1000, via: VIA, meta: metadata, quiet: true },
    { kind: "put", key: sessionKey(id), value: "", lease: id },
  ];
}

/** Fails when the session is not as it was at revision `seen`: its key moves with every change. */
export function toUpdateSession(lease: LeaseRecord, seen: number, update: Partial<NewSession>): Command {
  const session = { metadata: lease.meta, timeoutS: toTimeoutS(lease), ...update };
  const then = grantSession(lease.id, session);
  const guards = [{ on: "mod", key: sessionKey(lease.id), is: "=", than: seen } as const];
  return { kind: "when", guards, then, otherwise: [] };
}

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
