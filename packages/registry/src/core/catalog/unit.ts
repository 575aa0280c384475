/**
 * Units: what replicas without a common order merge as wholes. Of two versions of a unit the greater one stays, whatever
 * came first, so all replicas that have heard of the same end in the same. What is gone leaves a tombstone, a reserved
 * key of the account, so that an older version does not bring it back.
 */
import { FLOOR_KEY, fromBytes, toBytes } from "../bytes.ts";
import type {
  Account,
  Bytes,
  Cause,
  InstanceRecord,
  KeyRecord,
  LeaseId,
  LeaseRecord,
  Tombstone,
  Unit,
  UnitName,
  Version,
} from "../types.ts";

/** Where units are looked up. */
export interface Units {
  instance(account: Account, service: string, id: string): InstanceRecord | undefined;
  lease(account: Account, lease: LeaseId): LeaseRecord | undefined;
  entry(account: Account, key: Bytes): KeyRecord | undefined;
}

export function stampOfLease({ stampMs, grantedAtMs }: LeaseRecord): number {
  return stampMs ?? grantedAtMs;
}

/** Whether the instance has this lease to itself: it is named by it, and perhaps numbered. */
export function isOwnOf({ service, id }: Pick<InstanceRecord, "service" | "id">, lease: LeaseRecord): boolean {
  const name = `${service}/${id}`;
  return lease.own && (lease.id === name || lease.id.startsWith(`${name}#`));
}

export function nameOfUnit(unit: Unit): UnitName {
  switch (unit.kind) {
    case "gone":
      return unit.of;
    case "instance":
      return { kind: "instance", service: unit.record.service, id: unit.record.id };
    case "lease":
      return { kind: "lease", id: unit.record.id };
    case "key":
      return { kind: "key", key: unit.record.key };
  }
}

export function versionOfUnit(unit: Unit): Version {
  if (unit.kind === "gone") return { stampMs: unit.stampMs, origin: unit.origin, isGone: true };
  if (unit.kind === "lease") return { stampMs: stampOfLease(unit.record), origin: unit.record.origin, isGone: false };
  const { stampMs, origin } = unit.record;
  const own = unit.kind === "instance" ? unit.own : null;
  if (own === null) return { stampMs, origin, isGone: false };
  const ownMs = stampOfLease(own);
  const isLater = ownMs > stampMs || (ownMs === stampMs && own.origin > origin);
  return isLater ? { stampMs: ownMs, origin: own.origin, isGone: false } : { stampMs, origin, isGone: false };
}

/** Above 0 when `a` is the newer one. */
export function compareVersions(a: Version, b: Version): number {
  if (a.stampMs !== b.stampMs) return a.stampMs - b.stampMs;
  if (a.isGone !== b.isGone) return a.isGone ? -1 : 1;
  return a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0;
}

