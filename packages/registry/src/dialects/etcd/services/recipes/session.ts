/** @live Somebody who wants a lock or the lead: the lease by which he waits, and how he waits until he has it. */
import type { Account, Bytes, LeaseId, Registry, Revision } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { admit, type Desk } from "../../desk.ts";
import { toStatus } from "../../refusals.ts";
import { toLease } from "../../wire/lease-id.ts";
import { newLease, VIA } from "../leases/grants.ts";
import { awaitTurn, type Entered, enter, giveUp, type Place, placeOf } from "./turn.ts";

/** Of a lease that is granted here, as the original has it. */
const TTL_MS = 60_000;

const GIVEN_UP = new Status(CODES.canceled, "context canceled");

export interface Wish {
  /** Of the lock or the election. */
  readonly name: Bytes;
  /** His own lease; with 0 one is granted for it. */
  readonly lease: bigint;
  /** What his key says. */
  readonly value: Bytes;
  /** The answer when his lease ended while he waited. */
  readonly gone: Status;
  /** Called once he is in the line; with a status he is answered that. */
  readonly entered?: (place: Place, entered: Entered) => Promise<Status | undefined>;
}

/** It is his: the key that says so, since when, and the lease that keeps it. */
export interface Turn {
  readonly key: Bytes;
  readonly since: Revision;
  readonly lease: LeaseId;
}

/** Waits in line until it is his. */
export async function takeTurn(
  desk: Desk,
  call: Call,
  { name, lease, value, gone, entered }: Wish,
): Promise<Turn | Status> {
  const account = await admit(desk, call, "writer");
  if (account instanceof Status) return account;
  const { registry } = desk;
  const session = await sessionOf(registry, account, lease, call.signal);
  if (session instanceof Status) return session;
  const place = placeOf(account, name, session);
  const found = await enter(registry, place, value, call.signal);
  if (!found.ok) return toStatus(found);
  const refused = await entered?.(place, found.value);
  if (refused !== undefined) return refused;
  const { since } = found.value;
  if (!(await awaitTurn(registry, place, since, call.signal))) {
    await giveUp(registry, account, place.key, since);
    return GIVEN_UP;
  }
  const isHis = registry.read((view) => view.entry(account, place.key)?.createRevision === since);
  return isHis ? { key: place.key, since, lease: session } : gone;
}

async function sessionOf(
  registry: Registry,
  account: Account,
  lease: bigint,
  signal: AbortSignal,
): Promise<LeaseId | Status> {
  if (lease !== 0n) return toLease(lease);
  const id = newLease();
  const command = { kind: "grant", lease: id, ttlMs: TTL_MS, via: VIA, ifAbsent: true } as const;
  const granted = await registry.propose(account, command, signal);
  return granted.ok ? id : toStatus(granted);
}
