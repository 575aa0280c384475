/** Who asks, and for which account. */
import { createHash, timingSafeEqual } from "node:crypto";
import {
  type Access,
  type Account,
  type Outcome,
  type Principal,
  type Refused,
  type Role,
  refuse,
} from "../../core/index.ts";
import type { Request } from "../../net/http/request.ts";
import type { Settings } from "./settings.ts";

export type Admission =
  | { readonly kind: "admitted"; readonly account: Account }
  | { readonly kind: "unknown" }
  | { readonly kind: "refused"; readonly refused: Refused };

const UNKNOWN: Admission = { kind: "unknown" };

/** The header is the secret itself, or a token of the registry (with or without "Bearer"). */
export function admit(access: Access, settings: Settings, request: Request, need: Role): Admission {
  const { secret, account } = settings;
  if (secret !== undefined && isSame(request.header("authorization") ?? "", secret))
    return admitted(access, account, request);
  const principal = identify(access, request.token, secret === undefined);
  if (!principal.ok) return UNKNOWN;
  const own = principal.value.account ?? account;
  const allowed = access.allow(principal.value, own, need);
  return allowed.ok ? admitted(access, own, request) : { kind: "refused", refused: allowed };
}

/**
 * Where no secret is set the original does not look at the header at all: in open mode one that means nothing to us
 * is as good as none. Where one is set, nobody comes in without it, or a token.
 */
function identify(access: Access, token: string | undefined, mayBeAnyone: boolean): Outcome<Principal> {
  if (token === undefined && !mayBeAnyone) return refuse("forbidden", "no secret");
  const known = access.authenticate(token);
  if (known.ok || !access.open || !mayBeAnyone) return known;
  return access.authenticate(undefined);
}

/** Heartbeats are counted, but never refused for their number: services would be lost. */
function admitted(access: Access, account: Account, request: Request): Admission {
  const room = access.admit(account);
  return room.ok || request.method === "PATCH" ? { kind: "admitted", account } : { kind: "refused", refused: room };
}

/** In a time that does not depend on where they differ. */
function isSame(given: string, secret: string): boolean {
  const [a, b] = [given, secret].map((text) => createHash("sha256").update(text, "utf8").digest());
  return timingSafeEqual(a as Buffer, b as Buffer);
}
