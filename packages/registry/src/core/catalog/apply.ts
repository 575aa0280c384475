import { type Change, type Commit, leaverOf, subjectOf } from "../types.ts";
import type { Restored } from "./restored.ts";
import type { AccountState, Catalog } from "./state.ts";

/**
 * Folds one commit into the view. Changes are absolute: applying a commit again, or over a newer state that later
 * commits will set right, ends in the same view. Recovery relies on it.
 */
export function apply(catalog: Catalog, commit: Commit): void {
  const account = catalog.openAccount(commit.account, commit.atMs);
  const bytesBefore = account.counts.bytes;
  for (const change of commit.changes) applyChange(account, change, commit);
  catalog.bytes += account.counts.bytes - bytesBefore;
  if (commit.revision > account.revision) account.revision = commit.revision;
  if (commit.revision > catalog.revision) catalog.revision = commit.revision;
}

function applyChange(account: AccountState, change: Change, { revision, atMs }: Commit): void {
  switch (change.kind) {
    case "instance": {
      const { after } = change;
      const leaver = leaverOf(change);
      if (leaver !== null) {
        account.touchService(leaver.service, revision).note(leaver.id, null, atMs);
        account.setInstance(leaver.service, leaver.id, null, revision);
      }
      if (after !== null) {
        account.touchService(after.service, revision).note(after.id, after, atMs);
        account.setInstance(after.service, after.id, after, revision);
      }
      if (revision > account.catalogRevision) account.catalogRevision = revision;
      break;
    }
    case "lease":
      account.setLease(subjectOf(change).id, change.after);
      break;
    case "key":
      account.setKey(subjectOf(change).key, change.after, revision);
      if (revision > account.keysRevision) account.keysRevision = revision;
      break;
  }
}

/** Fills an empty catalog with stored rows. Leases come first, so that members find theirs. */
export function restore(catalog: Catalog, stored: Restored): void {
  const rows = [...stored.accounts];
  for (const row of rows) {
    const account = catalog.openAccount(row.name, row.createdAtMs);
    account.revision = row.revision;
    account.catalogRevision = row.catalogRevision;
    account.keysRevision = row.keysRevision;
    for (const { name, revision, changedAtMs, lostAtMs } of row.services)
      Object.assign(account.touchService(name, revision), { changedAtMs, lostAtMs });
  }
  for (const [name, lease] of stored.leases) catalog.openAccount(name, lease.grantedAtMs).setLease(lease.id, lease);
  for (const [name, record] of stored.instances) {
    const account = catalog.openAccount(name, record.createdAtMs);
    account.setInstance(record.service, record.id, record, record.modRevision);
  }
  for (const [name, record] of stored.keys)
    catalog.openAccount(name, record.stampMs).setKey(record.key, record, record.modRevision);
  // Which directories are empty shows when all keys are there.
  for (const { name, keysRevision, forgottenDirectories, directoriesSince, directories } of rows) {
    const all = { name: "", revision: keysRevision, children: 0 };
    catalog
      .account(name)
      ?.restoreDirectories({ forgotten: forgottenDirectories, since: directoriesSince }, [all, ...directories]);
  }
  for (const { counts } of catalog.accounts()) catalog.bytes += counts.bytes;
  catalog.revision = stored.revision;
}
