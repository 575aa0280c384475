/** Who asks, and for which account. */
import { type Account, type Outcome, ok, type Principal, type Role } from "../../../core/index.ts";
import type { Query } from "../../../net/http/query.ts";
import type { Request } from "../../../net/http/request.ts";
import type { Answer } from "../../../net/routes/answer.ts";
import { enter } from "../../../net/routes/entry.ts";
import type { Desk } from "../desk.ts";
import { DENIED, toAnswer } from "../refusals.ts";
import { text } from "../wire/answer.ts";

/** Somebody who was let in. */
export interface Admitted {
  readonly principal: Principal;
  readonly account: Account;
  readonly token: string | undefined;
}

type Turned = { readonly answer: Answer };

/** In the query it goes before the header of Consul, and that before `Authorization`. An empty one is none. */
export function tokenOf(request: Request, query: Query): Outcome<string | undefined> {
  const given = query.get("token") || request.header("x-consul-token");
  if (given !== undefined && given !== "") return ok(given);
  return request.token.ok && request.token.value === "" ? ok(undefined) : request.token;
}

/** `isBeat`: heartbeats are counted, but never refused for their number. */
export function admit(
  { access, settings }: Pick<Desk, "access" | "settings">,
  request: Request,
  query: Query,
  need: Role,
  isBeat: boolean,
): Outcome<Admitted, Turned> {
  const token = tokenOf(request, query);
  if (!token.ok) return { ok: false, answer: toAnswer(token) };
  const principal = identify(access, token.value);
  if (!principal.ok) return { ok: false, answer: text(403, token.value === undefined ? DENIED : "ACL not found") };
  const account = principal.value.account ?? settings.account;
  request.account = account;
  request.who = principal.value.name;
  const entered = enter(access, principal.value, account, need, isBeat);
  if (!entered.ok) return { ok: false, answer: toAnswer(entered) };
  return ok({ principal: principal.value, account, token: token.value });
}

/** With ACLs off the original does not look at tokens: in open mode one that nobody knows is as good as none. */
export function identify(access: Desk["access"], token: string | undefined): Outcome<Principal> {
  const known = access.authenticate(token);
  return known.ok || !access.open ? known : access.authenticate(undefined);
}
