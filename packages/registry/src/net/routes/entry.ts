/** Who may act on which account, and who that is. */
import type { Access, Account, Author, Principal, Role } from "../../core/index.ts";
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

/** Those of one principal, by dialect and address. */
class Authors {
  latest: Author | undefined;
  readonly all = new Map<string, Author>();
}

/** One object for each that asks: commits that are stored together tell it once. */
const authors = new WeakMap<Principal, Authors>();
/** Addresses of one principal. */
const ADDRESSES_MAX = 1024;

export function authorOf(principal: Principal, dialect: string, address: string): Author {
  let known = authors.get(principal);
  if (known === undefined || known.all.size >= ADDRESSES_MAX) {
    known = new Authors();
    authors.set(principal, known);
  }
  const { latest } = known;
  if (latest?.address === address && latest.dialect === dialect) return latest;
  known.latest = findAuthor(known.all, principal, dialect, address);
  return known.latest;
}

function findAuthor(all: Map<string, Author>, { id, name }: Principal, dialect: string, address: string): Author {
  const key = `${dialect} ${address}`;
  const before = all.get(key);
  if (before !== undefined) return before;
  const author: Author = { token: id === undefined ? null : { id, name }, dialect, address };
  all.set(key, author);
  return author;
}
