/**
 * The stored forms: a group of commits (one value of the log) and a row of the state. Both begin with a version byte
 * and a CRC-32 of all that follows. Decoding never throws: what is not intact is refused.
 */
import { crc32 } from "node:zlib";
import type { Account, Commit, InstanceRecord, KeyRecord, LeaseRecord, Outcome, Revision } from "../core/index.ts";
import { ok, refuse } from "../core/index.ts";
import { ByteReader, type ByteWriter, Torn } from "./bytes.ts";
import {
  type Base,
  readChange,
  readInstance,
  readKey,
  readLease,
  readLeaseBody,
  writeChange,
  writeInstance,
  writeKey,
  writeLease,
  writeLeaseBody,
} from "./record.ts";

/** Version of everything stored. A higher one is refused by older programs. */
export const FORMAT = 1;
const HEAD_BYTES = 5;

/** What can be told of a group without decoding it. */
export interface GroupSummary {
  readonly first: Revision;
  readonly last: Revision;
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly commits: number;
}

/** One row of the state. Rows are absolute: writing a newer one over an older needs no knowledge of the older. */
export type StateRow =
  | {
      readonly kind: "instance";
      readonly account: Account;
      readonly instance: InstanceRecord | null;
      /** The lease that the instance has to itself lies in the instance's row. */
      readonly lease: LeaseRecord | null;
    }
  | { readonly kind: "lease"; readonly account: Account; readonly lease: LeaseRecord }
  | { readonly kind: "key"; readonly account: Account; readonly entry: KeyRecord }
  | {
      readonly kind: "account";
      readonly account: Account;
      readonly createdAtMs: number;
      readonly revision: Revision;
      readonly catalogRevision: Revision;
      readonly keysRevision: Revision;
    }
  | { readonly kind: "service"; readonly account: Account; readonly service: string; readonly revision: Revision };

/** Where the order stands: everything up to `revision` is in the state rows. */
export interface Marker {
  readonly revision: Revision;
  readonly atMs: number;
  readonly nth: number;
}

function seal(out: ByteWriter): Buffer {
  const bytes = out.bytes();
  bytes[0] = FORMAT;
  bytes.writeUInt32LE(crc32(bytes.subarray(HEAD_BYTES)), 1);
  return bytes;
}

/** Whether these bytes are what was written, as far as the checksum can tell. */
export function isIntact(bytes: Buffer, start = 0, end = bytes.length): boolean {
  if (end - start < HEAD_BYTES || bytes[start] !== FORMAT) return false;
  // Rows come by the hundred thousand: a plain view is made quicker than a part of a Buffer.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + start + HEAD_BYTES, end - start - HEAD_BYTES);
  return bytes.readUInt32LE(start + 1) === crc32(body);
}

function decode<T>(
  bytes: Buffer,
  start: number,
  end: number,
  what: string,
  read: (input: ByteReader) => T,
): Outcome<T> {
  if (end - start < HEAD_BYTES) return refuse("invalid", `${what} is too short`);
  if (bytes[start] !== FORMAT)
    return refuse("unsupported", `${what} has format ${bytes[start]}; this program knows ${FORMAT}`);
  if (!isIntact(bytes, start, end)) return refuse("invalid", `${what} does not match its checksum`);
  try {
    const input = new ByteReader(bytes, start + HEAD_BYTES, end);
    const value = read(input);
    return input.atEnd ? ok(value) : refuse("invalid", `${what} has bytes left over`);
  } catch (error) {
    if (error instanceof Torn) return refuse("invalid", `${what} is damaged: ${error.message}`);
    throw error;
  }
}

/** The bytes are the writer's own and good until its next use. `commits` holds at least one. */
export function encodeGroup(out: ByteWriter, commits: readonly Commit[]): Buffer {
  const first = commits[0] as Commit;
  const last = commits[commits.length - 1] as Commit;
  out.clear(HEAD_BYTES);
  out.count(commits.length);
  out.count(first.revision);
  out.count(last.revision - first.revision);
  out.number(first.atMs);
  out.number(last.atMs - first.atMs);
  let { revision, atMs } = first;
  let account = "";
  for (const commit of commits) {
    out.count(commit.revision - revision);
    out.number(commit.atMs - atMs);
    out.count(commit.nth);
    // An empty name means that of the commit before.
    out.string(commit.account === account ? "" : commit.account);
    out.count(commit.changes.length);
    for (const change of commit.changes) writeChange(out, change, commit);
    ({ revision, atMs, account } = commit);
  }
  return seal(out);
}

function readSummary(input: ByteReader): GroupSummary {
  const commits = input.size();
  const first = input.count();
  const last = first + input.count();
  const firstAtMs = input.number();
  return { commits, first, last, firstAtMs, lastAtMs: firstAtMs + input.number() };
}

