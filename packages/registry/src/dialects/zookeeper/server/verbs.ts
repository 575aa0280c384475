/** @live The requests by their numbers, and the way of each: who asks, and what is done. */
import { type Outcome, ok, type Role, refuse } from "../../../core/index.ts";
import { enter } from "../../../net/routes/entry.ts";
import type { Answer, Desk, Guest, Handle } from "../desk.ts";
import { toCode } from "../refusals.ts";
import { fail } from "../requests/answers.ts";
import { authenticate, reconfig, sasl, sync, whoAmI } from "../requests/identity.ts";
import { countAll, exists, getAcl, getChildren, getData, getEphemerals, multiRead } from "../requests/reads.ts";
import { addWatch, removeWatches, setWatches } from "../requests/watches.ts";
import { closeSession, multi, write } from "../requests/writes.ts";
import type { Realm } from "../sessions/realm.ts";
import { ERRORS, OPS } from "../wire/codes.ts";
import type { Reader } from "../wire/jute.ts";

interface Verb {
  readonly need: Role;
  /** read: sees what the requests before it did. write: many may be under way. alone: nothing is, beside it. */
  readonly way: "read" | "write" | "alone";
  readonly handle: Handle;
}

const READ = { need: "reader", way: "read" } as const;
const WRITE = { need: "writer", way: "write", handle: write } as const;

const VERBS: ReadonlyMap<number, Verb> = new Map<number, Verb>([
  [OPS.create, WRITE],
  [OPS.create2, WRITE],
  [OPS.createContainer, WRITE],
  [OPS.createTTL, WRITE],
  [OPS.delete, WRITE],
  [OPS.deleteContainer, WRITE],
  [OPS.setData, WRITE],
  [OPS.setACL, WRITE],
  [OPS.multi, { ...WRITE, handle: multi }],
  [OPS.exists, { ...READ, handle: exists }],
  [OPS.getData, { ...READ, handle: getData }],
  [OPS.getChildren, { ...READ, handle: getChildren }],
  [OPS.getChildren2, { ...READ, handle: getChildren }],
  [OPS.getACL, { ...READ, handle: getAcl }],
  [OPS.getAllChildrenNumber, { ...READ, handle: countAll }],
  [OPS.getEphemerals, { ...READ, handle: getEphemerals }],
  [OPS.multiRead, { ...READ, handle: multiRead }],
  [OPS.addWatch, { ...READ, handle: addWatch }],
  [OPS.checkWatches, { ...READ, handle: removeWatches }],
  [OPS.removeWatches, { ...READ, handle: removeWatches }],
  [OPS.setWatches, { ...READ, handle: setWatches }],
  [OPS.setWatches2, { ...READ, handle: setWatches }],
  [OPS.sync, { need: "reader", way: "alone", handle: sync }],
  [OPS.sasl, { ...READ, handle: sasl }],
  [OPS.whoAmI, { ...READ, handle: whoAmI }],
  [OPS.reconfig, { ...READ, handle: reconfig }],
  [OPS.closeSession, { need: "reader", way: "alone", handle: closeSession }],
]);

/** A request as its frame says it. */
export interface Asked {
  readonly xid: number;
  readonly type: number;
  readonly reader: Reader;
  /** Of its frame. */
  readonly bytes: number;
}

/** The zxid of answers that no state stands behind. */
const NO_ZXID = -1;

export function wayOf(type: number): Verb["way"] {
  return type === OPS.auth ? "alone" : (VERBS.get(type)?.way ?? "read");
}

export function answer(desk: Desk, guest: Guest, { type, reader }: Asked): Answer | Promise<Answer> {
  if (type === OPS.auth) return authenticate(desk, guest, reader);
  const verb = VERBS.get(type);
  if (verb === undefined) return { error: ERRORS.unimplemented, zxid: NO_ZXID, ...(type === OPS.check ? {} : LAST) };
  const { realm } = guest;
  if (realm === undefined) return nowhere(type);
  const allowed = admit(desk, guest, realm, verb.need);
  if (!allowed.ok) return allowed.refusal === "limit" ? fail(ERRORS.throttledOp) : fail(toCode(allowed));
  return verb.handle(desk, { guest, realm, account: realm.account, type, reader });
}

const LAST = { isLast: true } as const;

/** A connection that was not let into an account has no session that could be closed, and may do nothing else. */
function nowhere(type: number): Answer {
  return type === OPS.closeSession ? { error: ERRORS.ok, ...LAST } : fail(ERRORS.noAuth);
}

/** A token is looked at with each request: it may be worth nothing any more. */
export function admit(
  { access }: Pick<Desk, "access">,
  guest: Pick<Guest, "token">,
  { account }: Pick<Realm, "account">,
  need: Role,
): Outcome<string> {
  const principal = access.authenticate(guest.token);
  if (!principal.ok) return refuse("forbidden", principal.detail);
  const entered = enter(access, principal.value, account, need);
  return entered.ok ? ok(account) : entered;
}
