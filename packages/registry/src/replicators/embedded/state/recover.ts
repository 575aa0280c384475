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
  type KeyRecord,
  type LeaseId,
  type LeaseRecord,
  type Position,
  positionAfter,
  type Restored,
  type Revision,
  type StoredAccount,
  sizeOfCommit,
  subjectOf,
} from "../../../core/index.ts";
import { decodeGroup } from "../../../records/group.ts";
import { decodeRow } from "../../../records/row.ts";
import { addRows, type DirtyRows, instanceRow, keyRow } from "../../../records/row-name.ts";
import type { About, Ages } from "../meta.ts";
import { Damaged } from "../refused.ts";
import type { Store } from "../store/databases.ts";

/** Newest commits given to the history in memory. Older ones are read from the log when somebody asks. */
const RECENT_COMMITS = 2048;
/** And what their groups may take in the log. */
const RECENT_BYTES = 16 * 1024 * 1024;

export interface Recovered {
  readonly restored: Restored;
  /** Everything up to here is in the state rows. */
  readonly marker: Position;
  /** Rows that the log after the marker made different: the next checkpoint writes them. */
  readonly dirty: DirtyRows;
  readonly ages: Ages;
  /** The store's own name: its order is in no other store but in copies of it. */
  readonly line: string;
}

/** Commits with revision > after, oldest first, and no more once they pass `bytesMax`. */
export function* readCommits(store: Store, after: Revision, bytesMax = Number.POSITIVE_INFINITY): Iterable<Commit> {
  let left = bytesMax;
  for (const { bytes } of store.groups(after + 1)) {
    const group = decodeGroup(bytes, after, left);
    if (!group.ok) throw new Damaged(`the log after revision ${after}: ${group.detail}`);
    yield* group.value;
    if (left === Number.POSITIVE_INFINITY) continue;
    for (const commit of group.value) left -= sizeOfCommit(commit);
    if (left < 0) return;
  }
}

export function recover(store: Store, { marker, floor, jump, ages, store: line }: About, rows: StateRows): Recovered {
  const tail = new Tail(store, marker, rows.accounts);
  const last = { ...tail.last, revision: Math.max(tail.last.revision, jump) };
  return {
    marker,
    ages,
    line,
    dirty: tail.dirty,
    restored: {
      ...last,
      floor,
      accounts: tail.accounts.values(),
      leases: rows.leasesUnder(tail),
      instances: rows.instancesUnder(tail),
      keys: rows.keysUnder(tail),
      recent: {
        [Symbol.iterator]: () =>
          readCommits(store, Math.max(floor, recentAfter(store, last.revision)))[Symbol.iterator](),
      },
    },
  };
}

/** The revision after which the commits are recent. */
function recentAfter(store: Store, last: Revision): Revision {
  const oldest = last - RECENT_COMMITS;
  let bytes = 0;
  for (let after = last; after > oldest; ) {
    const group = store.groupBefore(after);
    if (group === undefined) break;
    bytes += group.bytes.length;
    if (bytes > RECENT_BYTES) return after;
    after = group.first - 1;
  }
  return oldest;
}

/** An account as its rows have it, and then the log. */
class AccountRows implements StoredAccount {
  readonly name: Account;
  createdAtMs: number;
  revision: Revision = 0;
  catalogRevision: Revision = 0;
  keysRevision: Revision = 0;
  forgottenDirectories: Revision = 0;
  directoriesSince: Revision = 0;
  readonly byService = new Map<string, Revision>();
  readonly #byDirectory = new Map<Bytes, EmptyDirectory>();

  constructor(name: Account, createdAtMs: number) {
    this.name = name;
    this.createdAtMs = createdAtMs;
  }

  get services(): readonly (readonly [string, Revision])[] {
    return [...this.byService];
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

/** The newest of each thing that the log after the marker names; the accounts move along. */
class Tail {
  last: Position;
  readonly dirty: DirtyRows = new Map();
  readonly accounts: Accounts;
  readonly instances = new Map<string, readonly [Account, InstanceRecord | null]>();
  readonly leases = new Map<string, readonly [Account, LeaseRecord | null]>();
  readonly keys = new Map<string, readonly [Account, KeyRecord | null]>();

  constructor(store: Store, marker: Position, accounts: Accounts) {
    this.last = marker;
    this.accounts = accounts;
    for (const commit of readCommits(store, marker.revision)) {
      this.#fold(commit);
      this.last = positionAfter(commit);
    }
  }

  #fold({ account: name, revision, atMs, changes }: Commit): void {
    const account = this.accounts.open(name, atMs);
    account.revision = Math.max(account.revision, revision);
    addRows(this.dirty, name, changes);
    for (const change of changes) {
      if (change.kind === "instance") {
        account.catalogRevision = Math.max(account.catalogRevision, revision);
        this.#foldInstance(account, change.before, change.after, revision);
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
    before: InstanceRecord | null,
    after: InstanceRecord | null,
    revision: Revision,
  ): void {
    for (const [record, value] of [[before, null] as const, [after, after] as const]) {
      if (record === null) continue;
      this.instances.set(instanceRow(account.name, record.service, record.id), [account.name, value]);
      account.byService.set(record.service, Math.max(account.byService.get(record.service) ?? 0, revision));
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

  /** Throws `Damaged` when it is not a row. */
  add(bytes: Buffer, start: number, end: number): void {
    const decoded = decodeRow(bytes, start, end);
    if (!decoded.ok) throw new Damaged(decoded.detail);
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
        this.accounts.open(row.account, 0).byService.set(row.service, row.revision);
        break;
      case "directory":
        this.accounts.open(row.account, 0).noteDirectory(row.directory);
        break;
      case "empty":
        for (const one of row.directories) this.accounts.open(row.account, 0).noteDirectory(one);
        break;
    }
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
