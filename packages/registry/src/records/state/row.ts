/** A row of the state as it is stored. */
import type {
  Account,
  EmptyDirectory,
  InstanceRecord,
  KeyRecord,
  LeaseRecord,
  Outcome,
  Revision,
  StoredService,
} from "../../core/index.ts";
import { type ByteReader, type ByteWriter, Torn } from "../bytes.ts";
import {
  type Base,
  readInstance,
  readKey,
  readLease,
  readLeaseBody,
  writeInstance,
  writeKey,
  writeLease,
  writeLeaseBody,
} from "../record.ts";
import { HEAD_BYTES, seal, unseal } from "../sealed.ts";

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
      /** `Directories.forgotten` */
      readonly forgottenDirectories: Revision;
      /** `Directories.since` */
      readonly directoriesSince: Revision;
    }
  | { readonly kind: "service"; readonly account: Account; readonly service: StoredService }
  /** A directory with keys from which something was deleted; or a part of those without keys. */
  | { readonly kind: "directory"; readonly account: Account; readonly directory: EmptyDirectory }
  | { readonly kind: "empty"; readonly account: Account; readonly directories: readonly EmptyDirectory[] };

const ROW_KINDS = ["instance", "lease", "key", "account", "service", "directory", "empty"] as const;

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
      out.count(row.forgottenDirectories);
      out.count(row.directoriesSince);
      break;
    case "service":
      out.string(row.service.name);
      out.count(row.service.revision);
      out.number(row.service.changedAtMs);
      out.number(row.service.changedAtMs - row.service.lostAtMs);
      break;
    case "directory":
      writeDirectory(out, row.directory);
      break;
    case "empty":
      for (const one of row.directories) writeDirectory(out, one);
      break;
  }
  return seal(out.bytes());
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

function readAccount(input: ByteReader, account: Account): StateRow {
  const [createdAtMs, revision] = [input.number(), input.count()];
  const [catalogRevision, keysRevision] = [input.count(), input.count()];
  // Older versions knew of no directories.
  const forgottenDirectories = input.atEnd ? 0 : input.count();
  const directoriesSince = input.atEnd ? keysRevision : input.count();
  const revisions = { revision, catalogRevision, keysRevision, forgottenDirectories, directoriesSince };
  return { kind: "account", account, createdAtMs, ...revisions };
}

/** Up to format 3 there were no times. */
function readService(input: ByteReader): StoredService {
  const [name, revision] = [input.string(), input.count()];
  const changedAtMs = input.atEnd ? 0 : input.number();
  return { name, revision, changedAtMs, lostAtMs: input.atEnd ? 0 : changedAtMs - input.number() };
}

function writeDirectory(out: ByteWriter, { name, revision, children }: EmptyDirectory): void {
  out.string(name);
  out.count(revision);
  out.count(children);
}

function readDirectory(input: ByteReader): EmptyDirectory {
  return { name: input.ownString(), revision: input.count(), children: input.count() };
}

/** `start` and `end` when the row lies within something longer. */
export function decodeRow(bytes: Buffer, start = 0, end = bytes.length): Outcome<StateRow> {
  return unseal(bytes, start, end, "a row of the state", (input): StateRow => {
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
        return readAccount(input, account);
      case "service":
        return { kind, account, service: readService(input) };
      case "directory":
        return { kind, account, directory: readDirectory(input) };
      case "empty": {
        const directories: EmptyDirectory[] = [];
        while (!input.atEnd) directories.push(readDirectory(input));
        return { kind, account, directories };
      }
      default:
        throw new Torn("an unknown kind of row");
    }
  });
}
