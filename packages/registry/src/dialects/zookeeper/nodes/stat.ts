/** What is told of a node, of its key and of what lies in it. */
import { createHash } from "node:crypto";
import type { AccountView, Bytes, KeyRecord, LeaseId } from "../../../core/index.ts";
import type { Stat } from "../wire/stat.ts";
import { CONFIG } from "./fixed.ts";
import { emptyNote, type Note, noteFor } from "./note.ts";
import type { Branch, Tree } from "./tree.ts";
import { type Key, toKey } from "./working.ts";

/** A node as it is. */
export interface Found {
  readonly record: KeyRecord | undefined;
  readonly branch: Branch | undefined;
  readonly note: Note;
}

export function findNode(tree: Tree, view: AccountView | undefined, path: Bytes): Found | undefined {
  if (!tree.has(path)) return undefined;
  const branch = tree.branch(path);
  const record = view?.entry(path);
  return { record, branch, note: branch?.note === undefined ? UNNOTED : noteFor(branch.note, record) };
}

const UNNOTED = emptyNote(0);

export function statOf({ record, branch, note }: Found, path: Bytes): Stat {
  if (path === CONFIG && record === undefined) return { ...EMPTY, aversion: -1 };
  return toStat(record && toKey(record), branch, note.aversion);
}

export function toStat(key: Key | undefined, branch: Branch | undefined, aversion: number): Stat {
  const count = branch?.count ?? 0;
  const cversion = branch === undefined ? 0 : 2 * branch.came - count;
  const pzxid = branch?.pzxid ?? 0;
  if (key === undefined) return { ...EMPTY, aversion, cversion, numChildren: count, pzxid };
  return {
    czxid: key.createRevision,
    mzxid: key.modRevision,
    ctime: key.createdAtMs,
    mtime: key.stampMs,
    version: key.version - 1,
    aversion,
    ephemeralOwner: toOwner(key.lease),
    dataLength: key.dataLength,
    cversion,
    numChildren: count,
    pzxid: Math.max(key.createRevision, pzxid),
  };
}

const EMPTY: Stat = {
  czxid: 0,
  mzxid: 0,
  ctime: 0,
  mtime: 0,
  version: 0,
  cversion: 0,
  aversion: 0,
  ephemeralOwner: 0n,
  dataLength: 0,
  numChildren: 0,
  pzxid: 0,
};

const NUMBER = /^-?[0-9]{1,19}$/;

/** Sessions are leases that are numbers; a lease of another name shows as some number that is never 0. */
export function toOwner(lease: LeaseId | null): bigint {
  if (lease === null) return 0n;
  if (NUMBER.test(lease)) return BigInt.asIntN(64, BigInt(lease));
  return createHash("sha256").update(lease).digest().readBigInt64BE() | 1n;
}
