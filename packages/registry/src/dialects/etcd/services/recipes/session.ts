/** @live Somebody who wants a lock or the lead: the lease by which he waits, and how he waits until he has it. */
import type { Account, Bytes, LeaseId, Refused, Registry, Revision } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import type { Visit } from "../../../../net/routes/visits.ts";
import { admit, type Desk } from "../../desk.ts";
import { ERRORS, toStatus } from "../../refusals.ts";
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

/** Who waits may do so no longer once his token is revoked, or the registry stops. */
class Waiting implements Visit {
  readonly #aborter = new AbortController();
  readonly signal: AbortSignal;
  /** What he is told then. */
  over: Status | undefined;

  constructor(call: Call) {
    this.signal = AbortSignal.any([call.signal, this.#aborter.signal]);
  }

  bye(revoked?: Refused): void {
    this.over ??= revoked === undefined ? ERRORS.stopped : ERRORS.invalidToken;
    this.#aborter.abort();
  }
}

/** Waits in line until it is his. */
export async function takeTurn(desk: Desk, call: Call, wish: Wish): Promise<Turn | Status> {
  const waiting = new Waiting(call);
  desk.lasting.enter(waiting, call);
  if (desk.lasting.draining) waiting.bye();
  try {
    return await wait(desk, call, wish, waiting);
  } finally {
    desk.lasting.leave(waiting);
  }
}

async function wait(
  desk: Desk,
  call: Call,
  { name, lease, value, gone, entered }: Wish,
  waiting: Waiting,
): Promise<Turn | Status> {
  const account = await admit(desk, call, "writer");
  if (account instanceof Status) return account;
  const { registry } = desk;
  const { signal } = waiting;
  const session = await sessionOf(registry, account, lease, signal);
  if (session instanceof Status) return waiting.over ?? session;
  const place = placeOf(account, name, session);
  const found = await enter(registry, place, value, signal);
  if (!found.ok) return waiting.over ?? toStatus(found);
  const refused = await entered?.(place, found.value);
  if (refused !== undefined) return refused;
  const { since } = found.value;
  if (!(await awaitTurn(registry, place, since, signal))) {
    // Over a stop he keeps his place, for as long as his lease does.
    if (waiting.over !== ERRORS.stopped) await giveUp(registry, account, place.key, since);
    return waiting.over ?? GIVEN_UP;
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
