/**
 * What the catalog was: the state rows, with the log after the checkpoint laid over them. Rows may be newer than the
 * checkpoint; changes are absolute, so laying the log over them ends in the same state.
 */
import {
  type Account,
  type Bytes,
  type Commit,
  directoriesOf,
  type EmptyDirectory,
  type InstanceRecord,
  isUsable,
  type KeyRecord,
  type LeaseId,
  type LeaseRecord,
  type Outcome,
  ok,
  type Position,
  positionAfter,
  type Revision,
  type StoredAccount,
  type StoredService,
  subjectOf,
} from "../../core/index.ts";
import { decodeRow } from "./row.ts";
import { addRows, type DirtyRows, instanceRow, keyRow } from "./row-name.ts";

/** An account as its rows have it, and then the log. */
class AccountRows implements StoredAccount {
  readonly name: Account;
  createdAtMs: number;
  revision: Revision = 0;
  catalogRevision: Revision = 0;
  keysRevision: Revision = 0;
  forgottenDirectories: Revision = 0;
  directoriesSince: Revision = 0;
  readonly byService = new Map<string, StoredService>();
  readonly #byDirectory = new Map<Bytes, EmptyDirectory>();

  constructor(name: Account, createdAtMs: number) {
    this.name = name;
    this.createdAtMs = createdAtMs;
  }

  get services(): Iterable<StoredService> {
    return this.byService.values();
  }

  noteService(name: string, revision: Revision, atMs: number, isLost: boolean): void {
    const known = this.byService.get(name);
    const lostAtMs = isLost ? atMs : (known?.lostAtMs ?? 0);
    const later = { name, revision: Math.max(known?.revision ?? 0, revision), changedAtMs: atMs, lostAtMs };
    this.byService.set(name, later);
  }

  get directories(): readonly EmptyDirectory[] {
    return [...this.#byDirectory.values()];
  }

  noteDirectory({ name, revision, children }: EmptyDirectory): void {
    const known = this.#byDirectory.get(name) ?? { revision: 0, children: 0 };
    const directory = {
      name,
      revision: Math.max(known.revision, revision),
      children: Math.max(known.children, children),
    };
    this.#byDirectory.set(name, directory);
  }

  /** A key is gone. */
  noteGone(key: Bytes, revision: Revision): void {
    let children = revision;
    for (const name of directoriesOf(key)) {
      this.noteDirectory({ name, revision, children });
      children = 0;
    }
  }
}

class Accounts extends Map<Account, AccountRows> {
  open(name: Account, createdAtMs: number): AccountRows {
    let account = this.get(name);
    if (account === undefined) {
      account = new AccountRows(name, createdAtMs);
      this.set(name, account);
    }
    return account;
  }
}

/** The newest of each thing that the commits after the marker name; the accounts move along. */
export class Tail {
  last: Position;
  readonly dirty: DirtyRows = new Map();
  readonly accounts: Accounts;
  readonly instances = new Map<string, readonly [Account, InstanceRecord | null]>();
  readonly leases = new Map<string, readonly [Account, LeaseRecord | null]>();
  readonly keys = new Map<string, readonly [Account, KeyRecord | null]>();

  /** `commits`: those after the marker. */
  constructor(commits: Iterable<Commit>, marker: Position, { accounts }: StateRows) {
    this.last = marker;
    this.accounts = accounts;
    for (const commit of commits) {
      this.#fold(commit);
      this.last = positionAfter(commit);
    }
  }

  #fold(commit: Commit): void {
    const { account: name, revision, atMs, changes } = commit;
    const account = this.accounts.open(name, atMs);
    account.revision = Math.max(account.revision, revision);
    addRows(this.dirty, name, changes);
    for (const change of changes) {
      if (change.kind === "instance") {
        account.catalogRevision = Math.max(account.catalogRevision, revision);
        this.#foldInstance(account, change, commit);
      } else if (change.kind === "lease") {
        this.leases.set(leaseName(name, subjectOf(change).id), [name, change.after]);
      } else {
        account.keysRevision = Math.max(account.keysRevision, revision);
        if (change.after === null) account.noteGone(subjectOf(change).key, revision);
        this.keys.set(keyRow(name, subjectOf(change).key), [name, change.after]);
      }
    }
  }

