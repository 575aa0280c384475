/** @live v3lock: whoever's key was created first under the lock's name holds it. */
import { fromBuffer, toBuffer } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { admit, type Desk, headOf, revisionNow } from "../../desk.ts";
import type { LockRequest, UnlockRequest } from "../../proto/generated/v3lock.ts";
import { toStatus } from "../../refusals.ts";
import { takeTurn } from "./session.ts";

const EXPIRED = new Status(CODES.unknown, "mutex: session is expired");

/** Answers once the lock is held. */
export async function lock(desk: Desk, call: Call, { name, lease }: LockRequest) {
  const turn = await takeTurn(desk, call, { name: fromBuffer(name), lease, value: "", gone: EXPIRED });
  if (turn instanceof Status) return turn;
  return { header: headOf(desk, revisionNow(desk)), key: toBuffer(turn.key) };
}

export async function unlock(desk: Desk, call: Call, { key }: UnlockRequest) {
  const account = await admit(desk, call, "writer");
  if (account instanceof Status) return account;
  const command = { kind: "delete", from: fromBuffer(key) } as const;
  const gone = await desk.registry.propose(account, command, call.signal);
  return gone.ok ? { header: headOf(desk, gone.value.revision) } : toStatus(gone);
}