export function decodeGroup(bytes: Buffer): Outcome<Commit[]> {
  return decode(bytes, 0, bytes.length, "a group of commits", (input) => {
    const summary = readSummary(input);
    let revision = summary.first;
    let atMs = summary.firstAtMs;
    let account = "";
    const commits: Commit[] = [];
    for (let i = 0; i < summary.commits; i++) {
      revision += input.count();
      atMs += input.number();
      const nth = input.count();
      account = input.string() || account;
      const base = { revision, atMs };
      const changes = new Array(input.size());
      for (let k = 0; k < changes.length; k++) changes[k] = readChange(input, base);
      commits.push({ revision, account, atMs, nth, changes });
    }
    if (revision !== summary.last) throw new Torn("it does not end where it says");
    return commits;
  });
}

/** Reads the first bytes alone; the checksum is not looked at. */
export function summarizeGroup(bytes: Buffer): Outcome<GroupSummary> {
  try {
    return ok(readSummary(new ByteReader(bytes, HEAD_BYTES)));
  } catch (error) {
    if (error instanceof Torn) return refuse("invalid", `a group of commits is damaged: ${error.message}`);
    throw error;
  }
}

const ROW_KINDS = ["instance", "lease", "key", "account", "service"] as const;

/** The bytes are the writer's own and good until its next use. */
export function encodeRow(out: ByteWriter, row: StateRow): Buffer {
  out.clear(HEAD_BYTES);
  out.byte(ROW_KINDS.indexOf(row.kind));
  out.string(row.account);
  switch (row.kind) {
    case "instance":
      writeInstanceRow(out, row.instance, row.lease);
      break;
    case "lease":
      writeLease(out, row.lease, writeBase(out, row.lease.modRevision, row.lease.grantedAtMs));
      break;
    case "key":
      writeKey(out, row.entry, writeBase(out, row.entry.modRevision, row.entry.stampMs));
      break;
    case "account":
      out.number(row.createdAtMs);
      out.count(row.revision);
      out.count(row.catalogRevision);
      out.count(row.keysRevision);
      break;
    case "service":
      out.string(row.service);
      out.count(row.revision);
      break;
  }
  return seal(out);
}

function writeBase(out: ByteWriter, revision = 0, atMs = 0): Base {
  out.count(revision);
  out.number(atMs);
  return { revision, atMs };
}

function readBase(input: ByteReader): Base {
  return { revision: input.count(), atMs: input.number() };
}

const HAS_INSTANCE = 1;
const HAS_LEASE = 2;
/** The lease's id is the one that the instance names: written once, and one string in memory. */
const SAME_ID = 4;

function writeInstanceRow(out: ByteWriter, instance: InstanceRecord | null, lease: LeaseRecord | null): void {
  const same = instance !== null && lease !== null && instance.lease === lease.id;
  out.byte((instance === null ? 0 : HAS_INSTANCE) | (lease === null ? 0 : HAS_LEASE) | (same ? SAME_ID : 0));
  const base = writeBase(out, instance?.modRevision ?? lease?.modRevision, instance?.stampMs ?? lease?.grantedAtMs);
  if (instance !== null) writeInstance(out, instance, base);
  if (lease === null) return;
  if (same) writeLeaseBody(out, lease, base);
  else writeLease(out, lease, base);
}

function readInstanceRow(input: ByteReader, account: Account): StateRow {
  const sides = input.byte();
  if (sides > (HAS_INSTANCE | HAS_LEASE | SAME_ID)) throw new Torn("an unknown kind of instance row");
  const base = readBase(input);
  const instance = (sides & HAS_INSTANCE) === 0 ? null : readInstance(input, base);
  if ((sides & HAS_LEASE) === 0) return { kind: "instance", account, instance, lease: null };
  if ((sides & SAME_ID) === 0) return { kind: "instance", account, instance, lease: readLease(input, base) };
  if (instance === null || instance.lease === null) throw new Torn("a lease without a name");
  return { kind: "instance", account, instance, lease: readLeaseBody(input, instance.lease, base) };
}

/** `start` and `end` when the row lies within something longer. */
export function decodeRow(bytes: Buffer, start = 0, end = bytes.length): Outcome<StateRow> {
  return decode(bytes, start, end, "a row of the state", (input): StateRow => {
    const kind = ROW_KINDS[input.byte()];
    const account = input.string();
    switch (kind) {
      case "instance":
        return readInstanceRow(input, account);
      case "lease":
        return { kind, account, lease: readLease(input, readBase(input)) };
      case "key":
        return { kind, account, entry: readKey(input, readBase(input)) };
      case "account":
        return {
          kind,
          account,
          createdAtMs: input.number(),
          revision: input.count(),
          catalogRevision: input.count(),
          keysRevision: input.count(),
        };
      case "service":
        return { kind, account, service: input.string(), revision: input.count() };
      default:
        throw new Torn("an unknown kind of row");
    }
  });
}
