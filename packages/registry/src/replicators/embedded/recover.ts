/**
 * What the catalog was: the state rows, with the log after the checkpoint laid over them. Rows may be newer than the
 * checkpoint; changes are absolute, so laying the log over them ends in the same state.
 */
import type {
  Account,
  Commit,
  InstanceRecord,
  KeyRecord,
  LeaseId,
  LeaseRecord,
  Restored,
  Revision,
  StoredAccount,
} from "../../core/index.ts";
import { decodeGroup, type Marker, type StateRow } from "./codec.ts";
import { decodeMeta, META_KEYS, wholeNumber } from "./codec-meta.ts";
import { Damaged } from "./pages.ts";
import { addRows, instanceRow, keyRow } from "./row-keys.ts";
import type { MetaKey, Store } from "./store.ts";

/** Newest commits given to the history in memory. Older ones are read from the log when somebody asks. */
const RECENT_COMMITS = 2048;
/** Changes that fit into one millisecond of 100 ns steps. */
const CHANGES_PER_MS = 10_000;

export interface Recovered {
  readonly restored: Restored;
  /** What the state rows hold. */
  readonly marker: Marker;
  /** Rows that the log after the marker made different: the next checkpoint writes them. */
  readonly dirty: Set<string>;
}

/** The position after a commit: the next change of the same millisecond is number `nth`. */
export function positionAfter(commit: Commit): Marker {
  const nth = commit.nth + commit.changes.length;
  return {
    revision: commit.revision,
    atMs: commit.atMs + Math.floor(nth / CHANGES_PER_MS),
    nth: nth % CHANGES_PER_MS,
  };
}

function readMeta(store: Store, key: MetaKey): Readonly<Record<string, unknown>> {
  const bytes = store.readMeta(key);
  if (bytes === undefined) throw new Damaged(`the row "${key}" about the store is missing`);
  const value = decodeMeta(bytes, key);
  if (!value.ok) throw new Damaged(value.detail);
  return value.value;
}

export function readMarker(store: Store): Marker {
  const row = readMeta(store, META_KEYS.checkpoint);
  return { revision: wholeNumber(row, "revision"), atMs: wholeNumber(row, "atMs"), nth: wholeNumber(row, "nth") };
}

function readJump(store: Store): Revision {
  return store.readMeta(META_KEYS.jump) === undefined ? 0 : wholeNumber(readMeta(store, META_KEYS.jump), "revision");
}

/** Commits with revision > after, oldest first. */
export function* readCommits(store: Store, after: Revision): Iterable<Commit> {
  for (const { bytes } of store.groups(after + 1)) {
    const group = decodeGroup(bytes);
    if (!group.ok) throw new Damaged(`the log after revision ${after}: ${group.detail}`);
    for (const commit of group.value) if (commit.revision > after) yield commit;
  }
}

export function recover(store: Store): Recovered {
  const marker = readMarker(store);
  const tail = new Tail(store, marker);
  const jump = readJump(store);
  const last = { ...tail.last, revision: Math.max(tail.last.revision, jump) };
  const floor = Math.max(wholeNumber(readMeta(store, META_KEYS.floor), "revision"), jump);
  const rows = new StateRows(store, tail);
  return {
    marker,
    dirty: tail.dirty,
    restored: {
      ...last,
      floor,
      accounts: tail.accounts.values(),
      leases: rows.leases(),
      instances: rows.instances(),
      keys: rows.keys(),
      recent: {
        [Symbol.iterator]: () => readCommits(store, Math.max(floor, last.revision - RECENT_COMMITS))[Symbol.iterator](),
      },
    },
  };
}

class AccountTail implements StoredAccount {
  readonly name: Account;
  readonly createdAtMs: number;
  revision: Revision = 0;
  catalogRevision: Revision = 0;
  keysRevision: Revision = 0;
  readonly byService = new Map<string, Revision>();

  constructor(name: Account, createdAtMs: number) {
    this.name = name;
    this.createdAtMs = createdAtMs;
  }

  get services(): readonly (readonly [string, Revision])[] {
    return [...this.byService];
  }
}

/** The newest of each thing that the log after the marker names, and the accounts as they are after it. */
class Tail {
  last: Marker;
  readonly dirty = new Set<string>();
  readonly accounts = new Map<Account, AccountTail>();
  readonly instances = new Map<string, readonly [Account, InstanceRecord | null]>();
  readonly leases = new Map<string, readonly [Account, LeaseRecord | null]>();
  readonly keys = new Map<string, readonly [Account, KeyRecord | null]>();

