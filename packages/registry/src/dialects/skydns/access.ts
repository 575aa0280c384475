/** Who asks, and for which account. */
import { createHash, timingSafeEqual } from "node:crypto";
import { type Account, type Outcome, ok, type Principal, refuse } from "../../core/index.ts";
import type { Request } from "../../net/http/request.ts";
import type { Answer } from "../../net/routes/answer.ts";
import { enter } from "../../net/routes/entry.ts";
import type { Desk } from "./desk.ts";
import { toAnswer } from "./refusals.ts";
import { line } from "./wire/answer.ts";

/** Heartbeats, which are PATCHes, are never refused for their number: services would be lost. */
export function admit(desk: Desk, request: Request): Outcome<Account, { readonly answer: Answer }> {
  const { token } = request;
  if (!token.ok) return { ok: false, answer: toAnswer(token) };
  const principal = identify(desk, request.header("authorization"), token.value);
  if (!principal.ok) return { ok: false, answer: line(401, "Unauthorized") };
  const account = principal.value.account ?? desk.settings.account;
  request.account = account;
  request.who = principal.value.name;
  const { method } = request;
  const entered = enter(
    desk.access,
    principal.value,
    account,
    method === "GET" ? "reader" : "writer",
    method === "PATCH",
  );
  return entered.ok ? entered : { ok: false, answer: toAnswer(entered) };
}

/**
 * The header is the secret itself, or a token of the registry (with or without "Bearer"). Where no secret is set the
 * original does not look at the header at all: in open mode an unknown one is as good as none. Where one is set, nobody
 * comes in without it, or a token.
 */
function identify(
  { access, settings }: Desk,
  authorization: string | undefined,
  token: string | undefined,
): Outcome<Principal> {
  const { secret, account } = settings;
  if (secret !== undefined) {
    if (isSame(authorization ?? "", secret)) return ok({ account, role: "writer", name: "secret" });
    return token === undefined ? refuse("forbidden", "no secret") : access.authenticate(token);
  }
  const known = access.authenticate(token);
  return known.ok || !access.open ? known : access.authenticate(undefined);
}

/** In a time that does not depend on where they differ. */
function isSame(given: string, secret: string): boolean {
  const [a, b] = [given, secret].map((text) => createHash("sha256").update(text, "utf8").digest());
  return timingSafeEqual(a as Buffer, b as Buffer);
}
