/**
 * Records as bytes. Revisions and times are written as distances from a base (that of the commit, or of the latest write),
 * which makes almost all of them one byte.
 */
import type { Change, InstanceRecord, KeyRecord, LeaseRecord, Overridden, Silence } from "../core/index.ts";
import { ownLease } from "../core/index.ts";
import { type ByteReader, type ByteWriter, Torn } from "./bytes.ts";
import {
  CAUSES,
  readChecks,
  readFlag,
  readHeld,
  readMeta,
  readPorts,
  readStrings,
  STATUSES,
  writeChecks,
  writeHeld,
  writeMeta,
  writePorts,
  writeStrings,
} from "./parts.ts";

/** What revisions and times are counted from. */
export interface Base {
  readonly revision: number;
  readonly atMs: number;
}

function writeLeaseOfInstance(out: ByteWriter, record: InstanceRecord): void {
  if (record.lease === null) out.byte(0);
  else if (record.lease === ownLease(record)) out.byte(1);
  else {
    out.byte(2);
    out.string(record.lease);
  }
}

function readLeaseOfInstance(input: ByteReader, service: string, id: string): string | null {
  const kind = input.byte();
  if (kind === 0) return null;
  if (kind === 1) return ownLease({ service, id });
  if (kind === 2) return input.string();
  throw new Torn("an unknown kind of lease");
}

/** Up to format 3 there was only the first. */
const OVERRIDDEN = 1;
const OVERRIDE_TOLD = 2;
const STATUS_DATED = 4;

function writeStanding(out: ByteWriter, record: InstanceRecord, base: Base): void {
  const { override, overridden, statusAtMs } = record;
  out.byte(
    (override === null ? 0 : OVERRIDDEN) |
      (overridden === undefined ? 0 : OVERRIDE_TOLD) |
      (statusAtMs === undefined ? 0 : STATUS_DATED),
  );
  if (override !== null) STATUSES.write(out, override);
  if (overridden !== undefined) {
    out.number(base.atMs - overridden.sinceMs);
    out.number(overridden.untilMs);
    out.string(overridden.reason);
    out.string(overridden.by);
  }
  if (statusAtMs !== undefined) out.number(base.atMs - statusAtMs);
}

type Standing = Pick<InstanceRecord, "override" | "overridden" | "statusAtMs">;

const PLAIN: Standing = { override: null };

/** What an operator says of it, and since when its status is what it is. */
function readStanding(input: ByteReader, base: Base): Standing {
  const marks = input.byte();
  if (marks === 0) return PLAIN;
  if (marks > (OVERRIDDEN | OVERRIDE_TOLD | STATUS_DATED)) throw new Torn("an unknown kind of override");
  const override = (marks & OVERRIDDEN) === 0 ? null : STATUSES.read(input);
  const told = (marks & OVERRIDE_TOLD) !== 0 && { overridden: readOverridden(input, base) };
  return { override, ...told, ...((marks & STATUS_DATED) !== 0 && { statusAtMs: base.atMs - input.number() }) };
}

function readOverridden(input: ByteReader, base: Base): Overridden {
  const sinceMs = base.atMs - input.number();
  return { sinceMs, untilMs: input.number(), reason: input.string(), by: input.string() };
}

export function writeInstance(out: ByteWriter, record: InstanceRecord, base: Base): void {
  out.string(record.service);
  out.string(record.id);
  out.string(record.address);
  writePorts(out, record.ports);
  out.string(record.protocol);
  writeStrings(out, record.tags);
  writeMeta(out, record.meta);
  out.string(record.version);
  out.string(record.zone);
  out.number(record.weight);
  STATUSES.write(out, record.status);
  writeChecks(out, record.checks);
  out.string(record.via);
  writeLeaseOfInstance(out, record);
  writeStanding(out, record, base);
  writeHeld(out, record.held);
  out.number(base.revision - record.createRevision);
  out.number(base.revision - record.modRevision);
  out.number(base.atMs - record.createdAtMs);
  out.number(base.atMs - record.stampMs);
  out.string(record.origin);
}

export function readInstance(input: ByteReader, base: Base): InstanceRecord {
  const service = input.string();
  const id = input.ownString();
  const address = input.ownString();
  const ports = readPorts(input);
  const protocol = input.string();
  const tags = readStrings(input);
  const meta = readMeta(input);
  const version = input.string();
  const zone = input.string();
  const weight = input.number();
  const status = STATUSES.read(input);
  const checks = readChecks(input);
  const via = input.string();
  const lease = readLeaseOfInstance(input, service, id);
  const standing = readStanding(input, base);
  const record: InstanceRecord = {
    service,
    id,
    address,
    ports,
    protocol,
    tags,
    meta,
    version,
    zone,
    weight,
    status,
    checks,
    via,
    lease,
    override: standing.override,
    held: readHeld(input),
    createRevision: base.revision - input.number(),
    modRevision: base.revision - input.number(),
    createdAtMs: base.atMs - input.number(),
    stampMs: base.atMs - input.number(),
    origin: input.string(),
  };
  return standing === PLAIN ? record : { ...record, ...standing };
}

export function writeLease(out: ByteWriter, record: LeaseRecord, base: Base): void {
  out.string(record.id);
  writeLeaseBody(out, record, base);
}

export function readLease(input: ByteReader, base: Base): LeaseRecord {
  return readLeaseBody(input, input.ownString(), base);
}

const IS_OWN = 1;
/** Where each node has an order of its own. */
const IS_STAMPED = 2;

