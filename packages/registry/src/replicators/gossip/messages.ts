/** What nodes say to each other of units, as bytes. */
import {
  type Account,
  type Bytes,
  isLegalAccount,
  isLegalName,
  isOwnOf,
  isShared,
  LEAVES,
  LIMITS,
  nameOfUnit,
  type Outcome,
  SYSTEM_ACCOUNT,
  sizeOf,
  type Unit,
  type UnitName,
  unitKey,
  type Version,
  versionOfUnit,
} from "../../core/index.ts";
import { type ByteReader, ByteWriter, Torn } from "../../records/bytes.ts";
import { CAUSES, readFlag } from "../../records/parts.ts";
import { readInstance, readKey, readLease, writeInstance, writeKey, writeLease } from "../../records/record.ts";
import { HEAD_BYTES, seal, unseal } from "../../records/sealed.ts";

/** A unit with its account. */
export interface Placed<U extends Unit = Unit> {
  readonly account: Account;
  readonly unit: U;
}

/** Of units in one message or one commit, as `sizeOfUnit` has it: twice as much is still far below what the link takes. */
export const BYTES_AT_ONCE = 4 * 1024 * 1024;
/** Of a name with its version, at most, beside the key. */
export const KNOWN_BYTES = 200;

/** About the bytes that it takes in a message. */
export function sizeOfUnit(unit: Unit): number {
  if (unit.kind === "gone") return KNOWN_BYTES + unitKey(unit.of).length;
  return sizeOf(unit.record) + (unit.kind === "instance" && unit.own !== null ? sizeOf(unit.own) : 0);
}