/** What is said of two that have one version; only chance brings that about, and any order does that all replicas have. */
export function compareContents(a: Unit, b: Unit): number {
  if (isAlike(a, b)) return 0;
  const [left, right] = [contentOf(a), contentOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Whether two values have the same in them, but for revisions. */
function isAlike(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [left, right] = [a as Readonly<Record<string, unknown>>, b as Readonly<Record<string, unknown>>];
  for (const name in left) if (!isRevision(name) && !isAlike(left[name], right[name])) return false;
  for (const name in right)
    if (left[name] === undefined && right[name] !== undefined && !isRevision(name)) return false;
  return true;
}

function isRevision(name: string): boolean {
  return name === "createRevision" || name === "modRevision";
}

function contentOf(unit: Unit): string {
  const own = unit.kind === "instance" ? unit.own : null;
  const record = unit.kind === "gone" ? unit : unit.record;
  return JSON.stringify([record, own], (name, value: unknown) => {
    if (isRevision(name)) return undefined;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
  });
}

/** The unit of this name as it is there, or its tombstone. */
export function findUnit(units: Units, account: Account, name: UnitName): Unit | undefined {
  return findLiving(units, account, name) ?? findTombstone(units, account, name);
}

export function findLiving(units: Units, account: Account, name: UnitName): Exclude<Unit, Tombstone> | undefined {
  if (name.kind === "key") {
    const record = units.entry(account, name.key);
    return record && { kind: "key", record };
  }
  if (name.kind === "instance") {
    const record = units.instance(account, name.service, name.id);
    if (record === undefined) return undefined;
    const lease = record.lease === null ? undefined : units.lease(account, record.lease);
    return { kind: "instance", record, own: lease !== undefined && isOwnOf(record, lease) ? lease : null };
  }
  const record = units.lease(account, name.id);
  return record === undefined || ownerIn(units, account, record) !== undefined ? undefined : { kind: "lease", record };
}

const NUMBER = /#\d+$/;

/** The instance that has this lease to itself, and with which it is one unit. */
export function ownerIn(units: Units, account: Account, lease: LeaseRecord): InstanceRecord | undefined {
  if (!lease.own) return undefined;
  const { id } = lease;
  for (const name of id.includes("#") ? [id, id.replace(NUMBER, "")] : [id]) {
    const slash = name.indexOf("/");
    const record = units.instance(account, name.slice(0, slash), name.slice(slash + 1));
    if (record?.lease === lease.id) return record;
  }
  return undefined;
}

export function findTombstone(units: Units, account: Account, name: UnitName): Tombstone | undefined {
  const record = units.entry(account, tombstoneKey(name));
  return record && readTombstone(record);
}

/** What lies under this is each node's own. */
const TOMBSTONES: Bytes = "\0gossip\0";

/** Where a node keeps what it knows of the others, in the system's account. */
export const KNOWN_KEY: Bytes = "\0gossip\x01";

/** Whether a key is a unit; the others are of one node alone. */
export function isShared(key: Bytes): boolean {
  return key !== FLOOR_KEY && key !== KNOWN_KEY && !key.startsWith(TOMBSTONES);
}

/** The name as one string. */
export function unitKey(name: UnitName): Bytes {
  if (name.kind === "key") return `k${name.key}`;
  return name.kind === "lease" ? `l${toBytes(name.id)}` : `i${toBytes(name.service)}\0${toBytes(name.id)}`;
}

export function unitNameOf(key: Bytes): UnitName {
  const rest = key.slice(1);
  if (key.startsWith("k")) return { kind: "key", key: rest };
  if (key.startsWith("l")) return { kind: "lease", id: fromBytes(rest) };
  const [service = "", id = ""] = rest.split("\0");
  return { kind: "instance", service: fromBytes(service), id: fromBytes(id) };
}

/** The units of an account are dealt out over so many leaves: by those nodes compare what they have. */
export const LEAVES = 4096;

/** Two numbers of 32 bits from a text. */
export function mix(text: string, seed = 0): readonly [number, number] {
  let [a, b] = [0xdeadbeef ^ seed, 0x41c6ce57 ^ seed];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  const c = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  const d = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return [c >>> 0, d >>> 0];
}

export function leafOf(key: Bytes): number {
  return mix(key)[0] % LEAVES;
}

/** Where an account's tombstones of a leaf begin. */
export function tombstonesOf(leaf: number): Bytes {
  return `${TOMBSTONES}${leaf.toString(16).padStart(3, "0")}`;
}

/** All tombstones of an account. */
export const ALL_TOMBSTONES = { from: TOMBSTONES, to: "\0gossip\x01" } as const;

/** Without a slash, as those make directories. */
function tombstoneKey(name: UnitName): Bytes {
  const key = unitKey(name);
  return tombstonesOf(leafOf(key)) + key.replaceAll("\x01", "\x01\x02").replaceAll("/", "\x01\x01");
}

/** Of a tombstone, from its key and value. */
export function readTombstone({ key, value }: Pick<KeyRecord, "key" | "value">): Tombstone {
  const [stampMs, origin, cause, kind, ...names] = JSON.parse(fromBytes(value)) as [
    number,
    string,
    Cause,
    UnitName["kind"],
    string,
    string,
  ];
  return { kind: "gone", of: nameFrom(kind, names, key), stampMs, origin, cause };
}

function nameFrom(kind: UnitName["kind"], [first = "", second = ""]: readonly string[], key: Bytes): UnitName {
  if (kind === "instance") return { kind, service: first, id: second };
  if (kind === "lease") return { kind, id: first };
  const rest = key.slice(tombstonesOf(0).length + 1);
  return { kind, key: rest.replaceAll("\x01\x01", "/").replaceAll("\x01\x02", "\x01") };
}

/** The key and value that keep a tombstone. */
export function writeTombstone({ of, stampMs, origin, cause }: Tombstone): Pick<KeyRecord, "key" | "value"> {
  const names = of.kind === "instance" ? [of.service, of.id] : of.kind === "lease" ? [of.id] : [];
  return { key: tombstoneKey(of), value: toBytes(JSON.stringify([stampMs, origin, cause, of.kind, ...names])) };
}

export function isTombstone(key: Bytes): boolean {
  return key.startsWith(TOMBSTONES);
}