/** All but the id. */
export function writeLeaseBody(out: ByteWriter, record: LeaseRecord, base: Base): void {
  out.number(record.ttlMs);
  out.string(record.via);
  out.byte((record.own ? IS_OWN : 0) | (record.stampMs === undefined ? 0 : IS_STAMPED));
  writeMeta(out, record.meta);
  writeHeld(out, record.held);
  out.number(base.revision - record.createRevision);
  out.number(base.revision - record.modRevision);
  out.number(base.atMs - record.grantedAtMs);
  if (record.stampMs !== undefined) out.number(base.atMs - record.stampMs);
  out.string(record.origin);
}

export function readLeaseBody(input: ByteReader, id: string, base: Base): LeaseRecord {
  const ttlMs = input.number();
  const via = input.string();
  const marks = input.byte();
  if (marks > (IS_OWN | IS_STAMPED)) throw new Torn("an unknown kind of lease");
  const own = (marks & IS_OWN) !== 0;
  const meta = readMeta(input);
  const held = readHeld(input);
  const createRevision = base.revision - input.number();
  const modRevision = base.revision - input.number();
  const grantedAtMs = base.atMs - input.number();
  const stampMs = (marks & IS_STAMPED) === 0 ? undefined : base.atMs - input.number();
  const origin = input.string();
  const lease = { id, ttlMs, via, own, meta, held, createRevision, modRevision, grantedAtMs, origin };
  return stampMs === undefined ? lease : { ...lease, stampMs };
}

/** Format 1 knew only the first of them; what the others stand for was not told there. */
const HAS_LEASE = 1;
const DETACHES = 2;
const IS_DETACHED = 4;
/** It was changed since it was created. */
const IS_OLD = 8;

export function writeKey(out: ByteWriter, record: KeyRecord, base: Base): void {
  out.string(record.key);
  out.string(record.value);
  const isOld = record.createdAtMs !== record.stampMs;
  const isDetached = record.detachedAtMs !== 0;
  out.byte(
    (record.lease === null ? 0 : HAS_LEASE) |
      (record.atEnd === "detach" ? DETACHES : 0) |
      (isDetached ? IS_DETACHED : 0) |
      (isOld ? IS_OLD : 0),
  );
  if (record.lease !== null) out.string(record.lease);
  out.number(record.version);
  out.number(base.revision - record.createRevision);
  out.number(base.revision - record.modRevision);
  out.number(base.atMs - record.stampMs);
  if (isOld) out.number(base.atMs - record.createdAtMs);
  if (isDetached) out.number(base.atMs - record.detachedAtMs);
  out.string(record.origin);
}

export function readKey(input: ByteReader, base: Base): KeyRecord {
  const key = input.ownString();
  const value = input.ownString();
  const marks = input.byte();
  if (marks > (HAS_LEASE | DETACHES | IS_DETACHED | IS_OLD)) throw new Torn("an unknown kind of key");
  const lease = (marks & HAS_LEASE) === 0 ? null : input.string();
  const version = input.number();
  const createRevision = base.revision - input.number();
  const modRevision = base.revision - input.number();
  const stampMs = base.atMs - input.number();
  const createdAtMs = (marks & IS_OLD) === 0 ? stampMs : base.atMs - input.number();
  const detachedAtMs = (marks & IS_DETACHED) === 0 ? 0 : base.atMs - input.number();
  const origin = input.string();
  const atEnd = (marks & DETACHES) === 0 ? "delete" : "detach";
  return {
    key,
    value,
    lease,
    atEnd,
    detachedAtMs,
    version,
    createRevision,
    modRevision,
    createdAtMs,
    stampMs,
    origin,
  };
}

function writeSilence(out: ByteWriter, silence: Silence | null): void {
  out.byte(silence === null ? 0 : 1);
  if (silence === null) return;
  out.number(silence.deadlineMs);
  out.number(silence.lastBeatMs);
  out.number(silence.beats);
}

function readSilence(input: ByteReader): Silence | null {
  if (!readFlag(input)) return null;
  return { deadlineMs: input.number(), lastBeatMs: input.number(), beats: input.number() };
}

const BEFORE = 4;
const AFTER = 8;

/** First byte: the kind, and which of `before` and `after` follow. */
export function writeChange(out: ByteWriter, change: Change, base: Base): void {
  const sides = (change.before === null ? 0 : BEFORE) | (change.after === null ? 0 : AFTER);
  const kind = change.kind === "instance" ? 0 : change.kind === "lease" ? 1 : 2;
  out.byte(kind | sides);
  CAUSES.write(out, change.cause);
  switch (change.kind) {
    case "instance":
      if (change.before !== null) writeInstance(out, change.before, base);
      if (change.after !== null) writeInstance(out, change.after, base);
      break;
    case "lease":
      if (change.before !== null) writeLease(out, change.before, base);
      if (change.after !== null) writeLease(out, change.after, base);
      writeSilence(out, change.silence);
      break;
    case "key":
      if (change.before !== null) writeKey(out, change.before, base);
      if (change.after !== null) writeKey(out, change.after, base);
      break;
  }
}

export function readChange(input: ByteReader, base: Base): Change {
  const head = input.byte();
  const cause = CAUSES.read(input);
  const hasBefore = (head & BEFORE) !== 0;
  const hasAfter = (head & AFTER) !== 0;
  switch (head & ~(BEFORE | AFTER)) {
    case 0: {
      const before = hasBefore ? readInstance(input, base) : null;
      return { kind: "instance", cause, before, after: hasAfter ? readInstance(input, base) : null };
    }
    case 1: {
      const before = hasBefore ? readLease(input, base) : null;
      const after = hasAfter ? readLease(input, base) : null;
      return { kind: "lease", cause, before, after, silence: readSilence(input) };
    }
    case 2: {
      const before = hasBefore ? readKey(input, base) : null;
      return { kind: "key", cause, before, after: hasAfter ? readKey(input, base) : null };
    }
    default:
      throw new Torn("an unknown kind of change");
  }
}
