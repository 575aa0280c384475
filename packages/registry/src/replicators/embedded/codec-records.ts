/**
 * Records as bytes. Revisions and times are written as distances from a base (that of the commit they are part of),
 * which makes almost all of them one byte.
 */
import type {
  Cause,
  Change,
  Check,
  CheckKind,
  Held,
  InstanceRecord,
  KeyRecord,
  LeaseRecord,
  Ports,
  Silence,
  Status,
} from "../../core/index.ts";
import { ownLease } from "../../core/index.ts";
import { type ByteReader, type ByteWriter, Torn } from "./codec-bytes.ts";

/** What revisions and times are counted from. */
export interface Base {
  readonly revision: number;
  readonly atMs: number;
}

export const NO_BASE: Base = { revision: 0, atMs: 0 };

/** A closed set of words, each written as one byte. The order is part of the format: append only. */
class Words<T extends string> {
  readonly #words: readonly T[];
  readonly #numbers: Readonly<Record<T, number>>;

  constructor(numbers: Readonly<Record<T, number>>) {
    this.#numbers = numbers;
    const words: T[] = [];
    for (const word in numbers) words[numbers[word]] = word;
    this.#words = words;
  }

  write(out: ByteWriter, word: T): void {
    out.byte(this.#numbers[word]);
  }

  read(input: ByteReader): T {
    const word = this.#words[input.byte()];
    if (word === undefined) throw new Torn("an unknown word");
    return word;
  }
}

const CAUSES = new Words<Cause>({
  registered: 0,
  updated: 1,
  reported: 2,
  overridden: 3,
  deregistered: 4,
  granted: 5,
  closed: 6,
  expired: 7,
  held: 8,
  released: 9,
  put: 10,
  deleted: 11,
});

const STATUSES = new Words<Status>({ passing: 0, warning: 1, critical: 2, starting: 3, draining: 4, unknown: 5 });

const CHECK_KINDS = new Words<CheckKind>({ ttl: 0, http: 1, tcp: 2, grpc: 3, exec: 4, reported: 5 });

const NO_TAGS: readonly string[] = Object.freeze([]);
const NO_CHECKS: readonly Check[] = Object.freeze([]);
const NO_META: Readonly<Record<string, string>> = Object.freeze({});

function writeMeta(out: ByteWriter, meta: Readonly<Record<string, string>>): void {
  let size = 0;
  for (const _ in meta) size++;
  out.count(size);
  for (const name in meta) {
    out.string(name);
    out.string(meta[name] as string);
  }
}

/** Assigns even what would be the prototype otherwise. */
function setOwn<T>(target: Record<string, T>, name: string, value: T): void {
  if (name === "__proto__")
    Object.defineProperty(target, name, { value, enumerable: true, configurable: true, writable: true });
  else target[name] = value;
}

function readMeta(input: ByteReader): Readonly<Record<string, string>> {
  const size = input.size();
  if (size === 0) return NO_META;
  const meta: Record<string, string> = {};
  for (let i = 0; i < size; i++) {
    const name = input.string();
    setOwn(meta, name, input.string());
  }
  return meta;
}

function writePorts(out: ByteWriter, ports: Ports): void {
  let size = 0;
  for (const _ in ports) size++;
  out.count(size);
  for (const name in ports) {
    out.string(name);
    out.number(ports[name] as number);
  }
}

function readPorts(input: ByteReader): Ports {
  const size = input.size();
  const ports: Record<string, number> = {};
  for (let i = 0; i < size; i++) {
    const name = input.string();
    setOwn(ports, name, input.number());
  }
  return ports;
}

function writeStrings(out: ByteWriter, strings: readonly string[]): void {
  out.count(strings.length);
  for (const text of strings) out.string(text);
}

function readStrings(input: ByteReader): readonly string[] {
  const size = input.size();
  if (size === 0) return NO_TAGS;
  const strings: string[] = [];
  for (let i = 0; i < size; i++) strings.push(input.string());
  return strings;
}

function writeChecks(out: ByteWriter, checks: readonly Check[]): void {
  out.count(checks.length);
  for (const check of checks) {
    out.string(check.id);
    CHECK_KINDS.write(out, check.kind);
    out.string(check.name);
    out.string(check.target);
    out.number(check.intervalMs);
    out.number(check.timeoutMs);
    STATUSES.write(out, check.status);
    out.string(check.output);
    out.number(check.reportedAtMs);
  }
}

function readChecks(input: ByteReader): readonly Check[] {
  const size = input.size();
  if (size === 0) return NO_CHECKS;
  const checks: Check[] = [];
  for (let i = 0; i < size; i++) {
    checks.push({
      id: input.string(),
      kind: CHECK_KINDS.read(input),
      name: input.string(),
      target: input.string(),
      intervalMs: input.number(),
      timeoutMs: input.number(),
      status: STATUSES.read(input),
      output: input.string(),
      reportedAtMs: input.number(),
    });
  }
  return checks;
}

function writeHeld(out: ByteWriter, held: Held | null): void {
  out.byte(held === null ? 0 : 1);
  if (held === null) return;
  out.number(held.sinceMs);
  out.string(held.reason);
}

function readHeld(input: ByteReader): Held | null {
  return readFlag(input) ? { sinceMs: input.number(), reason: input.string() } : null;
}

function readFlag(input: ByteReader): boolean {
  const flag = input.byte();
  if (flag > 1) throw new Torn("neither yes nor no");
  return flag === 1;
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
  out.byte(record.override === null ? 0 : 1);
  if (record.override !== null) STATUSES.write(out, record.override);
  writeHeld(out, record.held);
  out.number(base.revision - record.createRevision);
  out.number(base.revision - record.modRevision);
  out.number(base.atMs - record.createdAtMs);
  out.number(base.atMs - record.stampMs);
  out.string(record.origin);
}

export function readInstance(input: ByteReader, base: Base): InstanceRecord {
  const service = input.string();
  const id = input.string();
  return {
    service,
    id,
    address: input.string(),
    ports: readPorts(input),
    protocol: input.string(),
    tags: readStrings(input),
    meta: readMeta(input),
    version: input.string(),
    zone: input.string(),
    weight: input.number(),
    status: STATUSES.read(input),
    checks: readChecks(input),
    via: input.string(),
    lease: readLeaseOfInstance(input, service, id),
    override: readFlag(input) ? STATUSES.read(input) : null,
    held: readHeld(input),
    createRevision: base.revision - input.number(),
    modRevision: base.revision - input.number(),
    createdAtMs: base.atMs - input.number(),
    stampMs: base.atMs - input.number(),
    origin: input.string(),
  };
}

export function writeLease(out: ByteWriter, record: LeaseRecord, base: Base): void {
  out.string(record.id);
  out.number(record.ttlMs);
  out.string(record.via);
  out.byte(record.own ? 1 : 0);
  writeMeta(out, record.meta);
  writeHeld(out, record.held);
  out.number(base.revision - record.createRevision);
  out.number(base.revision - record.modRevision);
  out.number(base.atMs - record.grantedAtMs);
  out.string(record.origin);
}

export function readLease(input: ByteReader, base: Base): LeaseRecord {
  return {
    id: input.string(),
    ttlMs: input.number(),
    via: input.string(),
    own: readFlag(input),
    meta: readMeta(input),
    held: readHeld(input),
    createRevision: base.revision - input.number(),
    modRevision: base.revision - input.number(),
    grantedAtMs: base.atMs - input.number(),
    origin: input.string(),
  };
}

export function writeKey(out: ByteWriter, record: KeyRecord, base: Base): void {
  out.string(record.key);
  out.string(record.value);
  out.byte(record.lease === null ? 0 : 1);
  if (record.lease !== null) out.string(record.lease);
  out.number(record.version);
  out.number(base.revision - record.createRevision);
  out.number(base.revision - record.modRevision);
  out.number(base.atMs - record.stampMs);
  out.string(record.origin);
}

export function readKey(input: ByteReader, base: Base): KeyRecord {
  return {
    key: input.string(),
    value: input.string(),
    lease: readFlag(input) ? input.string() : null,
    version: input.number(),
    createRevision: base.revision - input.number(),
    modRevision: base.revision - input.number(),
    stampMs: base.atMs - input.number(),
    origin: input.string(),
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
