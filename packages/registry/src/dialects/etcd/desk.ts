/** What handlers share: the registry, who is asking, and the head of answers. */
import type { Logger } from "pino";
import {
  type Access,
  type Account,
  type Clock,
  type Nodes,
  type Outcome,
  type Principal,
  type Refused,
  type Registry,
  type Role,
  refuse,
} from "../../core/index.ts";
import type { Answers, Call, Talk } from "../../net/grpc/method.ts";
import { Status } from "../../net/grpc/status.ts";
import type { Visits } from "../../net/routes/visits.ts";
import type { Metrics, NodeStatus } from "../contract.ts";
import { ERRORS } from "./refusals.ts";
import type { Settings } from "./settings.ts";
import { type Header, type Identity, TERM } from "./wire/header.ts";
import type { WatchAsked } from "./wire/watch.ts";

/** As the original says it of itself: clients choose by it what they may ask for. Nothing else may stand in it. */
export const VERSION = { etcdserver: "3.5.21", etcdcluster: "3.5.0" } as const;

export interface Desk {
  readonly registry: Registry;
  readonly nodes: Nodes;
  readonly access: Access;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly status: NodeStatus;
  readonly settings: Settings;
  /** No other node has anything that is not here. */
  readonly isAlone: boolean;
  readonly identity: Identity;
  /** Streams that stay open. */
  readonly lasting: Visits<Call>;
  readonly watches: Watches;
  readonly addresses: Addresses;
  /** The member's number that a node of this name has. */
  memberId(node: string): bigint;
}

/** All streams of watches. */
export interface Watches {
  open(call: Call, answers: Answers<Buffer>): Talk<WatchAsked>;
}

/** Where clients reach the nodes. */
export interface Addresses {
  /** This node's own. */
  readonly urls: readonly string[];
  /** Undefined where they are not known yet. */
  of(node: string): readonly string[] | undefined;
  /** Has the others say theirs. */
  ask(): void;
}

/** For answers that are written by hand. */
export function headerOf({ identity }: Desk, revision: number): Header {
  return { identity, revision };
}

/** For answers that the runtime writes. */
export function headOf({ identity }: Desk, revision: number) {
  return { ...identity, revision: BigInt(revision), raftTerm: BigInt(TERM) };
}

/** The same, of what is so now. */
export function headNow(desk: Desk) {
  return headOf(desk, revisionNow(desk));
}

export function revisionNow({ registry }: Pick<Desk, "registry">): number {
  return registry.read((view) => view.revision);
}

/** The history of the account's keys before this is gone. */
export function floorOf({ registry }: Desk, account: Account): number {
  return Math.max(
    registry.floor,
    registry.read((view) => view.account(account)?.keysFloor ?? 0),
  );
}

type Answered<A> = A | Status | Promise<A | Status>;

/** Does the work in the account of who asks, if that one may act in this role; at once where nobody need be asked. */
export function within<A>(desk: Desk, call: Call, need: Role, work: (account: Account) => Answered<A>): Answered<A> {
  const admitted = admit(desk, call, need);
  if (admitted instanceof Promise)
    return admitted.then((account) => (account instanceof Status ? account : work(account)));
  return admitted instanceof Status ? admitted : work(admitted);
}

/** What it takes to let somebody in. */
export type Doorway = Pick<Desk, "access" | "settings">;

/** The account that a call is about; noted in the call for the log of requests. */
export function admit(desk: Doorway, call: Call, need: Role): Account | Status | Promise<Account | Status> {
  const { access } = desk;
  const token = call.metadata("token") || undefined;
  const found = access.authenticate(token);
  if (found.ok || token === undefined) return enter(desk, call, need, found, token);
  // It may have been made at another node a moment ago.
  return access.catchUp().then(() => enter(desk, call, need, access.authenticate(token), token));
}

/** Why a call that was let in would not be again; undefined when it would. One that was not yet is judged when it is. */
export function findRevoked(desk: Doorway, call: Call): Refused | undefined {
  if ((call.account ?? "") === "") return undefined;
  const token = call.metadata("token") || undefined;
  const judged = judge(desk, call, "reader", desk.access.authenticate(token), token);
  return judged instanceof Status ? refuse("forbidden", judged.message) : undefined;
}

function enter(
  desk: Doorway,
  call: Call,
  need: Role,
  found: Outcome<Principal>,
  token: string | undefined,
): Account | Status {
  const account = judge(desk, call, need, found, token);
  if (account instanceof Status) return account;
  return desk.access.admit(account).ok ? account : ERRORS.tooManyRequests;
}

function judge(
  { access, settings }: Doorway,
  call: Call,
  need: Role,
  found: Outcome<Principal>,
  token: string | undefined,
): Account | Status {
  // What etcd says where it knows users, and no token is shown.
  if (!found.ok && token === undefined) return ERRORS.userEmpty;
  // A token means nothing to etcd while everybody may do everything.
  const who = found.ok || !access.open ? found : access.authenticate(undefined);
  if (!who.ok) return ERRORS.invalidToken;
  const account = who.value.account ?? settings.account;
  if (!access.allow(who.value, account, need).ok) return ERRORS.permissionDenied;
  call.account = account;
  call.who = who.value.name;
  return account;
}
