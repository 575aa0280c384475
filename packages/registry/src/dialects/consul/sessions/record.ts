/**
 * Sessions: each is a lease of its id, and a reserved key that tells what it is and goes with it.
 */
import { type Bytes, type Facts, fromBytes, type KeyRecord, toBytes } from "../../../core/index.ts";
import { encodeJson } from "../wire/json.ts";

export const VIA = "consul";
export const SESSIONS: Bytes = "\0consul/session/";

/** The original ends a session between its TTL and twice that: clients count on the longer time. */
export const TTL_FACTOR = 2;

export type Behavior = "release" | "delete";

/** What a client said of a session. */
export interface Session {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly behavior: Behavior;
  readonly lockDelayMs: number;
  /** As the client wrote it; empty for a session without time. */
  readonly ttl: string;
  readonly nodeChecks: readonly string[];
  readonly serviceChecks: readonly ServiceCheck[];
}

export interface ServiceCheck {
  readonly ID: string;
  readonly Namespace: string;
}

/** A session in its key. */
export interface SessionRecord extends Session {
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export function keyOf(id: string): Bytes {
  return SESSIONS + toBytes(id);
}

export function toValue({ id: _, ...said }: Session): Bytes {
  return toBytes(JSON.stringify(said));
}

/** The session of a key under `SESSIONS`. */
export function toSession({ key, value, createRevision, modRevision }: KeyRecord): SessionRecord {
  const said = JSON.parse(fromBytes(value)) as Omit<Session, "id">;
  return { id: fromBytes(key.slice(SESSIONS.length)), ...said, createIndex: createRevision, modifyIndex: modRevision };
}

export function findSession(facts: Pick<Facts, "entry">, account: string, id: string): SessionRecord | undefined {
  const record = facts.entry(account, keyOf(id));
  return record === undefined ? undefined : toSession(record);
}

/** As the original shows it. */
export function encodeSession(session: SessionRecord): string {
  return encodeJson({
    ID: session.id,
    Name: session.name,
    Node: session.node,
    LockDelay: Math.round(session.lockDelayMs * 1e6),
    Behavior: session.behavior,
    TTL: session.ttl,
    NodeChecks: session.nodeChecks,
    ServiceChecks: session.serviceChecks.length === 0 ? null : session.serviceChecks,
    CreateIndex: session.createIndex,
    ModifyIndex: session.modifyIndex,
  });
}
