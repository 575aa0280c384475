/** What makes one catalog of another: for a node that was away for so long that the commits in between are gone. */
import type { Account, Change } from "../types.ts";
import { AccountState, type Catalog } from "./state.ts";

/** By account; leases first, so that members find theirs. Accounts stay, though there may be nothing in them. */
export function* changesBetween(before: Catalog, after: Catalog): Iterable<readonly [Account, readonly Change[]]> {
  for (const name of new Set([...before.accountStates.keys(), ...after.accountStates.keys()])) {
    const [old, next] = [before, after].map((catalog) => catalog.account(name) ?? new AccountState(name, 0));
    const changes = old && next ? [...changesOf(old, next)] : [];
    if (changes.length > 0) yield [name, changes];
  }
}

function* changesOf(old: AccountState, next: AccountState): Iterable<Change> {
  for (const [before, after] of differing(old.leases(), next.leases(), ({ id }) => id))
    yield { kind: "lease", cause: after === null ? "closed" : "updated", before, after, silence: null };
  const nameOf = ({ service, id }: { service: string; id: string }): string => `${service}\0${id}`;
  for (const [before, after] of differing(old.instances(), next.instances(), nameOf))
    yield { kind: "instance", cause: after === null ? "deregistered" : "updated", before, after };
  for (const [before, after] of differing(old.entries("", ""), next.entries("", ""), ({ key }) => key))
    yield { kind: "key", cause: after === null ? "deleted" : "put", before, after };
}

/** Records that are in one of both only, or were changed. */
function* differing<R extends { readonly modRevision: number }>(
  old: Iterable<R>,
  next: Iterable<R>,
  nameOf: (record: R) => string,
): Iterable<readonly [R | null, R | null]> {
  const rest = new Map<string, R>();
  for (const record of old) rest.set(nameOf(record), record);
  for (const record of next) {
    const name = nameOf(record);
    const before = rest.get(name) ?? null;
    rest.delete(name);
    if (before?.modRevision !== record.modRevision) yield [before, record];
  }
  for (const record of rest.values()) yield [record, null];
}
