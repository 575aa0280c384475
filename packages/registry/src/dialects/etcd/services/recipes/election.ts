/** @live v3election: whoever's key was created first under the election's name leads; its value is what he proclaims. */
import { type Account, type Bytes, fromBuffer, type LeaseId, type Revision, toBuffer } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { admit, type Desk, headOf, revisionNow } from "../../desk.ts";
import type {
  CampaignRequest,
  LeaderKey,
  LeaderRequest,
  ProclaimRequest,
  ResignRequest,
} from "../../proto/generated/v3election.ts";
import { toStatus } from "../../refusals.ts";
import { toLease } from "../../wire/lease-id.ts";
import { toKeyValue } from "./key-value.ts";
import { takeTurn } from "./session.ts";
import { findFirst, giveUp, rangeOf } from "./turn.ts";

const NOT_LEADER = new Status(CODES.unknown, "election: not leader");
const NO_LEADER = new Status(CODES.unknown, "election: no leader");
const NO_KEY = new Status(CODES.unknown, '"leader" field must be provided');

/** Answers once he leads. */
export async function campaign(desk: Desk, call: Call, { name, lease, value }: CampaignRequest) {
  const said = fromBuffer(value);
  const turn = await takeTurn(desk, call, {
    name: fromBuffer(name),
    lease,
    value: said,
    gone: NOT_LEADER,
    async entered(place, { since, before }) {
      // He was in the line already, with other words.
      if (before === undefined || before.value === said) return undefined;
      const renamed = await say(desk, place.account, { ...place, since }, said);
      return renamed instanceof Status ? renamed : undefined;
    },
  });
  if (turn instanceof Status) return turn;
  const leader = { name, key: toBuffer(turn.key), rev: BigInt(turn.since), lease: BigInt(turn.lease) };
  return { header: headOf(desk, revisionNow(desk)), leader };
}

interface Leading {
  readonly key: Bytes;
  readonly lease: LeaseId;
  readonly since: Revision;
}

/** The revision with which it was said; `NOT_LEADER` when the key is another one's by now. */
async function say(
  { registry }: Desk,
  account: Account,
  { key, lease, since }: Leading,
  value: Bytes,
): Promise<Revision | Status> {
  const said = await registry.propose(account, {
    kind: "when",
    guards: [{ on: "create", key, is: "=", than: since }],
    then: [{ kind: "put", key, value, lease }],
    otherwise: [{ kind: "refuse", refusal: "conflict", detail: "election: not leader" }],
  });
  if (said.ok) return said.value.revision;
  return said.refusal === "conflict" ? NOT_LEADER : toStatus(said);
}

function leadingOf({ key, rev, lease }: LeaderKey): Leading {
  return { key: fromBuffer(key), since: Number(rev), lease: toLease(lease) };
}

export async function proclaim(desk: Desk, call: Call, { leader, value }: ProclaimRequest) {
  const account = await admit(desk, call, "writer");
  if (account instanceof Status) return account;
  if (leader === undefined) return NO_KEY;
  const revision = await say(desk, account, leadingOf(leader), fromBuffer(value));
  return revision instanceof Status ? revision : { header: headOf(desk, revision) };
}

export async function resign(desk: Desk, call: Call, { leader }: ResignRequest) {
  const account = await admit(desk, call, "writer");
  if (account instanceof Status) return account;
  if (leader === undefined) return NO_KEY;
  const { key, since } = leadingOf(leader);
  const gone = await giveUp(desk.registry, account, key, since);
  return gone.ok ? { header: headOf(desk, gone.value.revision) } : toStatus(gone);
}

export async function leader(desk: Desk, call: Call, { name }: LeaderRequest) {
  const account = await admit(desk, call, "reader");
  if (account instanceof Status) return account;
  const { registry } = desk;
  const current = await registry.latest(call.signal);
  if (!current.ok) return toStatus(current);
  const first = findFirst(registry, account, rangeOf(fromBuffer(name)));
  if (first === undefined) return NO_LEADER;
  return { header: headOf(desk, revisionNow(desk)), kv: toKeyValue(first) };
}
