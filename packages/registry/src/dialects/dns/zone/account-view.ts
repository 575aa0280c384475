/** Views of an account that find its services in another way. */
import type { AccountView } from "../../../core/index.ts";

/** The fields of an account without those that find services and instances. */
export function fieldsOf(account: AccountView): Omit<AccountView, "services" | "service" | "instances"> {
  return {
    name: account.name,
    revision: account.revision,
    catalogRevision: account.catalogRevision,
    keysRevision: account.keysRevision,
    keysFloor: account.keysFloor,
    createdAtMs: account.createdAtMs,
    counts: account.counts,
    statuses: account.statuses,
    leases: () => account.leases(),
    lease: (id) => account.lease(id),
    entry: (key) => account.entry(key),
    entries: (from, to) => account.entries(from, to),
    under: (prefix) => account.under(prefix),
    directories: account.directories,
  };
}
