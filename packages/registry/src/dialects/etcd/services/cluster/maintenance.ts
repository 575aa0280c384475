/** @live What operators ask a member. What has no counterpart here is refused by a sentence that says what to do instead. */
import type { Account, Revision } from "../../../../core/index.ts";
import type { Call } from "../../../../net/grpc/method.ts";
import { CODES, Status } from "../../../../net/grpc/status.ts";
import { type Desk, headNow, headOf, revisionNow, VERSION, within } from "../../desk.ts";

import type { AlarmRequest, AlarmType, DowngradeRequest, HashKVRequest } from "../../proto/generated/rpc.ts";
import { ERRORS } from "../../refusals.ts";
import { TERM } from "../../wire/header.ts";
import { floorOf } from "../watch/begin.ts";
import { readPast } from "../watch/past.ts";
import { Hash } from "./hash.ts";
import { leaderOf } from "./members.ts";

export function status(desk: Desk, call: Call) {
  return within(desk, call, "reader", () => {
    const { registry, status } = desk;
    const [revision, bytes] = registry.read((view) => [view.revision, view.bytes] as never as [Revision, number]);
    return {
      header: headNow(desk),
      version: VERSION.etcdserver,
      // What keys, instances and leases take: the store's files hold history besides.
      dbSize: BigInt(bytes),
      dbSizeInUse: BigInt(bytes),
      dbSizeQuota: BigInt(status.bytesMax()),
      leader: leaderOf(desk),
      raftIndex: BigInt(revision),
      raftAppliedIndex: BigInt(revision),
      raftTerm: BigInt(TERM),
      storageVersion: "3.4.0",
      errors: [status.refusing(), status.lagging()].filter((error) => error !== null),
    };
  });
}

const GET = 0;
const ACTIVATE = 1;
const NOSPACE: AlarmType = 1;

const NO_SUCH_ALARM = new Status(
  CODES.failedPrecondition,
  "etcdserver: not capable: alarms of Rollcall come and go with their reasons",
);

/** There is one alarm: that the store takes no writes. */
export function alarm(desk: Desk, call: Call, { action }: AlarmRequest) {
  return within(desk, call, action === GET ? "reader" : "admin", () => {
    if (action === ACTIVATE) return NO_SUCH_ALARM;
    const { status, identity } = desk;
    const alarms = status.refusing() === null ? [] : [{ memberID: identity.memberId, alarm: NOSPACE }];
    return { header: headNow(desk), alarms };
  });
}

/** Nothing is to be done: the store gives room back by itself. */
export function defragment(desk: Desk, call: Call) {
  return within(desk, call, "admin", () => {
    desk.log.info(
      "defragmenting was asked for: there is nothing to do, as the store uses its free room again by itself",
    );
    return { header: headNow(desk) };
  });
}

const UNREADABLE = new Status(CODES.unavailable, "etcdserver: the keys of this revision cannot be read now; try again");

async function hashAt({ registry }: Desk, account: Account, revision: Revision): Promise<number | undefined> {
  const hash = new Hash();
  // Those that dialects keep for themselves are not the same for all.
  const isWhole = await readPast(registry, account, { from: "\x01", to: "" }, revision, (record) => hash.add(record));
  return isWhole ? hash.value : undefined;
}

/** Of the keys as they are. */
export function hash(desk: Desk, call: Call) {
  return within(desk, call, "reader", async (account) => {
    const revision = revisionNow(desk);
    const value = await hashAt(desk, account, revision);
    return value === undefined ? UNREADABLE : { header: headOf(desk, revision), hash: value };
  });
}

/** Of the keys as they were at a revision: the same at all nodes. */
export function hashKv(desk: Desk, call: Call, { revision }: HashKVRequest) {
  return within(desk, call, "reader", async (account) => {
    const now = revisionNow(desk);
    const floor = floorOf(desk.registry, account);
    const wanted = revision === 0n ? now : Number(revision);
    if (wanted > now) return ERRORS.future;
    if (wanted < floor) return ERRORS.compacted;
    const value = await hashAt(desk, account, wanted);
    if (value === undefined) return UNREADABLE;
    return {
      header: headOf(desk, now),
      hash: value,
      compactRevision: BigInt(floor),
      hashRevision: BigInt(wanted),
    };
  });
}

const NO_SNAPSHOT = new Status(
  CODES.unimplemented,
  "etcdserver: not capable: what Rollcall keeps is no database of etcd; `rollcall backup` takes a copy of it",
);

export function snapshot(desk: Desk, call: Call) {
  return within(desk, call, "admin", () => NO_SNAPSHOT);
}

const NO_MOVE = new Status(
  CODES.failedPrecondition,
  "etcdserver: not capable: nodes of Rollcall agree by themselves on who decides",
);

export function moveLeader(desk: Desk, call: Call) {
  return within(desk, call, "admin", () => NO_MOVE);
}

const CANCEL = 2;
const FORMAT = /^[0-9]+\.[0-9]+(\.[0-9]+)?$/;
const NO_FORMAT = new Status(CODES.invalidArgument, "etcdserver: wrong downgrade target version format");
const NO_TARGET = new Status(CODES.invalidArgument, "etcdserver: invalid downgrade target version");
const NO_JOB = new Status(CODES.failedPrecondition, "etcdserver: no inflight downgrade job");

/** There is no version of etcd to go back to. */
export function downgrade(desk: Desk, call: Call, { action, version }: DowngradeRequest) {
  return within(desk, call, "admin", () => {
    if (action === CANCEL) return NO_JOB;
    return FORMAT.test(version) ? NO_TARGET : NO_FORMAT;
  });
}
