/** @live What handlers share: the registry, and who is let in. */
import {
  type Access,
  type Account,
  type Clock,
  type Outcome,
  ok,
  type Principal,
  type Refused,
  type Registry,
  type Role,
} from "../../core/index.ts";
import type { Surroundings } from "../../native/wire/commits.ts";
import type { Call } from "../../net/grpc/method.ts";
import { Status } from "../../net/grpc/status.ts";
import { tokenIn } from "../../net/http/request.ts";
import { authorOf, enter } from "../../net/routes/entry.ts";
import type { Mark } from "../../net/routes/position.ts";
import type { Visits } from "../../net/routes/visits.ts";
import type { House } from "../contract.ts";
import { toStatus, toUnauthenticated } from "./refusals.ts";
import type { Settings } from "./settings.ts";

export interface Desk {
  readonly house: House;
  readonly registry: Registry;
  readonly access: Access;
  readonly clock: Clock;
  readonly settings: Settings;
  /** Of the order that revisions count in. */
  readonly mark: Mark;
  readonly around: Surroundings;
  /** Streams that stay open. */
  readonly lasting: Visits<Guest>;
  /** Counts those that follow the registry. */
  watchers(delta: number): void;
}

/** Who is in a stream, and as what. */
export interface Guest {
  readonly call: Call;
  /** As the request says it; empty for the token's own. */
  readonly account: string;
  readonly need: Role;
  /** Where none came with the call itself. */
  readonly token?: string;
  /** Noted once it is let in. */
  principal?: Principal;
}

/** What it takes to let somebody in. */
export type Doorway = Pick<Desk, "access" | "settings">;

type Answered<A> = A | Status | Promise<A | Status>;

/** Who asks for a change, and so signs it. */
export interface Asker extends Pick<Registry, "propose"> {
  readonly principal: Principal;
}

/** Does the work in the account, if who asks may act there in this role; at once where nobody need be asked. */
export function within<A>(
  desk: Desk,
  guest: Guest,
  work: (account: Account, asker: Asker) => Answered<A>,
): Answered<A> {
  const admitted = admit(desk, guest);
  const enter = (account: Account | Status): Answered<A> =>
    account instanceof Status ? account : work(account, askerOf(desk, guest));
  return admitted instanceof Promise ? admitted.then(enter) : enter(admitted);
}

function askerOf({ registry }: Desk, { call, principal }: Guest): Asker {
  if (principal === undefined) throw new Error("who asks was not let in");
  const by = authorOf(principal, "grpc", call.peer);
  return {
    principal,
    propose: (account, command, signal) => registry.propose(account, { kind: "signed", by, command }, signal),
  };
}

/** The account that a call is about; noted in the call for the log of requests. */
export function admit(desk: Doorway, guest: Guest, isBeat = false): Account | Status | Promise<Account | Status> {
  const token = tokenOf(guest);
  if (!token.ok) return toStatus(token);
  const found = desk.access.authenticate(token.value);
  if (found.ok || token.value === undefined) return toAnswer(letIn(desk, guest, isBeat));
  // It may have been made at another node a moment ago.
  return desk.access.catchUp().then(() => toAnswer(letIn(desk, guest, isBeat)));
}

/** Why this one would not be let in again; undefined when it would. */
export function findRevoked(desk: Pick<Doorway, "access">, guest: Guest): Refused | undefined {
  const token = tokenOf(guest);
  const who = token.ok ? desk.access.authenticate(token.value) : token;
  if (!who.ok) return who;
  const allowed = desk.access.allow(who.value, guest.call.account ?? "", guest.need);
  return allowed.ok ? undefined : allowed;
}

function tokenOf({ call, token }: Guest): Outcome<string | undefined> {
  const found = tokenIn(call.metadata("authorization"), call.metadata("x-auth-token"));
  return found.ok && found.value === undefined ? ok(token) : found;
}

/** A refusal that only says that nobody known asks. */
interface Unknown extends Refused {
  readonly isUnknown?: true;
}

function letIn({ access, settings }: Doorway, guest: Guest, isBeat: boolean): Outcome<Account, Unknown> {
  const token = tokenOf(guest);
  if (!token.ok) return token;
  const who = access.authenticate(token.value);
  if (!who.ok) return { ...who, isUnknown: true };
  const account = access.resolve(guest.account || who.value.account || settings.account);
  if (!account.ok) return account;
  const entered = enter(access, who.value, account.value, guest.need, isBeat);
  if (!entered.ok) return entered;
  guest.call.account = account.value;
  guest.call.who = who.value.name;
  guest.principal = who.value;
  return ok(account.value);
}

function toAnswer(entered: Outcome<Account, Unknown>): Account | Status {
  if (entered.ok) return entered.value;
  return entered.isUnknown ? toUnauthenticated(entered) : toStatus(entered);
}