  constructor(store: Store, marker: Marker) {
    this.last = marker;
    this.#readAccounts(store);
    for (const commit of readCommits(store, marker.revision)) {
      this.#fold(commit);
      this.last = positionAfter(commit);
    }
  }

  #readAccounts(store: Store): void {
    for (const row of decodeRows(store, "a")) {
      if (row.kind !== "account") continue;
      const account = this.#account(row.account, row.createdAtMs);
      account.revision = row.revision;
      account.catalogRevision = row.catalogRevision;
      account.keysRevision = row.keysRevision;
    }
    for (const row of decodeRows(store, "s"))
      if (row.kind === "service") this.#account(row.account, 0).byService.set(row.service, row.revision);
  }

  #account(name: Account, createdAtMs: number): AccountTail {
    let account = this.accounts.get(name);
    if (account === undefined) {
      account = new AccountTail(name, createdAtMs);
      this.accounts.set(name, account);
    }
    return account;
  }

  #fold({ account: name, revision, atMs, changes }: Commit): void {
    const account = this.#account(name, atMs);
    account.revision = Math.max(account.revision, revision);
    addRows(this.dirty, name, changes);
    for (const change of changes) {
      const { before, after } = change;
      if (change.kind === "instance") {
        account.catalogRevision = Math.max(account.catalogRevision, revision);
        this.#foldInstance(account, change.before, change.after, revision);
      } else if (change.kind === "lease") {
        const id = change.before?.id ?? change.after?.id ?? "";
        this.leases.set(leaseName(name, id), [name, change.after]);
      } else if (before !== null || after !== null) {
        account.keysRevision = Math.max(account.keysRevision, revision);
        const key = change.before?.key ?? change.after?.key ?? "";
        this.keys.set(keyRow(name, key), [name, change.after]);
      }
    }
  }

  #foldInstance(account: AccountTail, before: InstanceRecord | null, after: InstanceRecord | null, revision: Revision) {
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

function* decodeRows(store: Store, letter: string): Iterable<StateRow> {
  for (const row of store.rows(letter)) {
    if (!row.ok) throw new Damaged(row.detail);
    yield row.value;
  }
}

/** The rows with the tail laid over them. Instances share their rows with their own leases: one pass reads both. */
class StateRows {
  readonly #store: Store;
  readonly #tail: Tail;
  #isRead = false;
  readonly #instances = new Pairs<InstanceRecord>();
  readonly #ownLeases = new Pairs<LeaseRecord>();

  constructor(store: Store, tail: Tail) {
    this.#store = store;
    this.#tail = tail;
  }

  *leases(): Iterable<readonly [Account, LeaseRecord]> {
    const { leases } = this.#tail;
    this.#read();
    yield* this.#ownLeases.drain();
    for (const row of decodeRows(this.#store, "l"))
      if (row.kind === "lease" && !leases.has(leaseName(row.account, row.lease.id))) yield [row.account, row.lease];
    yield* present(leases);
  }

  *instances(): Iterable<readonly [Account, InstanceRecord]> {
    this.#read();
    yield* this.#instances.drain();
    yield* present(this.#tail.instances);
  }

  *keys(): Iterable<readonly [Account, KeyRecord]> {
    for (const row of decodeRows(this.#store, "k"))
      if (row.kind === "key" && !this.#tail.keys.has(keyRow(row.account, row.entry.key)))
        yield [row.account, row.entry];
    yield* present(this.#tail.keys);
  }

  #read(): void {
    if (this.#isRead) return;
    this.#isRead = true;
    const { instances, leases } = this.#tail;
    for (const row of decodeRows(this.#store, "i")) {
      if (row.kind !== "instance") continue;
      const { account, instance, lease } = row;
      if (
        instance !== null &&
        !(instances.size > 0 && instances.has(instanceRow(account, instance.service, instance.id)))
      )
        this.#instances.add(account, instance);
      if (lease !== null && !(leases.size > 0 && leases.has(leaseName(account, lease.id))))
        this.#ownLeases.add(account, lease);
    }
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

  *drain(): Iterable<readonly [Account, T]> {
    const [accounts, records] = [this.#accounts, this.#records];
    [this.#accounts, this.#records] = [[], []];
    for (let i = 0; i < records.length; i++) yield [accounts[i] as Account, records[i] as T];
  }
}

function* present<T>(rows: ReadonlyMap<string, readonly [Account, T | null]>): Iterable<readonly [Account, T]> {
  for (const [account, value] of rows.values()) if (value !== null) yield [account, value];
}
