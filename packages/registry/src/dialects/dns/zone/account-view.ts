/** Views of an account that look at its services in another way. */
import type { AccountView } from "../../../core/index.ts";

/** Everything of an account but how its services and instances are found. */
export function fieldsOf(account: AccountView): Omit<AccountView, "services" | "service" | "instances"> {
  return {
    name: account.name,
    revision: account.revision,
    catalogRevision: account.catalogRevision,
    keysRevision: account.keysRevision,
    createdAtMs: account.createdAtMs,
    counts: account.counts,
    leases: () => account.leases(),
    lease: (id) => account.lease(id),
    entry: (key) => account.entry(key),
    entries: (from, to) => account.entries(from, to),
  };
}
