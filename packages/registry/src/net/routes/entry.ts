/** Who may act on which account. */
import type { Access, Account, Principal, Role } from "../../core/index.ts";
import { type Outcome, ok } from "../../outcome.ts";

/**
 * Lets a principal into an account, and counts the request. `isBeat`: heartbeats are counted, but never refused for
 * their number, as clients would then let go what they keep alive.
 */
export function enter(
  access: Access,
  principal: Principal,
  account: Account,
  need: Role,
  isBeat = false,
): Outcome<Account> {
  const allowed = access.allow(principal, account, need);
  if (!allowed.ok) return allowed;
  const admitted = access.admit(account);
  return admitted.ok || isBeat ? ok(account) : admitted;
}
