/** @live The verbs, by their numbers, and the way of a request: who asks, and what is done. */
import { fromBytes, type Outcome, ok } from "../../core/index.ts";
import { enter } from "../../net/routes/entry.ts";
import type { Desk, Handle, Session } from "./desk.ts";
import { DENIED, toResponse } from "./refusals.ts";
import { wait } from "./requests/events.ts";
import { get, getdir, rev, self, stat, walk } from "./requests/reads.ts";
import { del, nop, set } from "./requests/writes.ts";
import type { Request, Response } from "./wire/message.ts";

interface Verb {
  readonly name: string;
  /** None: everybody may. */
  readonly need?: "reader" | "writer";
  readonly handle: Handle;
}

const access: Handle = (desk, { request, session }) => {
  const secret = fromBytes(request.value);
  const known = desk.access.authenticate(secret === "" ? undefined : secret);
  if (!known.ok) return DENIED;
  if (secret !== "") session.token = secret;
  return {};
};

const VERBS: ReadonlyMap<number, Verb> = new Map([
  [1, { name: "GET", need: "reader", handle: get }],
  [2, { name: "SET", need: "writer", handle: set }],
  [3, { name: "DEL", need: "writer", handle: del }],
  [5, { name: "REV", handle: rev }],
  [6, { name: "WAIT", need: "reader", handle: wait }],
  [7, { name: "NOP", need: "writer", handle: nop }],
  [9, { name: "WALK", need: "reader", handle: walk }],
  [14, { name: "GETDIR", need: "reader", handle: getdir }],
  [16, { name: "STAT", need: "reader", handle: stat }],
  [20, { name: "SELF", handle: self }],
  [99, { name: "ACCESS", handle: access }],
]);

/** For the log of requests. */
export function nameOf({ verb }: Request): string {
  return VERBS.get(verb)?.name ?? `VERB${verb}`;
}

/** Whether the answer may be a long time in coming, with nothing to do for it. */
export function isPatient({ verb, rev: at }: Request): boolean {
  return nameOf({ verb } as Request) === "WAIT" || (at !== undefined && VERBS.get(verb)?.need === "reader");
}

export function answer(desk: Desk, request: Request, session: Session): Response | Promise<Response> {
  const verb = VERBS.get(request.verb);
  if (verb === undefined) return { error: "UNKNOWN_VERB" };
  const account = verb.need === undefined ? ok(desk.settings.account) : admit(desk, session, verb.need);
  if (!account.ok) return toResponse(account);
  return verb.handle(desk, { request, account: account.value, session });
}

/** A secret is looked at with each request: it may be worth nothing any more. */
function admit(desk: Desk, { token }: Session, need: "reader" | "writer"): Outcome<string> {
  const principal = desk.access.authenticate(token);
  if (!principal.ok) return principal;
  return enter(desk.access, principal.value, principal.value.account ?? desk.settings.account, need);
}
