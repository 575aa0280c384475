/** @live v3lock: whoever's key was created first under the lock's name holds it. */
import { fromBuffer, toBuffer } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { admit, type Desk, headOf, revisionNow } from "../../desk.ts";
import type { LockRequest, UnlockRequest } from "../../proto/generated/v3lock.ts";
import { toStatus } from "../../refusals.ts";
import { GIVEN_UP, sessionOf } from "./session.ts";
import { awaitTurn, enter, giveUp, placeOf } from "./turn.ts";

const EXPIRED = new Status(CODES.unknown, "mutex: session is expired");

/** Answers once the lock is held. */
export async function lock(desk: Desk, call: Call, { name, lease }: LockRequest) {
  const account = await admit(desk, call, "writer");
  if (account instanceof Status) return account;
  const { registry } = desk;
  const session = await sessionOf(registry, account, lease, call.signal);
  if (session instanceof Status) return session;
  const place = placeOf(account, fromBuffer(name), session);
  const entered = await enter(registry, place, "", call.signal);
  if (!entered.ok) return toStatus(entered);
  const { since } = entered.value;
  if (!(await awaitTurn(registry, place, since, call.signal))) {
    await giveUp(registry, account, place.key, since);
    return GIVEN_UP;
  }
  // His lease may have ended while he waited.
  const isHis = registry.read((view) => view.entry(account, place.key)?.createRevision === since);
  return isHis ? { header: headOf(desk, revisionNow(desk)), key: toBuffer(place.key) } : EXPIRED;
}

export async function unlock(desk: Desk, call: Call, { key }: UnlockRequest) {
  const account = await admit(desk, call, "writer");
  if (account instanceof Status) return account;
  const command = { kind: "delete", from: fromBuffer(key) } as const;
  const gone = await desk.registry.propose(account, command, call.signal);
  return gone.ok ? { header: headOf(desk, gone.value.revision) } : toStatus(gone);
}