  #foldInstance(
    account: AccountRows,
    { before, after }: { readonly before: InstanceRecord | null; readonly after: InstanceRecord | null },
    { revision, atMs }: Commit,
  ): void {
    const isLost = before !== null && isUsable(before) && (after === null || !isUsable(after));
    for (const [record, value] of [[before, null] as const, [after, after] as const]) {
      if (record === null) continue;
      this.instances.set(instanceRow(account.name, record.service, record.id), [account.name, value]);
      account.noteService(record.service, revision, atMs, isLost && record === before);
    }
  }
}

function leaseName(account: Account, lease: LeaseId): string {
  return `${account}\0${lease}`;
}

/** The rows of the state, each kind by itself, to be given on with the tail laid over them. */
export class StateRows {
  readonly accounts = new Accounts();
  readonly #instances = new Pairs<InstanceRecord>();
  readonly #leases = new Pairs<LeaseRecord>();
  readonly #keys = new Pairs<KeyRecord>();

  /** Refused when it is not a row. */
  add(bytes: Buffer, start = 0, end = bytes.length): Outcome<void> {
    const decoded = decodeRow(bytes, start, end);
    if (!decoded.ok) return decoded;
    const row = decoded.value;
    switch (row.kind) {
      case "instance":
        if (row.instance !== null) this.#instances.add(row.account, row.instance);
        if (row.lease !== null) this.#leases.add(row.account, row.lease);
        break;
      case "lease":
        this.#leases.add(row.account, row.lease);
        break;
      case "key":
        this.#keys.add(row.account, row.entry);
        break;
      case "account":
        Object.assign(this.accounts.open(row.account, row.createdAtMs), {
          createdAtMs: row.createdAtMs,
          revision: row.revision,
          catalogRevision: row.catalogRevision,
          keysRevision: row.keysRevision,
          forgottenDirectories: row.forgottenDirectories,
          directoriesSince: row.directoriesSince,
        });
        break;
      case "service":
        this.accounts.open(row.account, 0).byService.set(row.service.name, row.service);
        break;
      case "directory":
        this.accounts.open(row.account, 0).noteDirectory(row.directory);
        break;
      case "empty":
        for (const one of row.directories) this.accounts.open(row.account, 0).noteDirectory(one);
        break;
    }
    return ok(undefined);
  }

  *leasesUnder({ leases }: Tail): Iterable<readonly [Account, LeaseRecord]> {
    for (const pair of this.#leases.drain())
      if (leases.size === 0 || !leases.has(leaseName(pair[0], pair[1].id))) yield pair;
    yield* present(leases);
  }

  *instancesUnder({ instances }: Tail): Iterable<readonly [Account, InstanceRecord]> {
    for (const pair of this.#instances.drain())
      if (instances.size === 0 || !instances.has(instanceRow(pair[0], pair[1].service, pair[1].id))) yield pair;
    yield* present(instances);
  }

  *keysUnder({ keys }: Tail): Iterable<readonly [Account, KeyRecord]> {
    for (const pair of this.#keys.drain()) if (keys.size === 0 || !keys.has(keyRow(pair[0], pair[1].key))) yield pair;
    yield* present(keys);
  }
}

/** Records with their accounts, without an object for each pair while they wait. */
class Pairs<T> {
  #accounts: Account[] = [];
  #records: T[] = [];

  add(account: Account, record: T): void {
    this.#accounts.push(account);
    this.#records.push(record);
  }

  /** Gives each once, and holds none afterwards. */
  *drain(): Iterable<readonly [Account, T]> {
    const [accounts, records] = [this.#accounts, this.#records];
    [this.#accounts, this.#records] = [[], []];
    for (let i = 0; i < records.length; i++) yield [accounts[i] as Account, records[i] as T];
  }
}

function* present<T>(rows: ReadonlyMap<string, readonly [Account, T | null]>): Iterable<readonly [Account, T]> {
  for (const [account, value] of rows.values()) if (value !== null) yield [account, value];
}
