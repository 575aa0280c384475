/**
 * Names of state rows. In memory a row is a string of parts with NUL between them, the last part taking what is left;
 * in the store it is the same as bytes, so that neighbours in the catalog are neighbours on disk.
 */
import { createHash } from "node:crypto";
import {
  type Account,
  type Bytes,
  type Change,
  directoriesOf,
  type InstanceRecord,
  type KeyRecord,
  type LeaseRecord,
  ownerOf,
  subjectOf,
} from "../../core/index.ts";

/** Longer names than this are cut and told apart by a hash (the store limits keys to 1 978 bytes). */
const PLAIN_BYTES_MAX = 600;
const CUT_BYTES = 500;
const SLASH = 0x2f;

export type RowName =
  | { readonly kind: "instance"; readonly account: Account; readonly service: string; readonly id: string }
  | { readonly kind: "lease"; readonly account: Account; readonly lease: string }
  | { readonly kind: "key"; readonly account: Account; readonly key: Bytes }
  | { readonly kind: "directory"; readonly account: Account; readonly directory: Bytes }
  | { readonly kind: "empty"; readonly account: Account; readonly part: number };

/** By id first: the catalog sorts instances so, and taking them in its order makes a start quicker. */
export function instanceRow(account: Account, service: string, id: string): string {
  return `i\0${account}\0${id}\0${service}`;
}

/** A lease of an instance's own shares the row of its instance. */
export function leaseRow(account: Account, lease: LeaseRecord): string {
  const owner = lease.own ? ownerOf(lease.id) : undefined;
  return owner === undefined ? `l\0${account}\0${lease.id}` : instanceRow(account, owner.service, owner.id);
}

export function keyRow(account: Account, key: Bytes): string {
  return `k\0${account}\0${key}`;
}

function accountRow(account: Account): string {
  return `a\0${account}`;
}

function serviceRow(account: Account, service: string): string {
  return `s\0${account}\0${service}`;
}

function directoryRow(account: Account, directory: Bytes): string {
  return `d\0${account}\0${directory}`;
}

/** Directories without keys lie in so many rows of their account: the oldest ones are forgotten without being deleted. */
const EMPTY_PARTS = 16;

/** Which of these rows a directory lies in when it has no keys. */
export function emptyPart(directory: Bytes): number {
  let hash = 0;
  for (let i = 0; i < directory.length; i++) hash = (Math.imul(hash, 31) + directory.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 15)) & (EMPTY_PARTS - 1);
}

/** Adds the rows of the directories that a key is gone from. */
export function addDirectoryRows(rows: Set<string>, account: Account, key: Bytes): void {
  for (const directory of directoriesOf(key)) {
    rows.add(directoryRow(account, directory));
    rows.add(`e\0${account}\0${emptyPart(directory)}`);
  }
}

/** What a row holds now, by the changes of it: undefined where none told. */
export interface Dirty {
  readonly account: Account;
  instance: InstanceRecord | null | undefined;
  lease: LeaseRecord | null | undefined;
  entry: KeyRecord | null | undefined;
}

/** By the names of rows. */
export type DirtyRows = Map<string, Dirty>;

/** Adds the rows that these changes make different. */
export function addRows(rows: DirtyRows, account: Account, changes: readonly Change[]): void {
  let twin: LeaseRecord | null = null;
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i] as Change;
    if (isTwin(change, changes[i + 1])) {
      twin = change.after;
      continue;
    }
    addChangedRows(rows, account, change, twin);
    twin = null;
  }
}

/** Adds rows that were dirty before: what is known of them by now stays. */
export function addOlderRows(rows: DirtyRows, older: DirtyRows): void {
  for (const [name, was] of older) {
    const row = rows.get(name);
    if (row === undefined) {
      rows.set(name, was);
      continue;
    }
    if (row.instance === undefined) row.instance = was.instance;
    if (row.lease === undefined) row.lease = was.lease;
    if (row.entry === undefined) row.entry = was.entry;
  }
}