/** In parts of so many units, and of not too many bytes. */
export function* inParts<T>(all: readonly T[], countMax: number, unitOf: (one: T) => Unit): Iterable<T[]> {
  let part: T[] = [];
  let bytes = 0;
  for (const one of all) {
    part.push(one);
    bytes += sizeOfUnit(unitOf(one));
    if (part.length < countMax && bytes < BYTES_AT_ONCE) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

/** What a node has of a unit, without saying what. */
export interface Known extends Version {
  readonly account: Account;
  readonly key: Bytes;
}

/** Digests: two numbers of 32 bits each. */
export type Digests = Uint32Array;

export interface Root {
  /** The sender's order. */
  readonly line: string;
  /** The greatest stamp that it knows. */
  readonly last: number;
  /** How many units it has. */
  readonly count: number;
  readonly digest: Digests;
}

export type Question =
  | ({ readonly kind: "root" } & Root)
  | { readonly kind: "groups"; readonly groups: readonly number[] }
  | {
      readonly kind: "leaves";
      readonly line: string;
      /** Of the last time that both had the same, if that was so long ago that tombstones may be gone since; else 0. */
      readonly boundMs: number;
      readonly leaves: readonly { readonly leaf: number; readonly known: readonly Known[] }[];
    };

export interface RootAnswer extends Root {
  /** It compares itself with somebody, and has less than the one that asks: that one is to come later. */
  readonly isBusy: boolean;
  /** Of all groups; none when all is the same. */
  readonly groups: Digests;
}

export interface LeavesAnswer {
  /** So many of the leaves were looked at. */
  readonly done: number;
  readonly units: readonly Placed[];
  readonly wanted: readonly { readonly account: Account; readonly key: Bytes }[];
}

const out = new ByteWriter();
/** Far beyond any clock: stamps go on from there by single milliseconds, and must have room to. */
const STAMP_MS_MAX = 1e14;
const KINDS = ["root", "groups", "leaves"] as const;
const UNITS = ["instance", "lease", "key", "gone"] as const;
const NAMES = ["instance", "lease", "key"] as const;

function sealed(write: () => void): Buffer {
  out.clear(HEAD_BYTES);
  write();
  return Buffer.from(seal(out.bytes()));
}

function opened<T>(bytes: Buffer, what: string, read: (input: ByteReader) => T): Outcome<T> {
  return unseal(bytes, 0, bytes.length, what, read);
}

function readStamp(input: ByteReader): number {
  const stampMs = input.number();
  if (!Number.isSafeInteger(stampMs) || stampMs < 0 || stampMs > STAMP_MS_MAX) throw new Torn("a stamp is none");
  return stampMs;
}

/** Whether it may be here at all: what nodes tell each other no client could have written otherwise. */
function isSound({ account, unit }: Placed): boolean {
  const { stampMs } = versionOfUnit(unit);
  if (!Number.isSafeInteger(stampMs) || stampMs < 0 || stampMs > STAMP_MS_MAX) return false;
  if (account !== SYSTEM_ACCOUNT && !isLegalAccount(account)) return false;
  const name = nameOfUnit(unit);
  if (name.kind === "key" && !isShared(name.key)) return false;
  if (name.kind === "instance" && !(isLegalName(name.service) && isLegalName(name.id, LIMITS.idLengthMax)))
    return false;
  if (unit.kind === "lease") return unit.record.ttlMs > 0;
  if (unit.kind !== "instance" || unit.own === null) return true;
  const { record, own } = unit;
  return own.ttlMs > 0 && own.id === record.lease && isOwnOf(record, own);
}

/** Many records are of one time: they are written as distances from that. Revisions say nothing elsewhere. */
function writeUnit(unit: Unit, atMs: number): void {
  out.byte(UNITS.indexOf(unit.kind));
  if (unit.kind === "gone") {
    writeName(unit.of);
    out.number(unit.stampMs);
    out.string(unit.origin);
    return CAUSES.write(out, unit.cause);
  }
  const base = { revision: unit.record.modRevision, atMs };
  if (unit.kind === "lease") writeLease(out, unit.record, base);
  else if (unit.kind === "key") writeKey(out, unit.record, base);
  else {
    writeInstance(out, unit.record, base);
    out.byte(unit.own === null ? 0 : 1);
    if (unit.own !== null) writeLease(out, unit.own, base);
  }
}

function readUnit(input: ByteReader, atMs: number): Unit {
  const base = { revision: 0, atMs };
  switch (UNITS[input.byte()]) {
    case "instance": {
      const record = readInstance(input, base);
      return { kind: "instance", record, own: readFlag(input) ? readLease(input, base) : null };
    }
    case "lease":
      return { kind: "lease", record: readLease(input, base) };
    case "key":
      return { kind: "key", record: readKey(input, base) };
    case "gone": {
      const of = readName(input);
      return { kind: "gone", of, stampMs: input.number(), origin: input.string(), cause: CAUSES.read(input) };
    }
    default:
      throw new Torn("an unknown kind of unit");
  }
}

function writeName(name: UnitName): void {
  out.byte(NAMES.indexOf(name.kind));
  out.string(name.kind === "instance" ? name.service : name.kind === "lease" ? name.id : name.key);
  if (name.kind === "instance") out.string(name.id);
}

function readName(input: ByteReader): UnitName {
  const kind = NAMES[input.byte()];
  if (kind === "instance") return { kind, service: input.string(), id: input.ownString() };
  if (kind === "lease") return { kind, id: input.ownString() };
  if (kind === "key") return { kind, key: input.ownString() };
  throw new Torn("an unknown kind of name");
}

function writePlaced(placed: readonly Placed[], atMs: number): void {
  out.count(placed.length);
  out.number(atMs);
  for (const { account, unit } of placed) {
    out.string(account);
    writeUnit(unit, atMs);
  }
}

function readPlaced(input: ByteReader): Placed[] {
  const placed: Placed[] = [];
  const count = input.size();
  const atMs = input.number();
  for (let i = 0; i < count; i++) {
    const one: Placed = { account: input.string(), unit: readUnit(input, atMs) };
    if (isSound(one)) placed.push(one);
  }
  return placed;
}

export function encodeUnits(placed: readonly Placed[], atMs: number): Buffer {
  return sealed(() => writePlaced(placed, atMs));
}

export function decodeUnits(bytes: Buffer): Outcome<Placed[]> {
  return opened(bytes, "a message with units", readPlaced);
}

function writeDigests(digests: Digests): void {
  out.count(digests.length);
  for (const digest of digests) out.count(digest);
}

function readDigests(input: ByteReader): Digests {
  const digests = new Uint32Array(input.size());
  for (let i = 0; i < digests.length; i++) digests[i] = input.count();
  return digests;
}

function writeKnown({ account, key, stampMs, origin, isGone }: Known): void {
  out.string(account);
  out.string(key);
  out.number(stampMs);
  out.string(origin);
  out.byte(isGone ? 1 : 0);
}

function readKnown(input: ByteReader): Known {
  const [account, key] = [input.string(), input.ownString()];
  return { account, key, stampMs: readStamp(input), origin: input.string(), isGone: readFlag(input) };
}

function writeRoot({ line, last, count, digest }: Root): void {
  out.string(line);
  out.number(last);
  out.count(count);
  writeDigests(digest);
}

function readRoot(input: ByteReader): Root {
  return { line: input.string(), last: readStamp(input), count: input.count(), digest: readDigests(input) };
}

function readList<T>(input: ByteReader, read: () => T, lengthMax = Number.POSITIVE_INFINITY): T[] {
  const length = input.size();
  if (length > lengthMax) throw new Torn("it asks for more than there is");
  return Array.from({ length }, read);
}

export function encodeQuestion(question: Question): Buffer {
  return sealed(() => {
    out.byte(KINDS.indexOf(question.kind));
    if (question.kind === "root") return writeRoot(question);
    if (question.kind === "groups") {
      out.count(question.groups.length);
      for (const group of question.groups) out.count(group);
      return;
    }
    out.string(question.line);
    out.number(question.boundMs);
    out.count(question.leaves.length);
    for (const { leaf, known } of question.leaves) {
      out.count(leaf);
      out.count(known.length);
      for (const one of known) writeKnown(one);
    }
  });
}

export function decodeQuestion(bytes: Buffer): Outcome<Question> {
  return opened(bytes, "a question of another node", (input): Question => {
    const kind = KINDS[input.byte()];
    if (kind === "root") return { kind, ...readRoot(input) };
    if (kind === "groups") return { kind, groups: readList(input, () => input.count(), LEAVES) };
    if (kind !== "leaves") throw new Torn("an unknown kind of question");
    const [line, boundMs] = [input.string(), readStamp(input)];
    const readLeaf = () => ({ leaf: input.count(), known: readList(input, () => readKnown(input)) });
    const leaves = readList(input, readLeaf, LEAVES);
    return { kind, line, boundMs, leaves };
  });
}

export function encodeRootAnswer(answer: RootAnswer): Buffer {
  return sealed(() => {
    writeRoot(answer);
    out.byte(answer.isBusy ? 1 : 0);
    writeDigests(answer.groups);
  });
}

export function decodeRootAnswer(bytes: Buffer): Outcome<RootAnswer> {
  return opened(bytes, "an answer of another node", (input) => {
    const root = readRoot(input);
    return { ...root, isBusy: readFlag(input), groups: readDigests(input) };
  });
}

export function encodeDigests(digests: Digests): Buffer {
  return sealed(() => writeDigests(digests));
}

export function decodeDigests(bytes: Buffer): Outcome<Digests> {
  return opened(bytes, "digests of another node", readDigests);
}

export function encodeLeavesAnswer({ done, units, wanted }: LeavesAnswer, atMs: number): Buffer {
  return sealed(() => {
    out.count(done);
    writePlaced(units, atMs);
    out.count(wanted.length);
    for (const { account, key } of wanted) {
      out.string(account);
      out.string(key);
    }
  });
}

export function decodeLeavesAnswer(bytes: Buffer): Outcome<LeavesAnswer> {
  return opened(bytes, "an answer of another node", (input) => ({
    done: input.count(),
    units: readPlaced(input),
    wanted: readList(input, () => ({ account: input.string(), key: input.ownString() })),
  }));
}
