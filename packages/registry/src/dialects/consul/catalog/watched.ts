/**
 * The checks of the agent's node by their ids: a reserved key for each tells which instance has it. That of a check with
 * a TTL is kept by a lease: when the lease ends the key stays, detached, and tells that the time is up.
 */
import {
  type Account,
  type Bytes,
  type Check,
  type Command,
  type Facts,
  fromBytes,
  type InstanceKey,
  type InstanceRecord,
  type KeyRecord,
  LIMITS,
  toBytes,
} from "../../../core/index.ts";
import type { Agent } from "../desk.ts";
import { findNode, type NodeCheck } from "./nodes.ts";
import { VIA } from "./place.ts";

export const CHECKS: Bytes = "\0consul/check/";

/** Where a check is: at an instance, or at the node itself. */
export interface Watched {
  readonly instance: InstanceKey | null;
  /** 0 for one without a TTL. */
  readonly ttlMs: number;
  readonly alias?: Alias;
}

/** What a check stands for: the checks of a node and of a service there. */
export interface Alias {
  /** Empty for the agent's. */
  readonly node: string;
  /** Empty for the node's own checks alone. */
  readonly service: string;
}

export function checkKey(id: string): Bytes {
  return CHECKS + toBytes(id);
}

export function checkIdOf(key: Bytes): string {
  return fromBytes(key.slice(CHECKS.length));
}

export function ttlLease(id: string): string {
  return `consul/ttl/${id}`;
}

export function toWatched({ value }: KeyRecord): Watched {
  return JSON.parse(fromBytes(value)) as Watched;
}

/** Steps that let a check be found, and begin its time. */
export function watchSteps(id: string, at: InstanceKey | null, ttlMs: number, alias?: Alias): readonly Command[] {
  const key = checkKey(id);
  const instance = at && { service: at.service, id: at.id };
  const watched: Watched = { instance, ttlMs, ...(alias === undefined ? {} : { alias }) };
  const value = toBytes(JSON.stringify(watched));
  if (ttlMs === 0) return [{ kind: "put", key, value, lease: null }];
  const lease = ttlLease(id);
  const wholeMs = Math.max(Math.round(ttlMs), LIMITS.ttlMsMin);
  return [
    { kind: "grant", lease, ttlMs: wholeMs, via: VIA },
    { kind: "put", key, value, lease, atEnd: "detach" },
  ];
}

/** Steps that forget a check, if it is this instance's. */
export function forgetSteps(
  facts: Facts,
  account: Account,
  id: string,
  instance: InstanceKey | null,
): readonly Command[] {
  const record = facts.entry(account, checkKey(id));
  if (record === undefined || !isOf(toWatched(record).instance, instance)) return [];
  const ended = record.lease !== null && facts.lease(account, record.lease) !== undefined;
  return [
    ...(ended ? [{ kind: "end", lease: record.lease as string, cause: "closed" } as const] : []),
    { kind: "delete", from: record.key },
  ];
}

function isOf(one: InstanceKey | null, other: InstanceKey | null): boolean {
  return one?.service === other?.service && one?.id === other?.id;
}

/** A check of the agent's node, with what it is at. */
export interface FoundCheck {
  readonly key: KeyRecord;
  readonly watched: Watched;
  /** Null for one of the node itself. */
  readonly record: InstanceRecord | null;
  readonly check: Check | NodeCheck;
  readonly isTtl: boolean;
}

export function findCheck(facts: Facts, account: Account, agent: Agent, id: string): FoundCheck | undefined {
  const key = facts.entry(account, checkKey(id));
  if (key === undefined) return undefined;
  const watched = toWatched(key);
  const { instance } = watched;
  if (instance === null) {
    const node = findNode({ entry: (name) => facts.entry(account, name) }, agent, agent.node);
    const check = node?.checks.find((one) => one.id === id);
    return check && { key, watched, record: null, check, isTtl: watched.ttlMs > 0 };
  }
  const record = facts.instance(account, instance.service, instance.id);
  const check = record?.checks.find((one) => one.id === id);
  if (record === undefined || check === undefined) return undefined;
  return { key, watched, record, check, isTtl: watched.ttlMs > 0 };
}