/** A change of an instance's own lease, and next the change of the instance: both are of one row, as in a registration. */
function isTwin(change: Change, next: Change | undefined): change is Extract<Change, { kind: "lease" }> {
  if (change.kind !== "lease" || next?.kind !== "instance" || next.after === null) return false;
  const lease = change.after;
  if (lease === null || !lease.own || (change.before !== null && !change.before.own)) return false;
  const { service, id } = next.after;
  // Is it `ownLease(next.after)`? Without making that string.
  return (
    lease.id.length === service.length + 1 + id.length &&
    lease.id.charCodeAt(service.length) === SLASH &&
    lease.id.startsWith(service) &&
    lease.id.endsWith(id)
  );
}

/** `twin` is the lease of the instance's own, when it changed with it. */
function addChangedRows(rows: DirtyRows, account: Account, change: Change, twin: LeaseRecord | null): void {
  // What was there before is gone, unless what is there now has the same row.
  switch (change.kind) {
    case "instance": {
      const { before, after } = change;
      if (before !== null && !(before.service === after?.service && before.id === after.id))
        addRow(rows, instanceRow(account, before.service, before.id), account, null, undefined, undefined);
      if (after === null) break;
      addRow(rows, instanceRow(account, after.service, after.id), account, after, twin ?? undefined, undefined);
      break;
    }
    case "lease": {
      const { before, after } = change;
      if (before !== null && before.own !== after?.own)
        addRow(rows, leaseRow(account, before), account, undefined, null, undefined);
      if (after !== null) addRow(rows, leaseRow(account, after), account, undefined, after, undefined);
      break;
    }
    case "key":
      addRow(rows, keyRow(account, subjectOf(change).key), account, undefined, undefined, change.after);
      break;
  }
}

function addRow(
  rows: DirtyRows,
  name: string,
  account: Account,
  instance: Dirty["instance"],
  lease: Dirty["lease"],
  entry: Dirty["entry"],
): void {
  const row = rows.get(name);
  if (row === undefined) {
    rows.set(name, { account, instance, lease, entry });
    return;
  }
  if (instance !== undefined) row.instance = instance;
  if (lease !== undefined) row.lease = lease;
  if (entry !== undefined) row.entry = entry;
}

/** Adds the rows of the account and of the service that this row belongs to: their revisions moved with it. */
export function addAccountRows(rows: Set<string>, row: string): void {
  const end = row.indexOf("\0", 2);
  const account = row.slice(2, end);
  rows.add(accountRow(account));
  if (row.startsWith("i")) rows.add(serviceRow(account, row.slice(row.indexOf("\0", end + 1) + 1)));
}

/** The parts of a row's name, but for those of accounts and services. */
export function parseRow(row: string): RowName {
  const end = row.indexOf("\0", 2);
  const account = row.slice(2, end);
  const rest = row.slice(end + 1);
  if (row.startsWith("l")) return { kind: "lease", account, lease: rest };
  if (row.startsWith("k")) return { kind: "key", account, key: rest };
  if (row.startsWith("d")) return { kind: "directory", account, directory: rest };
  if (row.startsWith("e")) return { kind: "empty", account, part: Number(rest) };
  const middle = rest.indexOf("\0");
  return { kind: "instance", account, service: rest.slice(middle + 1), id: rest.slice(0, middle) };
}

/** The row's key in the store. */
export function toStoreKey(row: string): Buffer {
  // Keys and directories are bytes already, and an account's name is ASCII.
  const bytes = Buffer.from(row, row.startsWith("k") || row.startsWith("d") ? "latin1" : "utf8");
  if (bytes.length <= PLAIN_BYTES_MAX) return bytes;
  const hash = createHash("sha256").update(bytes).digest();
  return Buffer.concat([bytes.subarray(0, CUT_BYTES), hash]);
}
